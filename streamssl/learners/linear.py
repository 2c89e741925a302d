"""A row times a matrix of weights, one column a class."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def project(
    row: NDArray[np.float32] | NDArray[np.float64],
    weights: NDArray[np.float32] | NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write ``row @ weights``, (n,) times (n, k), to ``out`` (k,).

    Four sums run side by side because one alone waits for itself; their order does not change when zeros are
    appended to the row, as BLAS would not promise.
    """
    n = len(row)
    for c in range(len(out)):
        a, b, d, e = 0.0, 0.0, 0.0, 0.0
        for i in range(0, n - 3, 4):
            a += row[i] * weights[i, c]
            b += row[i + 1] * weights[i + 1, c]
            d += row[i + 2] * weights[i + 2, c]
            e += row[i + 3] * weights[i + 3, c]
        rest = n - n % 4
        if rest < n:
            a += row[rest] * weights[rest, c]
        if rest + 1 < n:
            b += row[rest + 1] * weights[rest + 1, c]
        if rest + 2 < n:
            d += row[rest + 2] * weights[rest + 2, c]
        out[c] = (a + b) + (d + e)
