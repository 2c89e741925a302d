r"""From answered requests to an estimate and its intervals: arrays in, numbers out.

An event of the stream is right (c = 1) or not (0), which is known only where people were asked and answered.
m is what the model itself believed when it predicted, known of every event; pi the propensity of a request.

estimate
    mean(m) + (1/N) sum (c - m) / pi over the answered: no bias whatever m is, little variance if m is any good.
guaranteed interval
    For a fixed slope l < pi / (c - m), 1 + l (c - m) / pi has expectation 1 + l (c - m) <= exp(l (c - m)), so
    that the product of all 1 + l (c - m) / pi, over exp(l s) with s = sum (c - m), is a supermartingale: the
    chance that it ever passes 2 / alpha is at most alpha / 2 (Ville 1939; Waudby-Smith and Ramdas 2024).
    The s at which it would have are ruled out. It holds for any sampler and any drift. Several slopes at once,
    weighted: the mean of supermartingales is one.
approximate interval
    Narrower, and right about as often as it says, not more: the hull of Student's, with two further labels, and of
    Wilson's at the number of labels that would have the same variance.

What nobody answered counts as wrong in the lower bound and as right in the upper one: they hold whatever was the
reason for the silence. Estimate and approximate interval take the unanswered ones to be like the others.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from streamssl.engine.scores import Z, wilson

ALPHA = 0.05
BOUND = -math.log(ALPHA / 2)
"""Logarithm of what a supermartingale passes with a chance of alpha / 2 at the most."""
BOLDEST = 0.95
"""Slope over the largest that is possible: at 1, one surprise would lose everything."""
FARTHEST = 0.99
"""The farthest a label can lie from what was believed, which is between .01 and .99."""
GENTLER = 0.4
BETS = 10
"""Slopes for any number of events."""
STEPS = 50
"""Steps of a search at the most; some five are enough."""
ENOUGH = 50
"""Labels to be expected at the least: below that nothing is claimed."""

Floats = NDArray[np.float64]


class Evidence(NamedTuple):
    """Requests, one entry each, and what is known of ``c - m``."""

    propensity: Floats
    residual: Floats
    """0 where it is not known."""
    is_known: NDArray[np.bool_]
    least: Floats
    most: Floats
    """What ``residual`` may be at the least and at the most; the same where it is known."""


class Estimate(NamedTuple):
    """A share, or a difference of shares, with 95% intervals; NaN where there are too few labels."""

    value: float
    low: float
    high: float
    """Guaranteed."""
    approximate_low: float
    approximate_high: float
    labels: int
    """Answers behind it."""
    events: int
    """Events that it is about."""

    @property
    def is_too_few(self) -> bool:
        """Tell whether nothing can be said."""
        return math.isnan(self.value)


def nothing(labels: int, events: int) -> Estimate:
    """Return what is said with too few labels."""
    return Estimate(math.nan, math.nan, math.nan, math.nan, math.nan, labels, events)


def boldest_slope(floor: float, farthest: float = FARTHEST) -> float:
    """Return the steepest slope for propensities of at least ``floor``."""
    return BOLDEST * floor / farthest


def tuned_slopes(variance: float, floor: float, farthest: float = FARTHEST) -> Floats:
    """Return the slope that gives the narrowest interval if ``variance`` is that of sum (c - m) / pi.

    And a gentler one, for a model that turns out to be wrong more often than it was: with the first alone the
    interval is a tenth narrower while all is well, and half as wide again after a drift.
    """
    best = min(boldest_slope(floor, farthest), math.sqrt(2 * BOUND / variance))
    return np.array([best, GENTLER * best])


def slopes(floor: float, farthest: float = FARTHEST) -> Floats:
    """Return slopes for any number of events: nobody knows how many will come after a fixed start."""
    return boldest_slope(floor, farthest) * np.logspace(0, 1 - BETS, BETS, base=2)


class Tally(NamedTuple):
    """Sums over requests, from which an estimate follows; two of them can be added."""

    low: Floats
    high: Floats
    """(b,) logarithm of the product for each slope, against the lower and the upper bound."""
    correction: float
    """Sum of residual / propensity."""
    variance: float
    weight_known: float
    """Sum of 1 / propensity of the known ones."""
    weight: float
    known: int

    def plus(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(
            self.low + other.low,
            self.high + other.high,
            self.correction + other.correction,
            self.variance + other.variance,
            self.weight_known + other.weight_known,
            self.weight + other.weight,
            self.known + other.known,
        )


def tally(evidence: Evidence, slopes: Floats) -> Tally:
    """Sum requests up for these slopes."""
    propensity, residual, is_known, least, most = evidence
    known = 1 / propensity[is_known]
    return Tally(
        low=np.log1p(slopes[:, None] * (least / propensity)).sum(axis=1),
        high=np.log1p(-slopes[:, None] * (most / propensity)).sum(axis=1),
        correction=float((residual / propensity).sum()),
        variance=float(((1 - propensity) * (residual / propensity) ** 2).sum()),
        weight_known=float(known.sum()),
        weight=float((1 / propensity).sum()),
        known=len(known),
    )


def estimate(sums: Tally, slopes: Floats, *, events: int, believed: float, least: float = 0.0) -> Estimate:
    """Return the estimate and its intervals.

    Parameters
    ----------
    sums
        `tally` with the same slopes.
    events
        N, asked about or not; at least 1.
    believed
        Sum of m over them.
    least
        The smallest value that there can be, 0 or -1.
    """
    if sums.known == 0:
        return nothing(0, events)
    scale = sums.weight / sums.weight_known
    value = (believed + scale * sums.correction) / events
    low = (believed + crossing(sums.low, slopes)) / events
    high = (believed - crossing(sums.high, slopes)) / events
    near = _approximate(sums, scale, value, events, believed / events)
    low, high, value = (min(1.0, max(least, each)) for each in (low, high, value))
    return Estimate(min(high, max(low, value)), low, high, *near, sums.known, events)


def crossing(logs: Floats, slopes: Floats) -> float:
    """Return the sum at which the mean of exp(logs - slopes * sum) is as large as it hardly ever gets.

    Examples
    --------
    >>> slope = np.array([0.01])
    >>> round(crossing(np.array([5.0]), slope), 3), round((5.0 - BOUND) / 0.01, 3)
    (131.112, 131.112)
    """
    sum_ = float(((logs - BOUND - math.log(len(slopes))) / slopes).max())
    for _ in range(STEPS if len(slopes) > 1 else 0):  # Newton's, of a convex function: never beyond
        exponents = logs - slopes * sum_ - BOUND
        top = float(exponents.max())
        parts = np.exp(exponents - top)
        total = float(parts.sum())
        excess = top + math.log(total / len(slopes))
        if excess <= 1e-9:
            break
        sum_ += excess * total / float(parts @ slopes)
    return sum_


def _approximate(sums: Tally, scale: float, value: float, events: int, believed: float) -> tuple[float, float]:
    variance = scale**2 * sums.variance
    propensity = sums.known / sums.weight_known
    one_right_one_wrong = (1 - propensity) / propensity**2 * ((1 - believed) ** 2 + believed**2)
    error = math.sqrt(variance + one_right_one_wrong) / events
    t = float(stdtrit(max(1, sums.known - 1), 0.975))
    low, high = value - t * error, value + t * error
    share = min(1.0, max(0.0, value))
    if variance > 0:
        n = max(1.0, share * (1 - share) * events**2 / variance)
        wilson_low, wilson_high = wilson(share * n, n, Z)
        low, high = min(low, wilson_low), max(high, wilson_high)
    return max(0.0, low), min(1.0, high)
