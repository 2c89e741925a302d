r"""Class means that unlabelled events pull along: soft k-means on vectors of length 1, held by the labels.

With S_c the sum of the labelled rows of class c plus .02 r_ic times each of the last 1,000 rows, n_c the sum of the
same weights and pi the class prior,

.. math:: m_c = S_c / (n_c + 1), \quad s_c = 4 (2\, x \cdot m_c - m_c \cdot m_c), \quad
          r_{ic} \propto \pi_c \exp(4 T s_c(x_i))

and the probability is softmax(T s), T being the sharpness that log-loss on labels has chosen. This is the mixture
of Nigam et al. (Machine Learning 2000), with spheres for classes and their small weight for unlabelled rows. Its EM
is the incremental one (Neal and Hinton 1998): an event enters with its r, the one it displaces leaves with the r it
has, and `REVISITS` older ones are looked at again, so that there is no refit. Without unlabelled rows it is
`class_means` on such rows.

O(d k) for each row looked at: `REVISITS` + 2 an event, `REVISITS_PER_LABEL` a label. 8 d k + 1,000 (4 d + 8 k)
bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import sharpness
from streamssl.learners.class_prior import n_known
from streamssl.learners.linear import project
from streamssl.learners.padding import pad
from streamssl.learners.sharpness import Sharpness
from streamssl.learners.softmax import softmax

CAPACITY = 1000
UNLABELLED_WEIGHT = 0.02
SCALE = 4.0
HARDER = 4.0
"""Shares are sharper than predictions: soft ones let every class drift to the middle of the stream."""
REVISITS = 3
"""Three sweeps over the ring while it is replaced once."""
REVISITS_PER_LABEL = 100


class SoftMeans(NamedTuple):
    """Sums of rows by class, and the unlabelled rows whose share in them can still change."""

    counts: NDArray[np.float64]
    """(k,)."""
    sums: NDArray[np.float64]
    """(d, k)."""
    lengths: NDArray[np.float64]
    """(k,) squared lengths of the columns of `sums`."""
    n_observed: NDArray[np.int64]
    """(1,) events; the next one goes to this place of the ring, modulo the capacity."""
    n_revisited: NDArray[np.int64]
    """(1,) rows looked at again; the next one is at this place, modulo their number."""
    rows: NDArray[np.float32]
    """(1000, d) the last events."""
    shares: NDArray[np.float64]
    """(1000, k) how much of each is in the sums."""
    sharpness: Sharpness


def new(n_columns: int, n_classes: int) -> SoftMeans:
    """Return the expert before any event."""
    return SoftMeans(
        counts=np.zeros(n_classes),
        sums=np.zeros((n_columns, n_classes)),
        lengths=np.zeros(n_classes),
        n_observed=np.zeros(1, np.int64),
        n_revisited=np.zeros(1, np.int64),
        rows=np.zeros((CAPACITY, n_columns), np.float32),
        shares=np.zeros((CAPACITY, n_classes)),
        sharpness=sharpness.new((0.25, 0.5, 1.0, 2.0, 4.0), 1.0),
    )


def grow(state: SoftMeans, n_columns: int, n_classes: int) -> SoftMeans:
    """Make room for more columns and classes."""
    return state._replace(
        counts=pad(state.counts, n_classes),
        sums=pad(state.sums, n_columns, n_classes),
        lengths=pad(state.lengths, n_classes),
        rows=pad(state.rows, CAPACITY, n_columns),
        shares=pad(state.shares, CAPACITY, n_classes),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _score(state: SoftMeans, row: NDArray[np.float32], scores: NDArray[np.float64]) -> None:
    project(row, state.sums, scores)
    for c in range(len(scores)):
        shrink = 1.0 / (state.counts[c] + 1.0)
        scores[c] = SCALE * shrink * (2.0 * scores[c] - shrink * state.lengths[c])


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: SoftMeans,
    row: NDArray[np.float32],
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write class probabilities of a row of length 1 to ``out``; ``scores`` is scratch."""
    _score(state, row, scores)
    softmax(scores, state.sharpness.chosen[0], prior, out)


@njit(cache=True, nogil=True, error_model="numpy")
def _add(state: SoftMeans, row: NDArray[np.float32], shares: NDArray[np.float64]) -> None:
    """Add ``shares`` (k,) times a row to the sums; the lengths come from the same pass."""
    n_classes = len(shares)
    for c in range(n_classes):
        state.counts[c] = max(state.counts[c] + shares[c], 0.0)
        state.lengths[c] = 0.0
    for j in range(len(row)):
        for c in range(n_classes):
            total = state.sums[j, c] + shares[c] * row[j]
            state.sums[j, c] = total
            state.lengths[c] += total * total


@njit(cache=True, nogil=True, error_model="numpy")
def _revisit(
    state: SoftMeans,
    slot: int,
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    """Give a kept row the shares that it has by now."""
    _score(state, state.rows[slot], scores)
    softmax(scores, HARDER * state.sharpness.chosen[0], prior, scratch)
    total = 0.0
    for c in range(len(scratch)):
        scratch[c] *= prior[c]
        total += scratch[c]
    for c in range(len(scratch)):
        share = UNLABELLED_WEIGHT * scratch[c] / total
        scratch[c] = share - state.shares[slot, c]
        state.shares[slot, c] = share
    _add(state, state.rows[slot], scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(
    state: SoftMeans,
    n_rows: int,
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    n_kept = min(state.n_observed[0], CAPACITY)
    for _ in range(min(n_rows, n_kept)):
        _revisit(state, state.n_revisited[0] % n_kept, prior, scores, scratch)
        state.n_revisited[0] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def observe(
    state: SoftMeans,
    row: NDArray[np.float32],
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    """Take an event in, whether or not its label will ever be known; ``scores`` and ``scratch`` are (k,) scratch.

    Before the first label rows are only kept: they get their shares once there are classes to share them.
    """
    slot = state.n_observed[0] % CAPACITY
    if state.n_observed[0] >= CAPACITY:
        for c in range(len(scratch)):
            scratch[c] = -state.shares[slot, c]
        _add(state, state.rows[slot], scratch)
    for c in range(len(scratch)):
        state.shares[slot, c] = 0.0
    for j in range(len(row)):
        state.rows[slot, j] = row[j]
    state.n_observed[0] += 1
    if n_known(prior) > 0:
        _revisit(state, slot, prior, scores, scratch)
        _sweep(state, REVISITS, prior, scores, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: SoftMeans,
    row: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    prior: NDArray[np.float64],
    scores: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    """Learn from a labelled row (``prior`` has counted it); ``scores`` and ``scratch`` are (k,) scratch."""
    _score(state, row, scores)
    sharpness.learn(state.sharpness, scores, prior, target, weight, scratch)
    for c in range(len(target)):
        scratch[c] = weight * target[c]
    _add(state, row, scratch)
    _sweep(state, REVISITS_PER_LABEL, prior, scores, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def forget(
    state: SoftMeans,
    row: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    scratch: NDArray[np.float64],
) -> None:
    """Take a label back from the sums; what it did to unlabelled rows wears off as they are revisited."""
    for c in range(len(target)):
        scratch[c] = -weight * target[c]
    _add(state, row, scratch)
