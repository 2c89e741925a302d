"""From the columns of an example, by name, to a row of this worker: others may number their columns differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from streamssl.features.column_names import ColumnName, parse
from streamssl.features.fields import Field
from streamssl.features.registry import ColumnRegistry
from streamssl.features.values import LARGEST, Trouble


def row_of(
    registry: ColumnRegistry, columns: Mapping[str, float], on_trouble: Callable[[Trouble, str], None]
) -> NDArray[np.float32]:
    """Return the row of an example; columns unknown here are added while there is room.

    Parameters
    ----------
    registry
        Gets new columns; its running means stay as they are.
    columns
        Column name -> value.
    on_trouble
        Is told of columns that cannot be used, with the name of their field.

    Returns
    -------
    (width,) array
        Finite. Columns that the example lacks have the running mean, or 0 where it has another category of the
        field. A category without a column here is in its bucket. O(width).
    """
    for name, value in columns.items():
        if name not in registry.positions:
            column = parse(name)
            try:
                _add(registry, column, value, columns)
            except Trouble as trouble:
                on_trouble(trouble, column.field)
    row = registry.means.mean.astype(np.float32)
    for field in _category_fields(registry, columns):
        row[field.columns] = 0
    for name, value in columns.items():
        position = _position(registry, name, value)
        if position is None:
            continue
        if abs(value) <= LARGEST:
            row[position] = value
        else:
            on_trouble(Trouble("out_of_range"), parse(name).field)
    return row


def _add(registry: ColumnRegistry, column: ColumnName, value: float, columns: Mapping[str, float]) -> None:
    """Add a column that an example brings; of categories, only the one that its event has."""
    name = column.field
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


def _category_fields(registry: ColumnRegistry, columns: Mapping[str, float]) -> list[Field]:
    """Return the fields of which the example knows the category."""
    names = {column.field: None for column in map(parse, columns) if column.role in ("category", "bucket")}
    known = (registry.fields.get(name) for name in names)
    return [field for field in known if field is not None and field.kind == "category"]


def _position(registry: ColumnRegistry, name: str, value: float) -> int | None:
    """Return where a value of an example belongs."""
    column = parse(name)
    if column.role in ("category", "bucket") and not value:
        # Already 0; and the bucket that stands for it here may hold another category.
        return None
    position = registry.positions.get(name)
    if position is None and column.role == "category":
        field = registry.fields.get(column.field)
        return None if field is None else field.column_of(column.category)
    return position
