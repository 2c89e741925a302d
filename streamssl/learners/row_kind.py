"""What kind of rows a stream has: plain columns, hashed words, or embeddings.

Rows that have all the same length mean by their directions: what standardising does to columns of different units
would only spoil them. They are told by themselves, with no one asked.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

NARROWEST = 100
"""Columns from which on rows may be vectors rather than tables."""
NEARLY_ALL = 0.95
TOLERANCE = 1e-3


class RowKind(NamedTuple):
    """Counts of rows; 24 bytes, O(d) a row."""

    counts: NDArray[np.int64]
    """(3,) rows, those of length 1 or 0, and values that are not 0."""


def new() -> RowKind:
    """Return the counts before any row."""
    return RowKind(np.zeros(3, np.int64))


@njit(cache=True, nogil=True, error_model="numpy")
def observe(state: RowKind, row: NDArray[np.float32]) -> None:
    """Count a row."""
    length, n_filled = 0.0, 0
    for value in row:
        length += value * value
        n_filled += value != 0.0
    state.counts[0] += 1
    state.counts[1] += length == 0.0 or abs(length - 1.0) < TOLERANCE
    state.counts[2] += n_filled


@njit(cache=True, nogil=True, error_model="numpy")
def are_unit(state: RowKind, n_columns: int) -> bool:
    """Tell whether rows are vectors of length 1, hashed words or embeddings.

    Examples
    --------
    >>> kind, row = new(), np.full(400, 0.05, np.float32)
    >>> observe(kind, row)
    >>> are_unit(kind, 400), are_dense(kind, 400)
    (True, True)
    """
    return bool(n_columns >= NARROWEST and 0 < state.counts[0] * NEARLY_ALL <= state.counts[1])


@njit(cache=True, nogil=True, error_model="numpy")
def are_dense(state: RowKind, n_columns: int) -> bool:
    """Tell whether rows are more than half full, as embeddings are."""
    return bool(2 * state.counts[2] > state.counts[0] * n_columns)
