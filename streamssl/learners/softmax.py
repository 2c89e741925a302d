"""Scores to probabilities over the classes that have been seen."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, error_model="numpy")
def softmax(
    scores: NDArray[np.float64], sharpness: float, prior: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Write ``exp(sharpness * scores)``, normalised, to ``out``; classes whose prior is 0 get 0.

    A class nobody has named yet has no probability, so that room made for it early changes nothing.
    """
    top = -np.inf
    for c in range(len(scores)):
        if prior[c] > 0.0 and scores[c] > top:
            top = scores[c]
    total = 0.0
    for c in range(len(scores)):
        out[c] = np.exp(sharpness * (scores[c] - top)) if prior[c] > 0.0 else 0.0
        total += out[c]
    for c in range(len(scores)):
        out[c] /= total
