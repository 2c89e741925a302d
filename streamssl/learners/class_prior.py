"""How often each class has been named by recent labels, and which classes are known at all."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.padding import pad

KEEP = 0.99
"""What a label leaves of the weight of those before it: a memory of 100 labels."""


def new(n_classes: int) -> NDArray[np.float64]:
    """Return the prior of ``n_classes`` unknown classes: (k,) weights, 0 = never named."""
    return np.zeros(n_classes)


def grow(prior: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """Make room for more classes, unknown so far."""
    return pad(prior, n_classes)


@njit(cache=True, nogil=True, error_model="numpy")
def learn(prior: NDArray[np.float64], target: NDArray[np.float32], weight: float) -> None:
    """Count a label. A known class that is never named again rests at weight 1, and a new one starts there."""
    for c in range(len(prior)):
        if prior[c] == 0.0 and target[c] > 0.0:
            prior[c] = 1.0
        if prior[c] > 0.0:
            prior[c] = KEEP * prior[c] + (1.0 - KEEP) + weight * target[c]


@njit(cache=True, nogil=True, error_model="numpy")
def n_known(prior: NDArray[np.float64]) -> int:
    """Return how many classes have been named."""
    known = 0
    for c in range(len(prior)):
        known += prior[c] > 0.0
    return known


@njit(cache=True, nogil=True, error_model="numpy")
def shares(prior: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Write the shares of the classes to ``out``: what someone says who knows nothing of an event."""
    total = prior.sum()
    for c in range(len(out)):
        out[c] = prior[c] / total
