r"""Nearest class mean, in units of the labelled rows: the best expert below twenty labels.

With mean :math:`\mu` and deviation :math:`\sigma` of all labelled rows, and m_c the mean of class c,

.. math:: M_c = \mathrm{clip}((m_c - \mu)/\sigma, \pm 5) \frac{n_c}{n_c + 1}, \qquad
          s_c = (2\, z \cdot M_c - M_c \cdot M_c) / \sqrt{d}

and the probability is the softmax of s times a sharpness chosen by log-loss. Vectors of length 1 stay as they are:
:math:`M_c = m_c\, n_c / (n_c + 1)`, and 4 in place of :math:`1/\sqrt{d}`. There is no class prior in it. The
shrinkage n/(n + 1) is that of nearest shrunken centroids (Tibshirani et al., PNAS 2002) in its simplest form.
O(d k) an event and a label; 12 d k bytes.
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
from streamssl.learners.standardiser import LIMIT, Standardiser

MEMORY = 200
"""Once a class has so many labels, each further one makes the older ones fade."""
KEEP = 0.99
UNIT_SCALE = 4.0


class ClassMeans(NamedTuple):
    """Sums of labelled rows by class, and what follows from them."""

    counts: NDArray[np.float64]
    """(k,) labels, faded."""
    sums: NDArray[np.float64]
    """(d, k) of raw rows."""
    faded: NDArray[np.bool_]
    """(k,) whether anything of this class has faded, so that a label can no longer be taken back exactly."""
    means: NDArray[np.float32]
    """(d, k) shrunken and standardised."""
    lengths: NDArray[np.float64]
    """(k,) squared lengths of these."""
    scale: NDArray[np.float64]
    """(1,) of the scores: one over the root of the number of columns that have varied, or `UNIT_SCALE`."""
    sharpness: Sharpness


def new(n_features: int, n_classes: int) -> ClassMeans:
    """Return the expert before any label."""
    return ClassMeans(
        counts=np.zeros(n_classes),
        sums=np.zeros((n_features, n_classes)),
        faded=np.zeros(n_classes, np.bool_),
        means=np.zeros((n_features, n_classes), np.float32),
        lengths=np.zeros(n_classes),
        scale=np.ones(1),
        sharpness=sharpness.new((0.25, 0.5, 1.0, 2.0, 4.0), 1.0),
    )


def grow(state: ClassMeans, n_features: int, n_classes: int) -> ClassMeans:
    """Make room for more columns and classes."""
    return state._replace(
        counts=pad(state.counts, n_classes),
        sums=pad(state.sums, n_features, n_classes),
        faded=pad(state.faded, n_classes),
        means=pad(state.means, n_features, n_classes),
        lengths=pad(state.lengths, n_classes),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _score(state: ClassMeans, z: NDArray[np.float32], scores: NDArray[np.float64]) -> None:
    project(z, state.means, scores)
    for c in range(len(scores)):
        scores[c] = (2.0 * scores[c] - state.lengths[c]) * state.scale[0]


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: ClassMeans,
    z: NDArray[np.float32],
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write class probabilities of a row to ``out``; ``scores`` is scratch.

    ``z`` is the row standardised by the labelled rows, or the row itself if it is a vector of length 1.
    """
    _score(state, z, scores)
    softmax(scores, state.sharpness.chosen[0], prior, out)


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: ClassMeans,
    labelled: Standardiser,
    unit: bool,
    row: NDArray[np.float32],
    z: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    """Learn from a labelled row, raw and as for `predict` (the moments in ``labelled`` have seen it).

    ``unit`` says whether rows are vectors of length 1.
    """
    _score(state, z, scores)
    sharpness.learn(state.sharpness, scores, prior, target, weight, scratch)
    for c in range(len(target)):
        share = weight * target[c]
        if share == 0.0:
            continue
        if state.counts[c] > MEMORY:
            state.counts[c] *= KEEP
            for j in range(len(row)):
                state.sums[j, c] *= KEEP
            state.faded[c] = True
        state.counts[c] += share
        for j in range(len(row)):
            state.sums[j, c] += share * row[j]
    refresh(state, labelled, unit)


@njit(cache=True, nogil=True, error_model="numpy")
def forget(
    state: ClassMeans,
    labelled: Standardiser,
    unit: bool,
    row: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
) -> None:
    """Take a label back from the classes of which nothing has faded yet."""
    for c in range(len(target)):
        share = weight * target[c]
        if share == 0.0 or state.faded[c]:
            continue
        state.counts[c] = max(state.counts[c] - share, 0.0)
        for j in range(len(row)):
            state.sums[j, c] -= share * row[j]
    refresh(state, labelled, unit)


@njit(cache=True, nogil=True, error_model="numpy")
def refresh(state: ClassMeans, labelled: Standardiser, unit: bool) -> None:
    """Compute the means again as rows are compared with them."""
    state.lengths[:] = 0.0
    n_varying = 0
    for j in range(len(labelled.mean)):
        n_varying += labelled.scale[j] > 0.0
        for c in range(len(state.counts)):
            count = state.counts[c]
            z = np.float32(0.0)
            if count > 0.0 and unit:
                z = np.float32(state.sums[j, c] / (count + 1.0))
            elif count > 0.0:
                z = np.float32(state.sums[j, c] / count - labelled.mean[j]) * labelled.scale[j]
                z = min(max(z, -LIMIT), LIMIT) * np.float32(count / (count + 1.0))
            state.means[j, c] = z
            state.lengths[c] += z * z
    state.scale[0] = UNIT_SCALE if unit else 1.0 / np.sqrt(max(n_varying, 1))
