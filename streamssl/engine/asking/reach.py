"""How far down the queue people get, and so which requests the live accuracy rests on.

People are served by key, the smallest first. Where more is asked than they answer, it is the large keys that are
left, and an interval that allows for the worst about whatever is unanswered would say next to nothing.

A key is U / pi, U uniform: given that an event is asked about, its key is below r with the probability r, whatever
the event. So the requests with keys below r are a random draw themselves, with propensities pi r, and the others
need not be looked at, answered or not. That is so for every r that was chosen before U was drawn, and assumes
nothing of people; a good r only makes the interval narrow. `choose` takes the one that would have been best, by a
rule of thumb, for the requests that have closed lately. (Bottom-k samples, Cohen and Kaplan 2007, take the first
key that was not reached. They leave out nothing that was answered, but are true only where people skip nothing.)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

BANDS = 9
"""Reaches to choose from: 1, .71, .5, .35 and so on to 1/16."""
LONG, SHORT = 1_000, 300
"""Closed requests that are remembered. Fewer count when both memories say so; more, when the short one does."""
ENOUGH = 150.0
"""Closed requests in a memory before it says anything."""
CHANCE = 0.2
"""Width of the interval where all count and are answered; a part r of them makes it 1 / sqrt(r) times as wide."""
BETTER = 0.9
"""What a width must be of the present one to be worth a change."""
DAY = 86_400_000.0

Floats = NDArray[np.float64]


class Reach(NamedTuple):
    """The requests that have closed, and what was chosen."""

    closed: Floats
    """(2, 2, `BANDS`) for each memory: decayed numbers of requests by band of their key, all and the unanswered."""
    chosen: Floats
    """(2,) the reach; since when, ms."""


def whole() -> Reach:
    """Return what there is before any request has closed: all of them count."""
    return Reach(np.zeros((2, 2, BANDS)), np.array([1.0, 0.0]))


@njit(cache=True, nogil=True)
def note(reach: Reach, key: float, is_answered: bool) -> None:
    """Take note that a request was answered or has expired. O(`BANDS`)."""
    closed = reach.closed
    closed[0] *= 1 - 1 / LONG
    closed[1] *= 1 - 1 / SHORT
    band = BANDS - 1
    if key > 0:
        band = min(band, int(-2 * math.log2(key)))
    closed[:, 0, band] += 1
    if not is_answered:
        closed[:, 1, band] += 1


@njit(cache=True, nogil=True)
def choose(reach: Reach, clock: float) -> None:
    """Let fewer requests count as soon as that suits what people answer; more, a day after the last change."""
    closed, chosen = reach
    present, since = chosen
    lately, longer = _suits(closed[1], present), _suits(closed[0], present)
    if lately < present and longer < present:
        chosen[:] = longer, clock
    elif lately > present and clock - since >= DAY:
        chosen[:] = lately, clock


@njit(cache=True, nogil=True)
def _suits(closed: Floats, present: float) -> float:
    """Return the reach that suits these requests; the present one, unless another is clearly better."""
    if closed[0].sum() < ENOUGH:
        return present
    best, least, now = present, math.inf, math.inf
    for band in range(BANDS):
        candidate = 2.0 ** (-band / 2)
        unanswered = closed[1, band:].sum() / max(1.0, closed[0, band:].sum())
        width = unanswered + CHANCE / math.sqrt(candidate)
        if candidate == present:
            now = width
        if width < least:
            best, least = candidate, width
    if best > present:
        now = min(1.0, now)  # while nobody answers, all would be as good as any
    return best if least < BETTER * now else present
