"""What the live accuracy says now."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamssl.engine.live_accuracy.blocks import CLASSES, UNIT
from streamssl.engine.live_accuracy.estimator import DAY, FLOOR, TARGETS, LiveAccuracy
from streamssl.engine.live_accuracy.evidence import Who, evidence, expected_variance, farthest
from streamssl.engine.live_accuracy.intervals import (
    ENOUGH,
    Estimate,
    Tally,
    estimate,
    nothing,
    slopes,
    tally,
    tuned_slopes,
)
from streamssl.engine.live_accuracy.requests import Status

HOUR = 3_600_000
ALL: slice = slice(None)
PSEUDO: slice = slice(1, None, 2)
"""Cells of pseudo-labels."""
TYPICAL = 0.1
"""Variance of a label about what was believed, until a window has shown it."""

Cells = slice | NDArray[np.intp]


class Comparison(NamedTuple):
    """The learner, its twin, and the difference."""

    learner: Estimate
    twin: Estimate
    gain: Estimate


class Reading(NamedTuple):
    """All estimates at one moment."""

    recent: Comparison
    """About the last events."""
    since_start: Comparison
    """About all events since a fixed start; holds at all times together."""
    classes: list[Estimate]
    """About the recent predictions of each class, the first 50."""
    pseudo_labels: dict[str, Estimate]
    """Precision: of the recent ones ("all"), by the age of the pseudo-label ("hour", "day", "older")."""
    unanswered: dict[str, float]
    """Reason -> share of the recent requests that have no answer that counts."""


class _Window(NamedTuple):
    """Blocks ``begin`` to before ``end``, and those from ``before`` on, from which the slope is chosen."""

    before: int
    begin: int
    end: int


def read(live: LiveAccuracy, n_classes: int) -> Reading:
    """Return the estimates. Cost: some milliseconds, and .2 us for each request that is remembered."""
    end = live.end_block()
    begin = live.recent_block(end)
    window = _Window(live.blocks.back(begin, live.window), begin, end)
    young = np.searchsorted(live.blocks.newest, [live.clock - DAY, live.clock - HOUR], side="right")
    day, hour = (min(end, int(block)) for block in young)
    return Reading(
        Comparison(*(_recent(live, window, who) for who in ("learner", "twin", "gain"))),
        Comparison(*(_since_start(live, target, end) for target in (0, 1, 2))),
        [_recent(live, window, "learner", _cells_of(k)) for k in range(min(n_classes, CLASSES))],
        {
            "all": _recent(live, window, "learner", PSEUDO),
            "hour": _between(live, hour, end),
            "day": _between(live, day, hour),
            "older": _since_start(live, 3, day),
        },
        _unanswered(live, window),
    )


def _cells_of(class_number: int) -> NDArray[np.intp]:
    return np.array([2 * class_number, 2 * class_number + 1])


def _requests(live: LiveAccuracy, begin: int, end: int, cells: Cells) -> NDArray[np.intp]:
    """Return the places of the requests about the events of some blocks, in some cells."""
    begins = live.blocks.begins
    places = live.requests.places(int(begins[begin]), int(begins[end]))
    chosen = np.arange(places.start, places.stop)
    wanted = np.zeros(live.blocks.counts.shape[1], dtype=bool)
    wanted[cells] = True
    inside: NDArray[np.intp] = chosen[wanted[live.requests["cell"][places]]]
    return inside


def _recent(live: LiveAccuracy, window: _Window, who: Who, cells: Cells = ALL) -> Estimate:
    """Return the estimate about the recent window, with the slopes that suit the window before."""
    events, believed = live.blocks.sums(window.begin, window.end, cells)
    said = evidence(live.requests, _requests(live, window.begin, window.end, cells), who)
    floor = FLOOR * live.blocks.least_promised(window.begin, window.end)
    if floor * events < ENOUGH:
        return nothing(int(said.is_known.sum()), events)
    grid = tuned_slopes(_variance_before(live, window, who, cells, floor), floor, farthest(who))
    return _estimate(tally(said, grid), grid, events, believed, who)


def _variance_before(live: LiveAccuracy, window: _Window, who: Who, cells: Cells, floor: float) -> float:
    """Return the variance that a whole window should have, from the one before.

    As great as the model's own beliefs make it, or as its mistakes did: it may think too well of itself.
    """
    events, _ = live.blocks.sums(window.before, window.begin)
    if events == 0:
        return TYPICAL * live.window / floor
    requests = _requests(live, window.before, window.begin, cells)
    one_more = TYPICAL / floor**2
    believed = float(expected_variance(live.requests, requests, who).sum())
    said = evidence(live.requests, requests, who)
    seen = float(((said.residual / said.propensity) ** 2).sum())
    return (max(believed, seen) + one_more) * live.window / events


def _since_start(live: LiveAccuracy, target: int, end: int) -> Estimate:
    """Return an estimate about all events up to block ``end``, forgotten ones too."""
    who, is_pseudo = TARGETS[target]
    forgotten, forgotten_belief = live.events[int(is_pseudo)].tolist()
    events, believed = live.blocks.sums(live.first_block(), end, PSEUDO if is_pseudo else ALL)
    events += forgotten
    believed += forgotten_belief / UNIT
    places = live.requests.places(0, int(live.blocks.begins[end]))
    sums = live.settled[target].plus(live.tally_since_start(who, is_pseudo, places))
    if live.floor * events < ENOUGH:
        return nothing(sums.known, events)
    return _estimate(sums, slopes(live.floor, farthest(who)), events, believed, who)


def _between(live: LiveAccuracy, begin: int, end: int) -> Estimate:
    """Return the precision of the pseudo-labels of some blocks."""
    events, believed = live.blocks.sums(begin, end, PSEUDO)
    said = evidence(live.requests, _requests(live, begin, end, PSEUDO), "learner")
    floor = FLOOR * live.blocks.least_promised(begin, end)
    if floor * events < ENOUGH:
        return nothing(int(said.is_known.sum()), events)
    grid = slopes(floor)
    return _estimate(tally(said, grid), grid, events, believed, "learner")


def _estimate(sums: Tally, grid: NDArray[np.float64], events: int, believed: float, who: Who) -> Estimate:
    if who == "gain":
        return estimate(sums, grid, events=events, believed=0.0, least=-1.0)
    return estimate(sums, grid, events=events, believed=believed)


def _unanswered(live: LiveAccuracy, window: _Window) -> dict[str, float]:
    chosen = _requests(live, window.begin, window.end, ALL)
    status = live.requests["status"][chosen]
    reasons = {
        "expired": Status.OPEN,
        "abstained": Status.ABSTAINED,
        "seen": Status.SEEN,
        "capped": Status.CAPPED,
    }
    n = len(chosen)
    return {why: float((status == reason).sum() / n) if n else math.nan for why, reason in reasons.items()}
