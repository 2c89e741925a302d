"""What requests say about the learner, about its twin, and about the difference between the two."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamssl.engine.live_accuracy.blocks import UNIT
from streamssl.engine.live_accuracy.intervals import FARTHEST, Evidence, Floats
from streamssl.engine.live_accuracy.requests import UNKNOWN, Requests, Status

Who = Literal["learner", "twin", "gain"]
"""Whose share of right predictions; the gain is the learner's minus the twin's."""


def farthest(who: Who) -> float:
    """Return how far a label can lie from what was believed."""
    return 1.0 if who == "gain" else FARTHEST


def evidence(requests: Requests, chosen: NDArray[np.intp], who: Who) -> Evidence:
    """Return what the requests at these places say.

    The twin has predicted no more than the events that people are asked about. So what was believed of its
    predictions is what the learner believed of its own: that makes the interval no less true.
    """
    propensity = requests["propensity"][chosen].astype(np.float64)
    is_known = requests["status"][chosen] == Status.ANSWERED
    right, twin_right = requests["right"][chosen], requests["twin_right"][chosen]
    if who == "gain":
        is_known &= (right != UNKNOWN) & (twin_right != UNKNOWN)
        residual = np.where(is_known, right.astype(np.float64) - twin_right, 0.0)
        farthest = np.where(is_known, np.abs(residual), 1.0)
        farthest[requests["agrees"][chosen] == 1] = 0.0  # both are right or neither is, whatever the label
        return Evidence(
            propensity,
            residual,
            is_known,
            np.where(is_known, residual, -farthest),
            np.where(is_known, residual, farthest),
        )
    outcome = right if who == "learner" else twin_right
    belief = requests["belief"][chosen] / UNIT
    is_known &= outcome != UNKNOWN
    residual = np.where(is_known, outcome - belief, 0.0)
    return Evidence(
        propensity,
        residual,
        is_known,
        np.where(is_known, residual, -belief),
        np.where(is_known, residual, 1 - belief),
    )


def expected_variance(requests: Requests, chosen: NDArray[np.intp], who: Who) -> Floats:
    """Return what each request adds to the variance of the estimate, as far as it is known before any answer."""
    propensity = requests["propensity"][chosen].astype(np.float64)
    if who == "gain":
        spread = np.where(requests["agrees"][chosen] == 1, 0.0, 1.0)
    else:
        belief = requests["belief"][chosen] / UNIT
        spread = belief * (1 - belief)
    variance: Floats = spread / propensity**2
    return variance
