"""Data frames as plain arrays and back, whichever library they come from."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

Table = dict[Hashable, NDArray[Any]]
"""Columns by name: float64 with NaN where a value is missing; or objects, None where missing."""


def to_table(frame: Any) -> Table:
    """Return the columns of an eager frame (pandas, Polars, PyArrow and others that Narwhals knows).

    Examples
    --------
    >>> import pandas as pd
    >>> table = to_table(pd.DataFrame({"size": [1, None], "colour": ["red", None]}))
    >>> {name: column.tolist() for name, column in table.items()}
    {'size': [1.0, nan], 'colour': ['red', None]}
    """
    return {column.name: _values(column) for column in nw.from_native(frame, eager_only=True).iter_columns()}


def length(frame: Any) -> int:
    """Return the number of rows."""
    return len(nw.from_native(frame, eager_only=True))


def to_labels(series: Any) -> list[Hashable]:
    """Return the values of a series, None where one is missing."""
    labels: list[Hashable] = _objects(nw.from_native(series, series_only=True)).tolist()
    return labels


def _values(column: nw.Series[Any]) -> NDArray[Any]:
    if column.dtype.is_integer() or column.dtype.is_float() or column.dtype == nw.Boolean:
        # Nullable types have no NumPy type with room for what is missing; every library has such a float.
        return np.asarray(column.cast(nw.Float64).fill_null(np.nan).to_numpy(), np.float64)
    return _objects(column)


def _objects(column: nw.Series[Any]) -> NDArray[Any]:
    objects = np.empty(len(column), object)
    for i, (value, is_missing) in enumerate(zip(column.to_list(), column.is_null().to_list(), strict=True)):
        objects[i] = None if is_missing or value != value else value  # NaN is no null to Polars
    return objects


def like(frame: Any, columns: dict[Hashable, Sequence[Any]]) -> Any:
    """Return a frame of the same library, with the same index if it has one.

    Names of columns become text where the library knows no others.
    """
    given = nw.from_native(frame, eager_only=True)
    if not given.implementation.is_pandas_like():
        columns = {str(name): values for name, values in columns.items()}
    native = nw.from_dict(columns, backend=given.implementation).to_native()  # type: ignore[arg-type]
    return _with_index_of(given, native)


def series_like(frame: Any, values: list[Any]) -> Any:
    """Return a series of the same library, with the same index if it has one."""
    given = nw.from_native(frame, eager_only=True)
    return _with_index_of(given, nw.new_series("", values, backend=given.implementation).to_native())


def _with_index_of(given: nw.DataFrame[Any], native: Any) -> Any:
    index = nw.maybe_get_index(given)
    if index is None:
        return native
    if len(native) == 0:  # a frame without columns has no rows either
        return native.reindex(index)
    native.index = index
    return native
