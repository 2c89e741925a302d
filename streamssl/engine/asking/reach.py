"""How far down the queue people get, and so which requests the live accuracy rests on.

People are served by key, the smallest first. Where more is asked than they answer, it is the large keys that are
left, and an interval that allows for the worst about whatever is unanswered would say next to nothing.

A key is U / pi, U uniform: given that an event is asked about, its key is below r with the probability r, whatever
the event. So the requests with keys below r are a random draw themselves, with propensities pi r, and the others
need not be looked at, answered or not. That is so for every r that was chosen before U was drawn, and assumes
nothing of people; a good r only makes the interval narrow. `choose` takes the one that would have been best for the
requests that have closed lately (compare bottom-k samples, Cohen and Kaplan 2007, whose threshold is the first key
that was not reached: narrower by little, and true only where people skip nothing).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

BANDS = 9
"""Reaches to choose from: 1, .71, .5, .35 and so on to 1/16."""
MEMORY = 1_000
"""Closed requests that are remembered, about."""
ENOUGH = 200.0
"""Closed requests before anything but 1 is chosen."""
CHANCE = 0.2
"""Width of the interval where everybody answers; it grows with the root of what is not looked at."""
BETTER = 0.9
"""What a width must be of the present one to be worth a change: what is known since the start then begins anew."""
DAY = 86_400_000.0

Floats = NDArray[np.float64]


class Reach(NamedTuple):
    """The requests that have closed, and what was chosen."""

    closed: Floats
    """(2, `BANDS`) decayed numbers of requests, by band of their key: all, and those that nobody had answered."""
    chosen: Floats
    """(2,) the reach; since when, ms."""


def whole() -> Reach:
    """Return what there is before any request has closed: all of them count."""
    return Reach(np.zeros((2, BANDS)), np.array([1.0, 0.0]))


@njit(cache=True, nogil=True)
def note(reach: Reach, key: float, is_answered: bool) -> None:
    """Take note that a request was answered or has expired. O(`BANDS`)."""
    closed = reach.closed
    closed *= 1 - 1 / MEMORY
    band = BANDS - 1
    if key > 0:
        band = min(band, int(-2 * math.log2(key)))
    closed[0, band] += 1
    if not is_answered:
        closed[1, band] += 1


@njit(cache=True, nogil=True)
def choose(reach: Reach, clock: float) -> None:
    """Let fewer requests count as soon as that suits what people answer; more, a day after the last change."""
    closed, chosen = reach
    if closed[0].sum() < ENOUGH:
        return
    best, least, present = 1.0, math.inf, math.inf
    for band in range(BANDS):
        candidate = 2.0 ** (-band / 2)
        unanswered = closed[1, band:].sum() / max(1.0, closed[0, band:].sum())
        width = unanswered + CHANCE / math.sqrt(candidate)
        if candidate == chosen[0]:
            present = width
        if width < least:
            best, least = candidate, width
    if least < BETTER * present and (best < chosen[0] or clock - chosen[1] >= DAY):
        chosen[:] = best, clock
