"""From a dict of features to a row: which column a feature has, and what stands for a missing one."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamssl.learners import names

MOST_VALUES = 32
"""One-hot columns a feature may have; rarer values, which come later, have none."""

MOST_COLUMNS = 2048
"""Columns in all; features beyond are not used."""

LARGEST = 1e30
"""Of greater numbers differences and moving averages would leave float32."""


class Columns:
    """The columns of a stream of dicts, in the order in which features were first seen (sorted within an event).

    A number or truth value has one column. A string has one per value, 1 or 0. A feature that is absent, None or
    NaN takes the means of its columns, which says nothing. Memory: at most 2048 names.

    Examples
    --------
    >>> columns = Columns()
    >>> columns.register({"size": 3, "colour": "red"})
    >>> columns.row({"size": 3, "colour": "red"}, np.zeros(2, np.float32)).tolist()
    [1.0, 3.0]
    >>> columns.row({"colour": "blue"}, np.full(2, 0.5, np.float32)).tolist()
    [0.0, 0.5]
    """

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._values: dict[Hashable, dict[str, int]] = {}

    def __len__(self) -> int:
        return len(self._numbers) + sum(len(values) for values in self._values.values())

    def register(self, x: Mapping[Hashable, Any]) -> None:
        """Give columns to what is new in ``x``."""
        new = [name for name, value in x.items() if self._is_new(name, value)]
        for name in sorted(new, key=str):
            n_columns = len(self)
            if n_columns >= MOST_COLUMNS:
                return
            value = x[name]
            if isinstance(value, str):
                values = self._values.setdefault(name, {})
                if len(values) < MOST_VALUES:
                    values[value] = n_columns
            else:
                self._numbers[name] = n_columns

    def _is_new(self, name: Hashable, value: Any) -> bool:
        if isinstance(value, str):
            return value not in self._values.get(name, ())
        return name not in self._numbers and _number(name, value) is not None

    def row(self, x: Mapping[Hashable, Any], means: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ``x`` as a row (d,); features without columns are left out.

        Parameters
        ----------
        x
            Features by name.
        means
            (d,) what stands for missing values.

        Raises
        ------
        TypeError
            If a feature is neither number, truth value, string nor None.
        ValueError
            If a number is infinite or too large for 32 bits.
        """
        row = means.copy()
        numbers = self._numbers
        for name, value in x.items():
            if type(value) is float and name in numbers and -LARGEST <= value <= LARGEST:
                row[numbers[name]] = value  # as below; nearly all values come this way
                continue
            if isinstance(value, str):
                for known, column in self._values.get(name, {}).items():
                    row[column] = known == value
                continue
            number = _number(name, value)
            if number is not None and name in numbers:
                row[numbers[name]] = number
        return row

    def firsts(self, table: Mapping[Hashable, NDArray[Any]]) -> dict[int, dict[Hashable, Any]]:
        """Return what is new in each row, for `register`; rows in which nothing is new are left out."""
        firsts: dict[int, dict[Hashable, Any]] = {}
        for name, column in table.items():
            if column.dtype.kind == "f":
                given = np.flatnonzero(~np.isnan(column))[:1].tolist()
                news = {} if name in self._numbers else {i: column[i] for i in given}
            else:
                news = self._first_objects(name, column)
            for i, value in news.items():
                firsts.setdefault(i, {})[name] = value
        return firsts

    def _first_objects(self, name: Hashable, column: NDArray[Any]) -> dict[int, Any]:
        firsts: dict[Hashable, int] = {}
        for i, value in enumerate(column.tolist()):
            if self._is_new(name, value):
                firsts.setdefault(value if isinstance(value, str) else None, i)
        return {i: column[i] for i in firsts.values()}

    def rows(self, table: Mapping[Hashable, NDArray[Any]], n: int) -> NDArray[np.float32]:
        """Return n rows (n, d), NaN where a value is missing; raises as `row` does."""
        rows = np.full((n, len(self)), np.nan, np.float32)
        for name, column in table.items():
            if column.dtype.kind == "f":
                numbers = column
                beyond = np.flatnonzero(np.abs(column) > LARGEST)[:1]
                for i in beyond:
                    _number(name, column[i])
            else:
                is_text = np.array([isinstance(value, str) for value in column], bool)
                for known, position in self._values.get(name, {}).items():
                    rows[is_text, position] = column[is_text] == known
                found = [None if isinstance(value, str) else _number(name, value) for value in column]
                numbers = np.array(found, np.float64)
            if name in self._numbers:
                rows[:, self._numbers[name]] = numbers
        return rows

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the names and values with their columns; TypeError for a name that is no plain value."""
        owners: list[tuple[Hashable, str | None, int]] = [
            (name, None, column) for name, column in self._numbers.items()
        ]
        for name, values in self._values.items():
            owners += [(name, value, column) for value, column in values.items()]
        return {"columns.owners": np.array(names.to_text(owners))}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the columns of `to_arrays`."""
        columns = cls()
        owners: list[Any] = names.from_text(str(arrays["columns.owners"]))
        for name, value, column in owners:
            if value is None:
                columns._numbers[name] = column
            else:
                columns._values.setdefault(name, {})[value] = column
        return columns


def _number(name: Hashable, value: Any) -> float | None:
    """Return the value of a number or truth value, None if it is missing."""
    if value is None:
        return None
    if not isinstance(value, Real | np.bool_):
        raise TypeError(f"feature {name!r} must be a number, a bool, a string or None, not {type(value).__name__}")
    number = float(value)
    if math.isnan(number):
        return None
    if abs(number) > LARGEST:
        raise ValueError(f"feature {name!r} must be finite and at most 1e30, got {number}")
    return number
