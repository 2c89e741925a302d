r"""How far scores may be trusted: the factor in the softmax, chosen by log-loss on labels.

Each candidate T keeps :math:`L_T \leftarrow .99 L_T + \ln(\sum_c y_c\, p_T(c) + .05)`, p_T the softmax of T times
the scores of a labelled event before it is learnt; the best is used.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.softmax import softmax

KEEP = 0.99


class Sharpness(NamedTuple):
    """Candidates and what they have earned. O(m k) a label for m candidates and k classes."""

    candidates: NDArray[np.float64]
    """(m,)."""
    likelihood: NDArray[np.float64]
    """(m,) decayed sums of log-probabilities."""
    chosen: NDArray[np.float64]
    """(1,) the best candidate."""


def new(candidates: tuple[float, ...], start: float) -> Sharpness:
    """Return a choice among ``candidates``, resting on ``start`` until labels speak."""
    return Sharpness(np.array(candidates), np.zeros(len(candidates)), np.array([start]))


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Sharpness,
    scores: NDArray[np.float64],
    prior: NDArray[np.float64],
    target: NDArray[np.float32],
    weight: float,
    scratch: NDArray[np.float64],
) -> None:
    """Score every candidate on a label whose event got ``scores``."""
    best = -np.inf
    for i in range(len(state.candidates)):
        softmax(scores, state.candidates[i], prior, scratch)
        hit = 0.05
        for c in range(len(scores)):
            hit += target[c] * scratch[c]
        state.likelihood[i] = KEEP * state.likelihood[i] + weight * np.log(hit)
        if state.likelihood[i] > best:
            best = state.likelihood[i]
            state.chosen[0] = state.candidates[i]
