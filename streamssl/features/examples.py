"""From the columns of an example, by name, to a row of this worker: others may number their columns differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from streamssl.features.column_names import ColumnName, parse
from streamssl.features.fields import LONGEST_NAME, Field
from streamssl.features.registry import ColumnRegistry
from streamssl.features.values import LARGEST, Trouble


def row_of(
    registry: ColumnRegistry,
    columns: Mapping[str, float],
    is_excluded: Callable[[str], bool],
    on_trouble: Callable[[Trouble, str], None],
) -> NDArray[np.float32]:
    """Return the row of an example; columns unknown here are added while there is room.

    Parameters
    ----------
    registry
        Gets new columns; its running means stay as they are.
    columns
        Column name -> value.
    is_excluded
        Is a field, by its name, to be left out?
    on_trouble
        Is told of columns that cannot be used, with the name of their field.

    Returns
    -------
    (width,) array
        Finite. Columns that the example lacks have the running mean, or 0 where it has another category of the
        field. A category without a column here is in its bucket. O(width), about .3 us a column.
    """
    _add_unknown(registry, columns, is_excluded, on_trouble)
    given = np.fromiter(columns.values(), np.float64, len(columns))
    usable = np.abs(given) <= LARGEST
    for name in compress(columns, ~usable):
        on_trouble(Trouble("out_of_range"), parse(name).field)
    places = np.array([registry.positions.get(name, -1) for name in columns], dtype=np.int64)
    known = usable & (places >= 0)
    elsewhere = _in_buckets(registry, columns)
    named = set(registry.means.owner[places[known]].tolist()) | {field.number for field, _, _ in elsewhere}

    means = registry.means.mean.astype(np.float32)
    row = means.copy()
    for field in registry.fields.values():
        if field.kind == "category" and field.number in named:
            row[field.columns] = 0
    row[places[known]] = given[known]
    for _, bucket, value in elsewhere:
        row[bucket] = value
    for field in registry.fields.values():
        if is_excluded(field.name):
            left_out = field.columns if field.flag is None else [*field.columns, field.flag]
            row[left_out] = means[left_out]
    return row


def _add_unknown(
    registry: ColumnRegistry,
    columns: Mapping[str, float],
    is_excluded: Callable[[str], bool],
    on_trouble: Callable[[Trouble, str], None],
) -> None:
    for name, value in columns.items():
        if name not in registry.positions:
            column = parse(name)
            if not is_excluded(column.field):
                try:
                    _add(registry, column, value, columns)
                except Trouble as trouble:
                    on_trouble(trouble, column.field)


def _in_buckets(registry: ColumnRegistry, columns: Mapping[str, float]) -> list[tuple[Field, int, float]]:
    """Return (field, bucket, value) of the categories that have no column here."""
    found = []
    for name, value in columns.items():
        if name not in registry.positions and 0 < value <= 1:
            column = parse(name)
            field = registry.fields.get(column.field)
            if column.role == "category" and field is not None:
                bucket = field.column_of(column.category)
                if bucket is not None:
                    found.append((field, bucket, value))
    return found


def _add(registry: ColumnRegistry, column: ColumnName, value: float, columns: Mapping[str, float]) -> None:
    """Add a column that an example brings; of categories, only the one that its event has."""
    name = column.field
    if len(name) > LONGEST_NAME:
        raise Trouble("name_too_long")
    field = registry.fields.get(name)
    if column.role == "missing":
        if field is not None:
            registry.add_flag(field)
        return
    kind = "category" if column.role == "bucket" else column.role
    if field is not None and field.kind != kind:
        raise Trouble("type_changed")
    added: Field | int | None
    if column.role == "number":
        added = registry.add_number(name)
    elif column.role == "vector":
        if field is not None:
            raise Trouble("vector_length")
        positions = (parse(other) for other in columns)
        added = registry.add_vector(name, 1 + max(p.position for p in positions if p[:2] == (name, "vector")))
    elif not value:
        return
    else:
        category = column.category if column.role == "category" else None
        added = (
            registry.add_category_field(name, category) if field is None else registry.add_category(field, category)
        )
    if added is None:
        raise Trouble("too_wide")
