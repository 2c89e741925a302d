r"""The class of the last label, as likely as it has lately been right.

.. math:: P(\text{last}) = \max(\pi_\text{last}, h), \qquad h \leftarrow h + .02\,(1[y = \text{last}] - h)

the other classes sharing the rest by their priors. It knows nothing of features and is the insurance against
streams where labels come in long runs (Zliobaite, "How good is the electricity benchmark for evaluating concept
drift adaptation", 2013). O(k) an event and a label; 24 bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

SLOWEST_GAIN = 0.02
NEARLY_HARD = 0.95
"""A soft label says which class is the last one only if it gives it at least this much."""


class LastLabel(NamedTuple):
    """What was said last, and how often that was right the next time."""

    last: NDArray[np.int64]
    """(1,) class, -1 for none."""
    n_scored: NDArray[np.int64]
    """(1,) comparisons made."""
    hit_rate: NDArray[np.float64]
    """(1,)."""


def new() -> LastLabel:
    """Return the expert before any label."""
    return LastLabel(np.full(1, -1), np.zeros(1, np.int64), np.zeros(1))


@njit(cache=True, nogil=True, error_model="numpy")
def predict(state: LastLabel, prior: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Write class probabilities to ``out``."""
    total = prior.sum()
    last = state.last[0]
    share = prior[last] / total if last >= 0 else 0.0
    hit = max(share, state.hit_rate[0]) if last >= 0 else 0.0
    for c in range(len(out)):
        if c == last:
            out[c] = 1.0 if share >= 1.0 else hit
        else:
            out[c] = prior[c] / total * (1.0 - hit) / (1.0 - share) if share < 1.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def learn(state: LastLabel, target: NDArray[np.float32], weight: float) -> None:
    """Learn from a label that is sure enough; ignore any other."""
    named = np.argmax(target)
    if target[named] < NEARLY_HARD:
        return
    if state.last[0] >= 0:
        state.n_scored[0] += 1
        gain = min(weight, 1.0) * max(SLOWEST_GAIN, 1.0 / (1.0 + state.n_scored[0]))
        state.hit_rate[0] += gain * ((named == state.last[0]) - state.hit_rate[0])
    state.last[0] = named
