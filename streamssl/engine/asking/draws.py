r"""The sampler's one compiled loop: with which probability people are asked about each event in turn.

::

    u   = (1 - (p1 - p2))^4           sharpened margin of the two likeliest classes; at least the probability of the
                                      classes that have few labels; 1 while there are no labels
    ub  = ub + (u - ub) / min(t, 2000)
    pi  = clip(B (1 + e) g (phi + (1 - phi) min(10, u / ub)), phi P, 1)
    ask if U < pi                     U: one draw for every event

``B`` is the share that can be afforded: the configured one, or what people have time for at the present rate of
events. ``e`` raises it for a while, which is paid back. ``g`` controls, slowly, what was asked towards what was to
be asked: an integral controller on the requests themselves, since on the probabilities alone it would overspend
where the mean of ``u`` falls. phi is `FLOOR`, ``P`` a share that is promised (`_promise`): no probability is ever
below ``phi P``. Where people do not get through the queue, only its front counts for the live accuracy (`reach`).

The propensities are for estimates. They are no weights for learning: 1 / pi in the loss would cost more labels than
the choice saves.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.engine.asking import reach as reaches
from streamssl.engine.asking.reach import Reach
from streamssl.engine.live_accuracy.estimator import FLOOR

HOUR = 3_600_000.0
DAY = 24 * HOUR
MINUTE = 60_000.0
MEMORY = 2_000
"""Events over which the mean of ``u`` runs."""
MOST_LIKED = 10.0
"""What ``u`` over its mean counts for at the most: or one event in a calm stream would cost the whole budget."""
KNOWN_ENOUGH = 5
"""Labels of a class from which on it is no longer asked for."""
GAIN = 0.02
"""Of the controller: 35 requests too many halve ``g``. Chance alone moves it by a tenth."""
LEAST_CONTROL, MOST_CONTROL = 0.3, 3.0
RAISED_FOR = 25.0
"""Requests (as usual) in which a raise falls to 1 / e."""
RAISE = 2.0
"""e at first when a share is raised: a drift is another start."""
PAID_BACK = 0.2
"""Part of the share that pays a raise back."""
STEADY = 1_024
"""Events from one look whether more can be promised to the next."""
LOOK = 256
"""Events from one look at what is predicted to the next."""
FAST, SLOW = 0.25, 1 / 64
"""What a look weighs in the two averages that are compared: of some 1,000 and 16,000 events."""
PATIENCE = 16
"""Looks before anything is compared."""
USUAL_CLASS, HARDLY = 0.02, 0.1
"""A class has vanished that made up so much of the predictions, and now only so much of that."""
UNSURE = 2.0
"""Drift: the mean of ``u`` has become so many times the usual."""
UNSURE_MORE = 0.02
"""And has grown by this at the least."""
CLOSED = 50
"""Closed requests over which the share of answered ones runs."""


NONE = 0
# What made people be asked about an event; numbers go from here into a byte each.
RANDOM, UNCERTAIN, COLD_START, RARE_CLASS, NEW_CLASS, VANISHED_CLASS, DRIFT = 1, 2, 3, 4, 5, 6, 7
REASONS = ("", "random", "uncertain", "cold-start", "rare-class", "new-class", "vanished-class", "drift")
"""Their names on the wire.

random
    It would have been asked about whatever it was like.
uncertain
    The model can hardly tell its two likeliest classes apart.
cold-start
    No labels, or hardly any: more is asked, and at random.
rare-class
    It may be of a class that has few labels.
new-class, vanished-class, drift
    More is asked for a while: labels have named a class for the first time; a class is hardly predicted any more;
    the model is less sure than usual, or answers say that it is wrong more often than it thinks.
