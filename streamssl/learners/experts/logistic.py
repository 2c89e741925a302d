r"""Softmax regression by Adagrad, with every label learnt several times.

For a standardised row z, label y of weight w and g = w (1, z)(p - y)' + .001 W,

.. math:: G \leftarrow .9995\, G + g^2, \qquad W \leftarrow W - .05\, g / \sqrt{G}

(Duchi, Hazan and Singer, JMLR 2011, with a slow decay of G so that steps never die). The mixture shows it each
label once and then ten random ones of the last 500 again, standardised as the columns stand now (experience
replay: Lin, Machine Learning 1992). O(D k) an event, eleven times that a label; 16 D k bytes, D columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.linear import project
from streamssl.learners.padding import pad
from streamssl.learners.softmax import softmax

RATE = 0.05
KEEP = 0.9995
SHRINKAGE = 1e-3
REPLAYS = 10


class Logistic(NamedTuple):
    """Weights and the squared gradients behind their step sizes."""

    weights: NDArray[np.float64]
    """(1 + D, k), the intercepts first."""
    squares: NDArray[np.float64]
    """(1 + D, k) decayed sums of squared gradients."""


def new(n_columns: int, n_classes: int) -> Logistic:
    """Return the expert before any label."""
    shape = (1 + n_columns, n_classes)
    return Logistic(np.zeros(shape), np.zeros(shape))


def grow(state: Logistic, n_columns: int, n_classes: int) -> Logistic:
    """Make room for more columns and classes."""
    return Logistic(pad(state.weights, 1 + n_columns, n_classes), pad(state.squares, 1 + n_columns, n_classes))


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: Logistic,
    z: NDArray[np.float32],
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write class probabilities of a standardised row to ``out``; ``scores`` is scratch."""
    project(z, state.weights[1:], scores)
    for c in range(len(scores)):
        scores[c] += state.weights[0, c]
    softmax(scores, 1.0, prior, out)


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Logistic,
    z: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    error: NDArray[np.float64],
) -> None:
    """Take one step towards ``target``; ``scores`` and ``error`` are scratch."""
    predict(state, z, prior, scores, error)
    for c in range(len(error)):
        error[c] = weight * (error[c] - target[c])
        _step(state, 0, c, error[c])
    for j in range(len(z)):
        for c in range(len(error)):
            _step(state, 1 + j, c, error[c] * z[j])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _step(state: Logistic, i: int, c: int, gradient: float) -> None:
    gradient += SHRINKAGE * state.weights[i, c]
    state.squares[i, c] = KEEP * state.squares[i, c] + gradient * gradient
    state.weights[i, c] -= RATE * gradient / np.sqrt(state.squares[i, c] + 1e-12)
