"""Room for more columns and classes: the old values first, then a filling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pad(array: NDArray[Any], *shape: int, fill: float = 0) -> NDArray[Any]:
    """Return a copy of ``array`` that has grown to ``shape``, new places holding ``fill``.

    Examples
    --------
    >>> pad(np.array([1.0, 2.0]), 3)
    array([1., 2., 0.])
    """
    grown = np.full(shape, fill, dtype=array.dtype)
    grown[tuple(slice(0, length) for length in array.shape)] = array
    return grown