"""
CAPPED_BY_HOUR, CAPPED_BY_DAY = 1, 2


class Rules(NamedTuple):
    """What is configured; infinity where there is no limit."""

    share: float
    per_hour: float
    """Requests, not answers: doubles take two."""
    per_day: float
    most_per_hour: float
    most_per_day: float
    is_uncertainty: bool


# Places in the array of numbers that goes from event to event.
CLOCK = 0
"""Newest arrival, ms."""
EVENTS_LATELY, SPAN_LATELY = 1, 2
"""Decayed number of events, and of ms, over a sixth of an hour."""
EVENTS_TODAY, SPAN_TODAY = 3, 4
"""Over a sixth of a day."""
SEEN = 5
USUAL = 6
"""Mean of ``u``."""
AFFORDED = 7
"""B."""
EXCESS = 8
"""e."""
CAUSE = 9
LOAN = 10
"""Requests that raises have cost and that are to be paid back."""
DEBT = 11
"""Requests asked beyond what was to be."""
PROMISED = 12
"""P."""
LOWEST, LOWEST_SINCE = 13, 14
"""Least that could be promised since then (ms): the promise rises when a day has passed."""
HOUR_NUMBER, ASKED_THIS_HOUR = 15, 16
DAY_NUMBER, ASKED_TODAY = 17, 18
ANSWERED_SHARE = 19
RETURNED = 20
EXPIRED = 21
LOOKS = 22
UNSURE_SUM, UNSURE_FAST, UNSURE_SLOW = 23, 24, 25
QUIET_UNTIL = 26
"""Look before which nothing that is predicted raises the share again."""
HEARD, SURPRISE_USUAL, SURPRISE = 27, 28, 29
"""Answers; how much more often than thought the model is wrong; what has come together beyond that."""
N_NUMBERS = 30

Floats = NDArray[np.float64]


class Queue(NamedTuple):
    """Requests that nobody has answered and that have not expired, the oldest first."""

    sequences: NDArray[np.int64]
    expires: NDArray[np.int64]
    keys: Floats
    is_closed: NDArray[np.bool_]
    ends: NDArray[np.int64]
    """(2,) place of the oldest, and after the newest."""


class Drawn(NamedTuple):
    """What was drawn; (n,) each."""

    propensities: NDArray[np.float32]
    """0 where nobody is to be asked."""
    keys: Floats
    reasons: NDArray[np.int8]
    caps: NDArray[np.int8]
    """Which cap has swallowed it after all."""
    promised: Floats
    """Share that is promised: no propensity of any event is below `FLOOR` times it."""
    reach: Floats
    """Keys below it count for the live accuracy: see `streamssl.engine.asking.reach`."""

    @property
    def counted(self) -> NDArray[np.float32]:
        """Probability of being asked about with a key that counts; 0 where nobody is, or the key does not."""
        return np.where(self.keys < self.reach, self.propensities * self.reach, 0).astype(np.float32)

    @property
    def promised_to_count(self) -> Floats:
        """Share that is promised to be asked about with keys that count."""
        return self.promised * self.reach


@njit(cache=True, nogil=True)
def draw(
    rules: Rules,
    numbers: Floats,
    by_class: Floats,
    reach: Reach,
    labelled: NDArray[np.int64],
    queue: Queue,
    first: int,
    arrivals: NDArray[np.int64],
    expires: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    decisions: NDArray[np.int64],
    uniforms: Floats,
    drawn: Drawn,
) -> None:
    """Decide about n events in turn. O(k) an event, nothing is allocated.

    Parameters
    ----------
    numbers
        (N_NUMBERS,) what goes from event to event.
    by_class
        (3, k) predictions of each class: since the last look, and in the two averages.
    reach
        How far down the queue people get.
    labelled
        (k,) labels of each class.
    queue
        With room for n more.
    first
        Sequence number of the first event.
    uniforms
        (n,) draws from [0, 1).
    """
    n_labels = labelled.sum()
    n_known = (labelled > 0).sum()
    is_cold = n_labels == 0 or n_known < 2
    if numbers[SEEN] == 0 and not is_cold:
        numbers[EXCESS] = 0  # the labels were there before the events: a model that begins with the examples
    for i in range(len(arrivals)):
        _pass_time(numbers, float(arrivals[i]))
        _return_expired(numbers, reach, queue)
        capacity = _capacity(rules, numbers)
        share = min(rules.share, capacity)
        numbers[AFFORDED] = share
        if numbers[SEEN] % STEADY == 0 or numbers[PROMISED] == 0 or share < numbers[PROMISED]:
            _promise(rules, numbers, share)
        if numbers[SEEN] % STEADY == 0:
            reaches.choose(reach, numbers[CLOCK])
        numbers[SEEN] += 1
        # Where most are asked about, there is little to choose; where all are, nothing.
        floor = max(FLOOR * numbers[PROMISED], 2 * share - 1)
        control = math.exp(-GAIN * numbers[DEBT])
        control = min(MOST_CONTROL, max(LEAST_CONTROL, control))
        drawn.promised[i] = numbers[PROMISED]
        drawn.reach[i] = reach.chosen[0]
        drawn.propensities[i] = 0
        drawn.keys[i] = 0
        drawn.reasons[i] = NONE
        drawn.caps[i] = NONE
        if not rules.is_uncertainty:
            chance = min(1.0, max(floor, share * control))
            numbers[DEBT] += chance - share
            numbers[EXCESS] = 0
            if uniforms[i] >= chance:
                continue
            reason = RANDOM
        else:
            unsure, rare = 1.0, 0.0
            if not is_cold:
                unsure, rare = _liking(probabilities[i], labelled)
            _look(numbers, by_class, decisions[i], unsure)
            unsure = max(unsure, rare)
            numbers[USUAL] += (unsure - numbers[USUAL]) / min(numbers[SEEN], MEMORY)
            liked = min(MOST_LIKED, unsure / numbers[USUAL]) if numbers[USUAL] > 0 else 1.0
            target = _raised(numbers, share, capacity)
            chance = min(1.0, max(floor, target * control * (FLOOR + (1 - FLOOR) * liked)))
            numbers[DEBT] -= min(target, 1.0)
            if uniforms[i] >= chance:
                continue
            numbers[DEBT] += 1
            if is_cold:
                reason = COLD_START
            elif uniforms[i] < max(floor, min(target, share) * control * FLOOR):
                reason = RANDOM
            elif uniforms[i] * target >= chance * share:
                reason = int(numbers[CAUSE])
            else:
                reason = RARE_CLASS if rare >= unsure else UNCERTAIN
        drawn.propensities[i] = chance
        drawn.keys[i] = uniforms[i] / chance
        drawn.reasons[i] = reason
        drawn.caps[i] = _cap(rules, numbers, float(arrivals[i]))
        if drawn.caps[i] == NONE:
            end = queue.ends[1]
            queue.sequences[end] = first + i
            queue.expires[end] = expires[i]
            queue.keys[end] = drawn.keys[i]
            queue.is_closed[end] = False
            queue.ends[1] = end + 1


@njit(cache=True, nogil=True)
def raise_share(numbers: Floats, cause: int, by: float) -> None:
    """Ask about more for a while; not while much of what was lent before has not been paid back."""
    if by > numbers[EXCESS] and numbers[LOAN] < RAISED_FOR:
        numbers[EXCESS] = by
        numbers[CAUSE] = cause


@njit(cache=True, nogil=True)
def _pass_time(numbers: Floats, arrival: float) -> None:
    """Go on to an event's arrival: decay what is counted over time, and count the event."""
    if numbers[SEEN] == 0:
        numbers[CLOCK] = arrival
    gap = arrival - numbers[CLOCK]
    if gap > 0:
        numbers[CLOCK] = arrival
        left = math.exp(-6 * gap / HOUR)
        numbers[EVENTS_LATELY] *= left
        numbers[SPAN_LATELY] = numbers[SPAN_LATELY] * left + HOUR / 6 * (1 - left)
        left = math.exp(-6 * gap / DAY)
        numbers[EVENTS_TODAY] *= left
        numbers[SPAN_TODAY] = numbers[SPAN_TODAY] * left + DAY / 6 * (1 - left)
    numbers[EVENTS_LATELY] += 1
    numbers[EVENTS_TODAY] += 1


