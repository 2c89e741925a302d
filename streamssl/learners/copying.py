"""Copies that allocate nothing: assigning one array to another makes Numba provide for their overlapping."""

from __future__ import annotations

from typing import Any

from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, error_model="numpy")
def copy(source: NDArray[Any], out: NDArray[Any]) -> None:
    """Write ``source`` to the beginning of ``out``, both (n,)."""
    for i in range(len(source)):
        out[i] = source[i]
