r"""Columns brought to mean 0 and variance 1, clipped: what every distance and gradient here rests on.

With the gain :math:`g = \max(1/t, 2 \cdot 10^{-4})` at row t,

.. math:: \mu \leftarrow \mu + g (v - \mu), \quad s \leftarrow (1 - g)(s + g (v - \mu)^2)

which is the exact mean and variance for 5,000 rows and forgets exponentially after (Finch, "Incremental
calculation of weighted mean and variance", 2009). Standardised values are clipped to [-5, 5]: rare binary
columns would rule every distance otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.padding import pad

SLOWEST_GAIN = 2e-4
LIMIT = np.float32(5.0)
REFRESH = 64
"""The square roots are taken again every so many rows; at each of the first so many."""


class Standardiser(NamedTuple):
    """Running moments of d columns; 20 d bytes. O(d) a row."""

    n_rows: NDArray[np.int64]
    """(1,) seen."""
    mean: NDArray[np.float64]
    """(d,)."""
    variance: NDArray[np.float64]
    """(d,)."""
    scale: NDArray[np.float32]
    """(d,) one over the standard deviation; 0 for a column that has not varied."""


def new(n_columns: int) -> Standardiser:
    """Return a standardiser that has seen nothing and maps every value to 0."""
    return Standardiser(
        n_rows=np.zeros(1, np.int64),
        mean=np.zeros(n_columns),
        variance=np.zeros(n_columns),
        scale=np.zeros(n_columns, np.float32),
    )


def grow(state: Standardiser, n_columns: int) -> Standardiser:
    """Make room for more columns, as if they had been 0 in every row so far."""
    return state._replace(
        mean=pad(state.mean, n_columns),
        variance=pad(state.variance, n_columns),
        scale=pad(state.scale, n_columns),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def observe(state: Standardiser, row: NDArray[np.float32]) -> None:
    """Take one row into the moments."""
    state.n_rows[0] += 1
    count = state.n_rows[0]
    gain = max(1.0 / count, SLOWEST_GAIN)
    for j in range(len(row)):
        difference = row[j] - state.mean[j]
        state.mean[j] += gain * difference
        state.variance[j] = (1.0 - gain) * (state.variance[j] + gain * difference * difference)
    if count <= REFRESH or count % REFRESH == 0:
        for j in range(len(row)):
            variance = state.variance[j]
            floor = 1e-6 * (1.0 + state.mean[j] * state.mean[j])
            state.scale[j] = 1.0 / np.sqrt(variance + floor) if variance >= 1e-9 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def standardise(state: Standardiser, row: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write the standardised row to ``out``; changes nothing else."""
    for j in range(len(row)):
        z = np.float32(row[j] - state.mean[j]) * state.scale[j]
        out[j] = min(max(z, -LIMIT), LIMIT)
