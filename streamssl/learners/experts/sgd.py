r"""Softmax regression by one gradient step a label, on rows standardised by labelled rows only.

.. math:: W \leftarrow W + \frac{.05\, w}{\max(1, (1 + z'z)/20)}\; (1, z) (y - p)'

for a label y of weight w. It owes nothing to unlabelled events, so the mixture is never much worse than what
labels alone give (Robbins and Monro 1951; the bound on the step is that of normalised least mean squares). The
probabilities are sharpened by a factor of 1, 2 or 4, chosen by log-loss. O(d k) an event and a label; 8 d k bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import sharpness
from streamssl.learners.linear import project
from streamssl.learners.padding import pad
from streamssl.learners.sharpness import Sharpness
from streamssl.learners.softmax import softmax

STEP = 0.05
LONGEST = 20.0


class Sgd(NamedTuple):
    """Weights of a softmax regression."""

    weights: NDArray[np.float64]
    """(1 + d, k), the intercepts first."""
    sharpness: Sharpness


def new(n_features: int, n_classes: int) -> Sgd:
    """Return the expert before any label."""
    return Sgd(np.zeros((1 + n_features, n_classes)), sharpness.new((1.0, 2.0, 4.0), 1.0))


def grow(state: Sgd, n_features: int, n_classes: int) -> Sgd:
    """Make room for more columns and classes."""
    return state._replace(weights=pad(state.weights, 1 + n_features, n_classes))


@njit(cache=True, nogil=True, error_model="numpy")
def _score(state: Sgd, z: NDArray[np.float32], scores: NDArray[np.float64]) -> None:
    project(z, state.weights[1:], scores)
    for c in range(len(scores)):
        scores[c] += state.weights[0, c]


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: Sgd,
    z: NDArray[np.float32],
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write class probabilities of a standardised row to ``out``; ``scores`` is scratch."""
    _score(state, z, scores)
    softmax(scores, state.sharpness.chosen[0], prior, out)


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Sgd,
    z: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    """Take one step towards ``target``."""
    _score(state, z, scores)
    sharpness.learn(state.sharpness, scores, prior, target, weight, scratch)
    softmax(scores, 1.0, prior, scratch)
    length = 1.0
    for j in range(len(z)):
        length += z[j] * z[j]
    step = weight * STEP / max(1.0, length / LONGEST)
    for c in range(len(scores)):
        scratch[c] = step * (target[c] - scratch[c])
        state.weights[0, c] += scratch[c]
    for j in range(len(z)):
        for c in range(len(scores)):
            state.weights[1 + j, c] += scratch[c] * z[j]
