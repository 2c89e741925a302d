"""A row times a matrix of weights, one column a class."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, error_model="numpy")
def project(
    row: NDArray[np.float32] | NDArray[np.float64],
    weights: NDArray[np.float32] | NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write ``row @ weights``, (n,) times (n, k), to ``out`` (k,).

    Four rows of weights at a time, because one sum alone waits for itself. The order of additions does not change
    when zeros are appended to the row or classes to the weights, as BLAS would not promise.
    """
    n, n_classes = len(row), len(out)
    out[:] = 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        a, b, c, d = row[i], row[i + 1], row[i + 2], row[i + 3]
        for k in range(n_classes):
            out[k] += (a * weights[i, k] + b * weights[i + 1, k]) + (c * weights[i + 2, k] + d * weights[i + 3, k])
    if whole < n:
        second, third = min(whole + 1, n - 1), min(whole + 2, n - 1)
        a = row[whole]
        b = row[second] if second > whole else row[whole] * 0
        c = row[third] if third > whole + 1 else row[whole] * 0
        for k in range(n_classes):
            out[k] += (a * weights[whole, k] + b * weights[second, k]) + c * weights[third, k]
