r"""A filter for streams whose classes persist: what was likely a moment ago is likely still.

It hears only what the other experts say of each event, q, a mixture of those that do not look at the context, and
is the forward step of a hidden Markov model whose classes stay with probability :math:`\lambda` and are else drawn
anew from their running mean :math:`\bar q`,

.. math:: b_t(c) \propto \big(\lambda\, b_{t-1}(c) + (1 - \lambda)\, \bar q(c)\big)
          \frac{q_t(c) + \epsilon}{\bar q(c) + \epsilon}

How much classes persist is read off the unlabelled stream. With :math:`z = q - \bar q` and c_l the autocovariance
of z at lag l, summed over classes, a persistence of :math:`\lambda` gives :math:`c_l \propto \lambda^l`; the noise
of single predictions is in c_0 alone. So

.. math:: \lambda = \mathrm{clip}\big(\min(c_2 / c_1, \sqrt{c_4 / c_2}), 0, .998\big)

and exactly 0, which makes b = q, while :math:`c_1 < .1\, c_0`: on streams without order the filter is off. A label
that comes before the next event sets the belief. The filter is that of Rabiner (Proc. IEEE 1989); estimating the
chain by moments goes back to Hsu, Kakade and Zhang (COLT 2009). O(k) an event; 48 k bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.copying import copy
from streamssl.learners.padding import pad

WINDOW = 1000.0
"""Events over which means and covariances are taken."""
STRONGEST = 0.998
PATIENCE = 50
"""Events before any persistence is believed."""
FLOOR = 1e-3
LAGS = 4


class Persistence(NamedTuple):
    """Belief, and the moments of what was said."""

    n_observed: NDArray[np.int64]
    """(1,) events."""
    belief: NDArray[np.float64]
    """(k,) after the last event; all 0 before the first."""
    mean: NDArray[np.float64]
    """(k,) of what was said."""
    recent: NDArray[np.float64]
    """(4, k) the last deviations from the mean, a ring."""
    covariances: NDArray[np.float64]
    """(5,) at lags 0 to 4; lag 3 is not used."""
    strength: NDArray[np.float64]
    """(1,) lambda."""


def new(n_classes: int) -> Persistence:
    """Return the filter before any event."""
    return Persistence(
        n_observed=np.zeros(1, np.int64),
        belief=np.zeros(n_classes),
        mean=np.zeros(n_classes),
        recent=np.zeros((LAGS, n_classes)),
        covariances=np.zeros(LAGS + 1),
        strength=np.zeros(1),
    )


def grow(state: Persistence, n_classes: int) -> Persistence:
    """Make room for more classes."""
    return state._replace(
        belief=pad(state.belief, n_classes),
        mean=pad(state.mean, n_classes),
        recent=pad(state.recent, LAGS, n_classes),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: Persistence, said: NDArray[np.float64], prior: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Write to ``out`` what follows from ``said`` (k,), the others' probabilities, and from the past."""
    strength = state.strength[0]
    total = 0.0
    for c in range(len(out)):
        before = strength * state.belief[c] + (1.0 - strength) * state.mean[c]
        out[c] = before * (said[c] + FLOOR) / (state.mean[c] + FLOOR) if prior[c] > 0.0 else 0.0
        total += out[c]
    if strength == 0.0 or total <= 0.0:
        copy(said, out)
        return
    for c in range(len(out)):
        out[c] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def observe(state: Persistence, said: NDArray[np.float64], filtered: NDArray[np.float64]) -> None:
    """Go on to the next event: what was said of this one, and what `predict` made of it."""
    state.n_observed[0] += 1
    n = state.n_observed[0]
    gain = max(1.0 / n, 1.0 / WINDOW)
    place = n % LAGS
    c0, c1, c2, c4 = 0.0, 0.0, 0.0, 0.0
    for c in range(len(said)):
        state.belief[c] = filtered[c]
        state.mean[c] += gain * (said[c] - state.mean[c])
        z = said[c] - state.mean[c]
        c0 += z * z
        c1 += z * state.recent[(n - 1) % LAGS, c]
        c2 += z * state.recent[(n - 2) % LAGS, c]
        c4 += z * state.recent[place, c]
        state.recent[place, c] = z
    covariances = state.covariances
    covariances[0] += gain * (c0 - covariances[0])
    covariances[1] += gain * (c1 - covariances[1])
    covariances[2] += gain * (c2 - covariances[2])
    covariances[4] += gain * (c4 - covariances[4])
    state.strength[0] = _strength(covariances) if n >= PATIENCE else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _strength(covariances: NDArray[np.float64]) -> float:
    c0, c1, c2, c4 = covariances[0], covariances[1], covariances[2], covariances[4]
    if c1 < 0.1 * c0 or c1 <= 0.0 or c2 <= 0.0 or c4 <= 0.0:
        return 0.0
    return float(min(c2 / c1, np.sqrt(c4 / c2), STRONGEST))


@njit(cache=True, nogil=True, error_model="numpy")
def learn(state: Persistence, target: NDArray[np.float32]) -> None:
    """Believe the label of the last event."""
    for c in range(len(target)):
        state.belief[c] = target[c]
