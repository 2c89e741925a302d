r"""Which class to name, given probabilities: the one that serves the metric.

For Cohen's kappa it is not the most probable class. Naming class c raises expected agreement by P(c) and chance
agreement by its prior, and the two trade at a rate of 1 - kappa:

.. math:: c^* = \arg\max_c P(c) - .75\,(1 - \kappa)\, \pi_c

with kappa that of the own past decisions, :math:`\mathrm{clip}((8 + W \hat\kappa)/(20 + W), 0, 1)` on decayed
counts of weight W (the plug-in rule of Koyejo et al., NeurIPS 2014, for one more fractional-linear metric). For
accuracy the penalty is 0. O(k) an event and a label; 16 k bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.padding import pad

PENALTIES = {"kappa": 0.75, "accuracy": 0.0}
KEEP = 0.995


class Decision(NamedTuple):
    """Decayed counts of decisions and labels, and the kappa they amount to."""

    penalty: NDArray[np.float64]
    """(1,) on naming a frequent class."""
    totals: NDArray[np.float64]
    """(2,) labels, and how many of them agreed with the decision."""
    decided: NDArray[np.float64]
    """(k,)."""
    labelled: NDArray[np.float64]
    """(k,)."""
    kappa: NDArray[np.float64]
    """(1,) in [0, 1], shrunk towards .4."""


def new(metric: str, n_classes: int) -> Decision:
    """Return the rule for ``metric``, ``"kappa"`` or ``"accuracy"``."""
    return Decision(
        penalty=np.full(1, PENALTIES[metric]),
        totals=np.zeros(2),
        decided=np.zeros(n_classes),
        labelled=np.zeros(n_classes),
        kappa=np.full(1, 0.4),
    )


def grow(state: Decision, n_classes: int) -> Decision:
    """Make room for more classes."""
    return state._replace(decided=pad(state.decided, n_classes), labelled=pad(state.labelled, n_classes))


@njit(cache=True, nogil=True, error_model="numpy")
def decide(state: Decision, probabilities: NDArray[np.float64], prior: NDArray[np.float64]) -> int:
    """Return the class to name, -1 while none is known."""
    penalty = state.penalty[0] * (1.0 - state.kappa[0]) / max(prior.sum(), 1e-9)
    decision = -1
    best = -np.inf
    for c in range(len(probabilities)):
        gain = probabilities[c] - penalty * prior[c]
        if prior[c] > 0.0 and gain > best:
            best = gain
            decision = c
    return decision


@njit(cache=True, nogil=True, error_model="numpy")
def learn(state: Decision, decision: int, target: NDArray[np.float32], weight: float) -> None:
    """Count a label and what was decided for its event."""
    if decision < 0:
        return
    state.totals[0] *= KEEP
    state.totals[1] *= KEEP
    state.totals[0] += weight
    state.totals[1] += weight * target[decision]
    by_chance = 0.0
    for c in range(len(target)):
        state.decided[c] = KEEP * state.decided[c] + weight * (c == decision)
        state.labelled[c] = KEEP * state.labelled[c] + weight * target[c]
        by_chance += state.decided[c] * state.labelled[c]
    total = state.totals[0]
    by_chance /= total * total
    agreement = state.totals[1] / total
    kappa = (agreement - by_chance) / (1.0 - by_chance) if by_chance < 1.0 else 0.0
    state.kappa[0] = min(max((8.0 + total * kappa) / (20.0 + total), 0.0), 1.0)
