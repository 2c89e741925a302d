r"""Gaussians with independent columns, whose moments follow rows that belong to them in part.

A row x of which the share r belongs to a Gaussian of mass n moves it by g = r / min(n + r, memory):

.. math:: \mu \leftarrow \mu + g (x - \mu), \qquad s \leftarrow (1 - g)(s + g (x - \mu)^2)

which is stepwise EM (Cappé and Moulines, JRSS B 2009) with the step 1/n while everything is remembered. Each
begins, as if from one row, with a fraction a of the variance v that the column has in the whole stream:
:math:`\sigma^2 = (n s + a v)/(n + 1)`. A column that is more than five deviations off counts as five, one that does
not vary not at all. O(m d) a row; 16 m d bytes for m Gaussians.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.padding import pad

FLOOR = 1e-2
FARTHEST = 25.0


class Gaussians(NamedTuple):
    """Moments of m Gaussians."""

    masses: NDArray[np.float64]
    """(m,) rows they have taken in, or so; 0 for one that is not there yet."""
    means: NDArray[np.float64]
    """(m, d)."""
    variances: NDArray[np.float64]
    """(m, d)."""


def new(n: int, n_columns: int) -> Gaussians:
    """Return Gaussians that have taken in nothing."""
    return Gaussians(np.zeros(n), np.zeros((n, n_columns)), np.zeros((n, n_columns)))


def grow(state: Gaussians, n: int, n_columns: int) -> Gaussians:
    """Make room for more of them and for more columns, 0 in the rows so far."""
    return Gaussians(pad(state.masses, n), pad(state.means, n, n_columns), pad(state.variances, n, n_columns))


@njit(cache=True, nogil=True, error_model="numpy")
def log_densities(
    state: Gaussians,
    row: NDArray[np.float32],
    variances: NDArray[np.float64],
    first: float,
    out: NDArray[np.float64],
) -> None:
    """Write the logarithms of the densities at a row, up to a constant, to ``out`` (m,); -inf for who is not there.

    ``variances`` (d,) are those of the stream; ``first`` is the fraction of them that a Gaussian begins with.
    """
    for i in range(len(state.masses)):
        mass = state.masses[i]
        total = 0.0
        for j in range(len(row)):
            if variances[j] > 0.0:
                variance = (mass * state.variances[i, j] / variances[j] + first) / (mass + 1.0)
                variance = max(variance, FLOOR)
                distance = row[j] - state.means[i, j]
                total += min(distance * distance / (variances[j] * variance), FARTHEST) + np.log(variance)
        out[i] = -0.5 * total if mass > 0.0 else -np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def take_in(state: Gaussians, i: int, row: NDArray[np.float32], share: float, memory: float) -> None:
    """Let a row move Gaussian ``i`` by its share, at least 0."""
    if share > 0.0:
        state.masses[i] = min(state.masses[i] + share, memory)
        gain = min(share / state.masses[i], 1.0)
        for j in range(len(row)):
            distance = row[j] - state.means[i, j]
            state.means[i, j] += gain * distance
            state.variances[i, j] = (1.0 - gain) * (state.variances[i, j] + gain * distance * distance)


@njit(cache=True, nogil=True, error_model="numpy")
def normalise(logs: NDArray[np.float64]) -> float:
    """Turn logarithms into shares that sum to 1, in place; return the logarithm of their sum, -inf if all are."""
    top = -np.inf
    for value in logs:
        top = max(top, value)
    if top == -np.inf:
        logs[:] = 0.0
        return -np.inf
    total = 0.0
    for i in range(len(logs)):
        logs[i] = np.exp(logs[i] - top)
        total += logs[i]
    logs /= total
    return float(top + np.log(total))
