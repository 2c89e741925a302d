r"""Small networks that learn event by event: linear, or with one hidden layer; and their moving averages.

With m inner features f(z), which are the row itself or :math:`\max(0, A'(1, z))`, and weights W,

.. math:: p = \mathrm{softmax}(W'(1, f(z)))

moved by Adagrad towards a target as in `streamssl.learners.experts.logistic`. A teacher is the exponential moving
average of a student's weights (Tarvainen and Valpola, NIPS 2017): quiet where the student is restless.
O(d h + m k) a row; 24 times that in bytes.
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


class Weights(NamedTuple):
    """Of a network; for a student's squared gradients as well."""

    inner: NDArray[np.float64]
    """(1 + d, h), the intercepts first; h = 0 if it is linear."""
    outer: NDArray[np.float64]
    """(1 + m, k); m = h, or d if it is linear."""


class Scratch(NamedTuple):
    """What a call writes to and the next may overwrite."""

    features: NDArray[np.float64]
    """(m,)."""
    back: NDArray[np.float64]
    """(m,) the error as the features see it."""
    scores: NDArray[np.float64]
    """(k,)."""
    error: NDArray[np.float64]
    """(k,)."""


def new(n_columns: int, n_hidden: int, n_classes: int) -> Weights:
    """Return weights that are all 0."""
    n_features = n_hidden or n_columns
    return Weights(np.zeros((1 + n_columns, n_hidden)), np.zeros((1 + n_features, n_classes)))


def grow(weights: Weights, n_columns: int, n_classes: int) -> Weights:
    """Make room for more columns and classes; the new weights are 0."""
    n_hidden = weights.inner.shape[1]
    return Weights(
        pad(weights.inner, 1 + n_columns, n_hidden), pad(weights.outer, 1 + (n_hidden or n_columns), n_classes)
    )


def stir(weights: Weights, first: int, generator: np.random.Generator) -> None:
    """Give the inner weights of the columns from ``first`` on random values, so that hidden units differ."""
    n_columns, n_hidden = len(weights.inner) - 1 - first, weights.inner.shape[1]
    scale = np.sqrt(2.0 / max(len(weights.inner) - 1, 1))
    weights.inner[1 + first :] = generator.normal(0.0, scale, (n_columns, n_hidden))


def scratch(weights: Weights) -> Scratch:
    """Return something to scribble on."""
    n_features, n_classes = len(weights.outer) - 1, weights.outer.shape[1]
    return Scratch(np.zeros(n_features), np.zeros(n_features), np.zeros(n_classes), np.zeros(n_classes))


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    weights: Weights, z: NDArray[np.float32], prior: NDArray[np.float64], scratch: Scratch, out: NDArray[np.float64]
) -> None:
    """Write class probabilities of a standardised row to ``out`` (k,)."""
    features = scratch.features
    if weights.inner.shape[1] > 0:
        project(z, weights.inner[1:], features)
        for u in range(len(features)):
            features[u] = max(features[u] + weights.inner[0, u], 0.0)
    else:
        for j in range(len(features)):
            features[j] = z[j]
    project(features, weights.outer[1:], scratch.scores)
    for c in range(len(out)):
        scratch.scores[c] += weights.outer[0, c]
    softmax(scratch.scores, 1.0, prior, out)


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    student: Weights,
    squares: Weights,
    z: NDArray[np.float32],
    target: NDArray[np.float64],
    weight: float,
    prior: NDArray[np.float64],
    scratch: Scratch,
) -> None:
    """Take one step towards ``target`` (k,), which sums to 1."""
    features, back, error = scratch.features, scratch.back, scratch.error
    predict(student, z, prior, scratch, error)
    for c in range(len(error)):
        error[c] = weight * (error[c] - target[c])
    if student.inner.shape[1] > 0:
        for u in range(len(back)):
            back[u] = 0.0
            for c in range(len(error)):
                back[u] += error[c] * student.outer[1 + u, c]
            back[u] = back[u] if features[u] > 0.0 else 0.0
            _step(student.inner, squares.inner, 0, u, back[u])
        for j in range(len(z)):
            for u in range(len(back)):
                _step(student.inner, squares.inner, 1 + j, u, back[u] * z[j])
    for c in range(len(error)):
        _step(student.outer, squares.outer, 0, c, error[c])
    for u in range(len(features)):
        for c in range(len(error)):
            _step(student.outer, squares.outer, 1 + u, c, error[c] * features[u])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _step(weights: NDArray[np.float64], squares: NDArray[np.float64], i: int, c: int, gradient: float) -> None:
    if gradient != 0.0:
        gradient += SHRINKAGE * weights[i, c]
        squares[i, c] = KEEP * squares[i, c] + gradient * gradient
        weights[i, c] -= RATE * gradient / np.sqrt(squares[i, c] + 1e-12)


@njit(cache=True, nogil=True, error_model="numpy")
def follow(teacher: Weights, student: Weights, gain: float) -> None:
    """Bring the teacher closer to the student by this share of the way, 0 to 1."""
    for i in range(teacher.inner.shape[0]):
        for u in range(teacher.inner.shape[1]):
            teacher.inner[i, u] += gain * (student.inner[i, u] - teacher.inner[i, u])
    for i in range(teacher.outer.shape[0]):
        for c in range(teacher.outer.shape[1]):
            teacher.outer[i, c] += gain * (student.outer[i, c] - teacher.outer[i, c])
