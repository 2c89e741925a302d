r"""How much each expert counts: exponential weights on what it said before labels arrived.

.. math:: L_e \leftarrow .98 L_e + w \ln\Big(\sum_c y_c P_e(c) + .05\Big), \qquad
          w_e \propto w^0_e(n) \exp(\eta L_e), \qquad \eta = .4 / \ln k

and one part in a hundred of the prior weights is always mixed in. The prior weights
:math:`w^0(n) = standing\, (late + (early - late) e^{-n/20})` say which experts can be trusted on how many labels n;
the standing depends on the kind of rows, and is 0 for an expert that cannot be asked about such.
Hedge is Freund and Schapire (JCSS 1997); decay and mixing make it track, as in Herbster and Warmuth (1998).
O(e k) a label; 24 e bytes, e experts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

KEEP = 0.98
FLOOR = 0.05
RATE = 0.4
SHARE = 0.01
PATIENCE = 20.0
"""Labels over which the prior weights go from early to late."""


class Hedge(NamedTuple):
    """Weights of e experts and what they rest on."""

    early: NDArray[np.float64]
    """(e,) prior weights at the first label."""
    late: NDArray[np.float64]
    """(e,) prior weights after many."""
    likelihood: NDArray[np.float64]
    """(e,) decayed sums of log-probabilities."""
    weights: NDArray[np.float64]
    """(e,) positive, summing to 1."""


def new(early: NDArray[np.float64], late: NDArray[np.float64]) -> Hedge:
    """Return the weights before any label: the early prior ones."""
    return Hedge(early, late, np.zeros(len(early)), early / early.sum())


@njit(cache=True, nogil=True, error_model="numpy")
def mix(weights: NDArray[np.float64], said: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Write the weighted mean of what the experts said, (e, k), to ``out`` (k,)."""
    out[:] = 0.0
    for e in range(len(weights)):
        for c in range(len(out)):
            out[c] += weights[e] * said[e, c]


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Hedge,
    said: NDArray[np.uint8],
    target: NDArray[np.float32],
    weight: float,
    n_labelled: int,
    n_known: int,
    standing: NDArray[np.float64],
) -> None:
    """Score the experts on a label by what they said then, (e, k) in units of 1/255; ``standing`` (e,)."""
    n_experts = len(state.weights)
    for e in range(n_experts):
        hit = FLOOR
        for c in range(len(target)):
            hit += target[c] * said[e, c] / 255.0
        state.likelihood[e] = KEEP * state.likelihood[e] + weight * np.log(hit)
    weigh(state, n_labelled, n_known, standing)


@njit(cache=True, nogil=True, error_model="numpy")
def weigh(state: Hedge, n_labelled: int, n_known: int, standing: NDArray[np.float64]) -> None:
    """Give every expert the weight that its past and its prior weight make, none to those without standing."""
    n_experts = len(state.weights)
    best = -np.inf
    for e in range(n_experts):
        best = max(best, state.likelihood[e])
    rate = RATE / np.log(max(n_known, 2))
    fade = np.exp(-n_labelled / PATIENCE)
    total, total_prior = 0.0, 0.0
    for e in range(n_experts):
        prior = _prior(state, e, fade, standing[e])
        state.weights[e] = prior * np.exp(rate * (state.likelihood[e] - best))
        total += state.weights[e]
        total_prior += prior
    if total_prior == 0.0:  # nobody can be asked; the weights must remain weights
        state.weights[:] = 1.0 / n_experts
        return
    for e in range(n_experts):
        prior = _prior(state, e, fade, standing[e])
        state.weights[e] = (1.0 - SHARE) * state.weights[e] / total + SHARE * prior / total_prior


@njit(cache=True, nogil=True, error_model="numpy")
def _prior(state: Hedge, e: int, fade: float, standing: float) -> float:
    return float(standing * (state.late[e] + (state.early[e] - state.late[e]) * fade))
