"""Reading many events at once that have the same fields: what nearly all events of a stream do.

Only what is plain is read in bulk: numbers, known categories, nulls. Where anything else shows up nothing is read,
and the caller reads these events one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from types import NoneType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamssl.features.fields import Field
from streamssl.features.registry import ColumnRegistry
from streamssl.features.values import LARGEST, NUMBERS

_NUMBERS_OR_NULL = NUMBERS | {NoneType}
_STRINGS_OR_NULL = frozenset({str, NoneType})


class Plan(NamedTuple):
    """What events with certain names hold. It is good until a field is added."""

    gather: Callable[[Any], tuple[Any, ...]]
    """Event -> its values, by name."""
    fields: list[Field | None]
    """The field of each name; None where none is known yet or wanted."""
    excluded: frozenset[int]
    """Which of them are not wanted."""


def plan_for(names: tuple[str, ...], registry: ColumnRegistry, is_excluded: Callable[[str], bool]) -> Plan | None:
    """Return how to read events with these names in bulk, if that is possible."""
    fields = [registry.fields.get(name) for name in names]
    if not names or any(field is not None and field.kind == "vector" for field in fields):
        return None
    if len(names) == 1:
        # With one name, itemgetter would return a bare value.
        [name] = names
        return Plan(lambda event: (event[name],), fields, frozenset({0} if is_excluded(name) else ()))
    excluded = (i for i, name in enumerate(names) if is_excluded(name))
    return Plan(itemgetter(*names), fields, frozenset(excluded))


def gather(plan: Plan, events: Iterable[dict[str, Any] | list[Any]]) -> list[tuple[Any, ...]]:
    """Return the values of the first events, as many as have just the names of the plan."""
    gathered = []
    n_names = len(plan.fields)
    for event in events:
        # As many names as the plan has, and all of the plan's: then they are the same.
        if len(event) != n_names:
            break
        try:
            gathered.append(plan.gather(event))
        except (KeyError, TypeError):  # other names, or a list
            break
    return gathered


def read(
    plan: Plan, gathered: Sequence[tuple[Any, ...]], registry: ColumnRegistry
) -> tuple[NDArray[np.float64], Counter[str]] | None:
    """Return the rows of gathered events, NaN where they say nothing, or None if not all of them are plain.

    Returns
    -------
    (n, width) array, Counter
        And how often the number of each field was beyond float32; those are NaN.
    """
    rows = np.full((len(gathered), len(registry)), np.nan)
    beyond: Counter[str] = Counter()
    for i, (field, column) in enumerate(zip(plan.fields, zip(*gathered, strict=True), strict=True)):
        if i in plan.excluded:
            continue
        if field is None:
            if any(value is not None for value in column):
                return None
        elif field.kind == "number":
            numbers = _numbers(column)
            if numbers is None:
                return None
            too_large = np.abs(numbers) > LARGEST
            if too_large.any():
                beyond[field.name] = int(too_large.sum())
                numbers[too_large] = np.nan
            rows[:, field.columns[0]] = numbers
        else:
            positions = _positions(field, column, registry)
            if positions is None:
                return None
            [there] = np.nonzero(positions >= 0)
            rows[there, field.columns[0]] = 0.0
            rows[there, positions[there]] = 1.0
    return rows, beyond


def _numbers(column: tuple[Any, ...]) -> NDArray[np.float64] | None:
    if not _NUMBERS_OR_NULL.issuperset(map(type, column)):
        return None
    try:
        return np.array(column, dtype=np.float64)
    except OverflowError:
        return None


def _positions(field: Field, column: tuple[Any, ...], registry: ColumnRegistry) -> NDArray[np.int64] | None:
    """Return the column of each category, -1 for null; None if one needs a new column or has none."""
    if not _STRINGS_OR_NULL.issuperset(map(type, column)):
        return None
    of_category: dict[str | None, int] = {None: -1}
    for category in set(column) - {None}:
        position = field.column_of(category)
        if position is None or registry.would_grow(field, category):
            return None
        of_category[category] = position
    return np.array([of_category[category] for category in column])
