r"""Softmax regression whose uncertainty sets the step: an extended Kalman filter, one covariance for all classes.

With z the row standardised by the labelled rows, 1 before it, d the number of columns that have ever differed from
0, and :math:`S = (4/d) I` at first (1 for the intercept), a label y of weight w does

.. math:: g = S z, \quad s = z \cdot g, \quad p = softmax(\mu z), \quad
          h = w \max(\max_c p_c (1 - p_c), .02)

.. math:: \mu_c \leftarrow \mu_c + w g \frac{y_c - p_c}{1 + h s}, \qquad
          S \leftarrow \frac{1}{.99}\left(S - \frac{h\, g g'}{1 + h s}\right)

h is doubled for two classes, whose scores move against each other. Rows and columns of S are rescaled so that its
diagonal stays below where it began. The prediction is softmax(mu z), without damping by the variance. The Laplace
step is that of Spiegelhalter and Lauritzen (Networks 1990). O(d k) an event and O(d^2) a label; 8 d (d + k) bytes,
so for d up to some 256.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.class_prior import n_known
from streamssl.learners.linear import project
from streamssl.learners.padding import pad
from streamssl.learners.softmax import softmax

FORGETTING = 0.99
PRIOR_VARIANCE = 4.0
"""Of all columns together; the intercept has 1."""
LEAST_CURVATURE = 0.02


class Bayes(NamedTuple):
    """A normal distribution over weights; the intercept comes first."""

    mean: NDArray[np.float64]
    """(1 + d, k)."""
    covariance: NDArray[np.float64]
    """(1 + d, 1 + d); 0 for columns that have always been 0."""
    active: NDArray[np.bool_]
    """(1 + d,) which have not."""


def new(n_columns: int, n_classes: int) -> Bayes:
    """Return the distribution before any label."""
    covariance = np.zeros((1 + n_columns, 1 + n_columns))
    covariance[0, 0] = 1.0
    active = np.zeros(1 + n_columns, np.bool_)
    active[0] = True
    return Bayes(np.zeros((1 + n_columns, n_classes)), covariance, active)


def grow(state: Bayes, n_columns: int, n_classes: int) -> Bayes:
    """Make room for more columns and classes."""
    return Bayes(
        mean=pad(state.mean, 1 + n_columns, n_classes),
        covariance=pad(state.covariance, 1 + n_columns, 1 + n_columns),
        active=pad(state.active, 1 + n_columns),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: Bayes,
    z: NDArray[np.float32],
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write class probabilities of a standardised row to ``out``; ``scores`` is scratch."""
    project(z, state.mean[1:], scores)
    for c in range(len(scores)):
        scores[c] += state.mean[0, c]
    softmax(scores, 1.0, prior, out)


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Bayes,
    z: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    gain: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> None:
    """Learn from a labelled, standardised row (``prior`` has counted it).

    ``scores`` and ``probabilities`` (k,), ``gain`` and ``scale`` (1 + d,) or longer are scratch.
    """
    ceiling = _activate(state, z)
    predict(state, z, prior, scores, probabilities)
    n = len(state.active)
    covariance = state.covariance
    for i in range(n):
        gain[i] = covariance[0, i]
    for j in range(len(z)):
        if z[j] != 0.0:
            for i in range(n):
                gain[i] += z[j] * covariance[1 + j, i]
    spread = gain[0]
    for j in range(len(z)):
        spread += z[j] * gain[1 + j]
    curvature = LEAST_CURVATURE
    for p in probabilities:
        curvature = max(curvature, p * (1.0 - p))
    curvature *= weight * (2.0 if n_known(prior) == 2 else 1.0)
    denominator = 1.0 + curvature * spread
    for c in range(len(target)):
        step = weight * (target[c] - probabilities[c]) / denominator
        for i in range(n):
            state.mean[i, c] += gain[i] * step
    # Every product below is the same for (i, j) and (j, i): the matrix stays symmetric to the last bit.
    root = np.sqrt(curvature / denominator)
    for i in range(n):
        gain[i] *= root
        left = covariance[i, i] - gain[i] * gain[i]
        limit = 1.0 if i == 0 else ceiling
        scale[i] = np.sqrt(min(1.0 / FORGETTING, limit / left)) if left > 0.0 else 1.0
    for i in range(n):
        for j in range(n):
            covariance[i, j] = (covariance[i, j] - gain[i] * gain[j]) * (scale[i] * scale[j])


@njit(cache=True, nogil=True, error_model="numpy")
def _activate(state: Bayes, z: NDArray[np.float32]) -> float:
    """Give columns that are not 0 for the first time their prior variance, and return it."""
    n_active = 0
    for j in range(len(z)):
        n_active += state.active[1 + j] or z[j] != 0.0
    ceiling = PRIOR_VARIANCE / max(n_active, 1)
    for j in range(len(z)):
        if z[j] != 0.0 and not state.active[1 + j]:
            state.active[1 + j] = True
            state.covariance[1 + j, 1 + j] = ceiling
    return ceiling
