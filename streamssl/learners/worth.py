r"""What unlabelled events have been worth: what the pool foresaw of labels beyond its labelled-only part.

Some experts would say the same had there been no unlabelled events. With their own share of the weights they make a
pool q beside the whole pool p, and

.. math:: G \leftarrow G + g\,\Big(\ln\frac{p(y) + .05}{q(y) + .05} - G\Big), \qquad g = \max(1/n, .005)

is the gain in nats a label, over the last 200 or so. It costs no second learner, so it is no substitute for one:
the twin (a whole learner that never sees an unlabelled event) is the yardstick. O(e k) a label; 16 bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

SLOWEST_GAIN = 0.005
FLOOR = 0.05


class Worth(NamedTuple):
    """A running mean."""

    n_labels: NDArray[np.int64]
    """(1,)."""
    gain: NDArray[np.float64]
    """(1,) nats a label."""


def new() -> Worth:
    """Return the mean of nothing: 0."""
    return Worth(np.zeros(1, np.int64), np.zeros(1))


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Worth,
    weights: NDArray[np.float64],
    labelled_only: NDArray[np.bool_],
    said: NDArray[np.uint8],
    target: NDArray[np.float32],
) -> None:
    """Compare the two pools on a label by what the experts said then, (e, k) in units of 1/255."""
    whole, part, total, part_total = 0.0, 0.0, 0.0, 0.0
    for e in range(len(weights)):
        hit = 0.0
        for c in range(len(target)):
            hit += target[c] * said[e, c] / 255.0
        whole += weights[e] * hit
        total += weights[e]
        if labelled_only[e]:
            part += weights[e] * hit
            part_total += weights[e]
    if part_total == 0.0:
        return
    state.n_labels[0] += 1
    step = max(1.0 / state.n_labels[0], SLOWEST_GAIN)
    gain = np.log((whole / total + FLOOR) / (part / part_total + FLOOR))
    state.gain[0] += step * (gain - state.gain[0])