@njit(cache=True, nogil=True)
def _capacity(rules: Rules, numbers: Floats) -> float:
    """Return the share of the events that people have time for at the present rate of events."""
    hourly = rules.per_hour * max(numbers[SPAN_LATELY], MINUTE) / (numbers[EVENTS_LATELY] * HOUR)
    daily = rules.per_day * max(numbers[SPAN_TODAY], MINUTE) / (numbers[EVENTS_TODAY] * DAY)
    share: float = min(hourly, daily)
    return share


@njit(cache=True, nogil=True)
def _return_expired(numbers: Floats, reach: Reach, queue: Queue) -> None:
    """Let go of the oldest requests that are answered or have expired; give back what the expired ones have cost.

    Each gives back the share of the requests that are answered: all of it while people answer, nothing when nobody
    does. So no more is ever asked than 1 / (1 - 1/4), a third more than the budget.
    """
    while queue.ends[0] < queue.ends[1]:
        oldest = queue.ends[0]
        if not queue.is_closed[oldest]:
            if queue.expires[oldest] > numbers[CLOCK]:
                break
            numbers[EXPIRED] += 1
            numbers[RETURNED] += numbers[ANSWERED_SHARE]
            numbers[DEBT] -= numbers[ANSWERED_SHARE]
            numbers[ANSWERED_SHARE] -= numbers[ANSWERED_SHARE] / CLOSED
        reaches.note(reach, queue.keys[oldest], queue.is_closed[oldest])
        queue.ends[0] = oldest + 1


@njit(cache=True, nogil=True)
def _promise(rules: Rules, numbers: Floats, share: float) -> None:
    """Promise a share that hardly ever changes: the configured one, or it halved as often as is needed.

    It falls at once, and rises when a day has passed in which more could have been promised all along.
    """
    able = rules.share
    if able <= 0:
        numbers[PROMISED] = 0
        return
    while able > share:
        able /= 2
    if numbers[PROMISED] == 0 or able <= numbers[PROMISED]:
        numbers[PROMISED] = able
    else:
        numbers[LOWEST] = min(numbers[LOWEST], able)
        if numbers[CLOCK] - numbers[LOWEST_SINCE] < DAY:
            return
        numbers[PROMISED] = numbers[LOWEST]
    numbers[LOWEST] = math.inf
    numbers[LOWEST_SINCE] = numbers[CLOCK]


@njit(cache=True, nogil=True)
def _liking(probabilities: NDArray[np.float32], labelled: NDArray[np.int64]) -> tuple[float, float]:
    """Return the sharpened margin, and the probability of the classes that have few labels."""
    best, second, rare = 0.0, 0.0, 0.0
    for k in range(len(probabilities)):
        p = float(probabilities[k])
        if p > best:
            best, second = p, best
        elif p > second:
            second = p
        if labelled[k] < KNOWN_ENOUGH:
            rare += p
    unsure = 1 - (best - second)
    return unsure * unsure * unsure * unsure, rare


@njit(cache=True, nogil=True)
def _raised(numbers: Floats, share: float, capacity: float) -> float:
    """Return the share to be asked about while one is raised or paid back; never more than people have time for."""
    target: float = min(share * (1 + numbers[EXCESS]), capacity)
    numbers[LOAN] += target - share
    back = min(numbers[LOAN], PAID_BACK * share)
    numbers[LOAN] -= back
    numbers[EXCESS] *= 1 - share / RAISED_FOR
    if numbers[EXCESS] < 0.05:
        numbers[EXCESS] = 0
    target -= back
    return target


@njit(cache=True, nogil=True)
def _look(numbers: Floats, by_class: Floats, decision: int, unsure: float) -> None:
    """Count a prediction; now and then compare what is predicted lately with what is usual."""
    numbers[UNSURE_SUM] += unsure
    if decision >= 0:
        by_class[0, decision] += 1
    if numbers[SEEN] % LOOK != 0:
        return
    numbers[LOOKS] += 1
    fast, slow = max(FAST, 1 / numbers[LOOKS]), max(SLOW, 1 / numbers[LOOKS])
    mean = numbers[UNSURE_SUM] / LOOK
    numbers[UNSURE_SUM] = 0
    numbers[UNSURE_FAST] += fast * (mean - numbers[UNSURE_FAST])
    numbers[UNSURE_SLOW] += slow * (mean - numbers[UNSURE_SLOW])
    has_vanished = False
    for k in range(by_class.shape[1]):
        share = by_class[0, k] / LOOK
        by_class[0, k] = 0
        by_class[1, k] += fast * (share - by_class[1, k])
        by_class[2, k] += slow * (share - by_class[2, k])
        has_vanished |= by_class[2, k] > USUAL_CLASS and by_class[1, k] < HARDLY * by_class[2, k]
    grown = numbers[UNSURE_FAST] - numbers[UNSURE_SLOW]
    is_unsure = grown > UNSURE_MORE and numbers[UNSURE_FAST] > UNSURE * numbers[UNSURE_SLOW]
    if numbers[LOOKS] > PATIENCE and numbers[LOOKS] >= numbers[QUIET_UNTIL] and (has_vanished or is_unsure):
        raise_share(numbers, VANISHED_CLASS if has_vanished else DRIFT, RAISE)
        numbers[QUIET_UNTIL] = numbers[LOOKS] + 1 / SLOW


@njit(cache=True, nogil=True)
def _cap(rules: Rules, numbers: Floats, arrival: float) -> int:
    """Count a request; return which cap swallows it, 0 for none."""
    hour, day = arrival // HOUR, arrival // DAY
    if hour > numbers[HOUR_NUMBER]:
        numbers[HOUR_NUMBER], numbers[ASKED_THIS_HOUR] = hour, 0
    if day > numbers[DAY_NUMBER]:
        numbers[DAY_NUMBER], numbers[ASKED_TODAY] = day, 0
    if numbers[ASKED_THIS_HOUR] >= rules.most_per_hour:
        return CAPPED_BY_HOUR
    if numbers[ASKED_TODAY] >= rules.most_per_day:
        return CAPPED_BY_DAY
    numbers[ASKED_THIS_HOUR] += 1
    numbers[ASKED_TODAY] += 1
    return NONE
