"""Draws events for review, and hears what becomes of the requests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from streamssl.config import ReviewSettings
from streamssl.engine.asking import draws
from streamssl.engine.asking.draws import Drawn, Floats, Queue, Rules
from streamssl.engine.asking.reach import Reach, whole

KNOWN = 50
"""Labels from which on a class that is named for the first time is new, not merely not yet named."""
SURPRISES = 200
"""Answers over which the usual surprise runs."""
SLACK, ENOUGH = 0.15, 4.0
"""Of the cumulative sum (Page 1954): what a surprise must be above the usual, and the sum that is a drift.

By chance alone that comes about once in 2,000 answers; an error rate that rises by .4 is noticed after some 16."""


class Said(NamedTuple):
    """What the learner said of n events."""

    probabilities: NDArray[np.float32]
    """(n, k)"""
    decisions: NDArray[np.int64]
    """(n,) -1 while no class is known."""


class ReviewSampler:
    """Draws events for review with known probabilities, within a budget.

    Parameters
    ----------
    settings
        What is configured.
    seed
        Of the one draw per event. Two samplers with equal seeds that see the same ask about the same events.

    Notes
    -----
    Cost: some .1 us an event and 2 ns a class, and 8 us a call. Memory: 25 bytes for each open request.
    Events may come in blocks of any length: the results are the same, bit for bit.

    Examples
    --------
    >>> sampler = ReviewSampler(ReviewSettings(sampler="random", share=0.5), seed=1)
    >>> nothing = Said(np.zeros((6, 0), np.float32), np.full(6, -1))
    >>> drawn = sampler.ask(nothing, np.arange(6), np.arange(6) + 60_000, first=0, labelled=np.zeros(0, np.int64))
    >>> drawn.propensities.tolist()
    [0.0, 0.0, 0.5, 0.0, 0.5, 0.5]
    """

    def __init__(self, settings: ReviewSettings, *, seed: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._numbers: Floats = np.zeros(draws.N_NUMBERS)
        self._by_class: Floats = np.zeros((3, 0))
        self._reach = whole()
        self._queue = _room(0)
        draws.raise_share(self._numbers, draws.COLD_START, draws.RAISE)
        self._share = settings.share
        self.configure(settings)

    def configure(self, settings: ReviewSettings) -> None:
        """Take over changed settings."""
        is_off = settings.sampler == "off"
        a_request = 1 + settings.doubles  # answers that it takes, on average
        self.rules = Rules(
            share=0.0 if is_off else settings.share,
            per_hour=_limit(settings.per_hour) / a_request,
            per_day=_limit(settings.per_day) / a_request,
            most_per_hour=_limit(settings.max_per_hour),
            most_per_day=_limit(settings.max_per_day),
            is_uncertainty=settings.sampler == "uncertainty",
        )
        if self.rules.share != self._share:
            self._share = self.rules.share
            self._numbers[draws.PROMISED] = 0  # to be promised anew, with the next event

    @property
    def share(self) -> float:
        """Share of the events that can be afforded at present."""
        return float(self._numbers[draws.AFFORDED])

    @property
    def promised(self) -> float:
        """Share that is promised: no propensity is below `FLOOR` times it."""
        return float(self._numbers[draws.PROMISED])

    @property
    def reach(self) -> float:
        """Keys below it count for the live accuracy: how far down the queue people get."""
        return float(self._reach.chosen[0])

    @property
    def excess(self) -> float:
        """What the share is raised by for a while, as a part of it."""
        return float(self._numbers[draws.EXCESS])

    @property
    def control(self) -> float:
        """What the controller multiplies all probabilities by."""
        control = math.exp(-draws.GAIN * self._numbers[draws.DEBT])
        return min(draws.MOST_CONTROL, max(draws.LEAST_CONTROL, control))

    @property
    def expired(self) -> int:
        """Requests that nobody had answered when they expired."""
        return int(self._numbers[draws.EXPIRED])

    @property
    def returned(self) -> float:
        """What these have given back to the budget, requests."""
        return float(self._numbers[draws.RETURNED])

    @property
    def n_open(self) -> int:
        """Requests that nobody has answered and that have not expired."""
        begin, end = self._queue.ends
        return int((~self._queue.is_closed[begin:end]).sum())

    def ask(
        self,
        said: Said,
        arrivals: NDArray[np.int64],
        expires: NDArray[np.int64],
        *,
        first: int,
        labelled: NDArray[np.int64],
    ) -> Drawn:
        """Decide which of n events people are asked about.

        Parameters
        ----------
        arrivals, expires
            (n,) when the events came, and when a request about each would end; ms since the epoch.
        first
            Sequence number of the first event.
        labelled
            (k,) labels that each class has.

        Raises
        ------
        ValueError
            If the arrays do not have the same number of events, or of classes.
        """
        n, k = len(arrivals), said.probabilities.shape[1]
        if not n == len(expires) == len(said.decisions) == len(said.probabilities) or len(labelled) != k:
            raise ValueError(
                "arrivals, expires and what was said must be of the same events, labelled of its classes"
            )
        if self._by_class.shape[1] < k:
            wider = np.zeros((3, k))
            wider[:, : self._by_class.shape[1]] = self._by_class
            self._by_class = wider
        self._make_room(n)
        drawn = Drawn(
            np.empty(n, np.float32),
            np.empty(n),
            np.empty(n, np.int8),
            np.empty(n, np.int8),
            np.empty(n),
            np.empty(n),
        )
        draws.draw(
            self.rules,
            self._numbers,
            self._by_class,
            self._reach,
            labelled,
            self._queue,
            first,
            arrivals,
            expires,
            said.probabilities,
            said.decisions,
            self._generator.random(n),
            drawn,
        )
        return drawn

    def answered(self, sequence: int, surprise: float | None = None) -> None:
        """Take note that the request about an event was answered, if only by "I don't know".

        Parameters
        ----------
        surprise
            1 if the prediction was wrong, else 0, less the probability of that by the model's own confidence;
            None if the answer does not tell.
        """
        place = self._find(sequence)
        if place is None or self._queue.is_closed[place]:
            return
        self._queue.is_closed[place] = True
        self._numbers[draws.ANSWERED_SHARE] += (1 - self._numbers[draws.ANSWERED_SHARE]) / draws.CLOSED
        if surprise is not None:
            self._hear(surprise)

    def reopen(self, sequence: int) -> None:
        """Take note that the answer to the request about an event was taken back."""
        place = self._find(sequence)
        if place is not None:
            self._queue.is_closed[place] = False

    def meet_class(self, n_labelled: int) -> None:
        """Take note that a label names a class for the first time, after so many other labels."""
        if n_labelled >= KNOWN:
            draws.raise_share(self._numbers, draws.NEW_CLASS, draws.RAISE)

    def _hear(self, surprise: float) -> None:
        """Raise the share where the model is wrong more often than it thinks, by more than it usually is."""
        numbers = self._numbers
        numbers[draws.HEARD] += 1
        beyond = surprise - numbers[draws.SURPRISE_USUAL]
        numbers[draws.SURPRISE_USUAL] += beyond / min(numbers[draws.HEARD], SURPRISES)
        numbers[draws.SURPRISE] = max(0.0, numbers[draws.SURPRISE] + beyond - SLACK)
        if numbers[draws.SURPRISE] > ENOUGH:
            numbers[draws.SURPRISE] = 0
            draws.raise_share(numbers, draws.DRIFT, draws.RAISE)

    def _find(self, sequence: int) -> int | None:
        begin, end = self._queue.ends
        place = int(begin + np.searchsorted(self._queue.sequences[begin:end], sequence))
        return place if place < end and self._queue.sequences[place] == sequence else None

    def _make_room(self, n: int) -> None:
        begin, end = self._queue.ends
        if end + n > len(self._queue.sequences):
            wider = _room(max(64, 2 * int(end - begin + n)))
            for old, new in zip(self._queue[:-1], wider[:-1], strict=True):
                new[: end - begin] = old[begin:end]
            wider.ends[1] = end - begin
            self._queue = wider

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the state as plain data (the generator's 128-bit integers as text) and arrays."""
        generator = self._generator.bit_generator.state["state"]
        begin, end = self._queue.ends
        arrays = {
            "numbers": self._numbers.copy(),
            "by_class": self._by_class.copy(),
            "reach.closed": self._reach.closed.copy(),
            "reach.chosen": self._reach.chosen.copy(),
            "queue.sequences": self._queue.sequences[begin:end].copy(),
            "queue.expires": self._queue.expires[begin:end].copy(),
            "queue.keys": self._queue.keys[begin:end].copy(),
            "queue.is_closed": self._queue.is_closed[begin:end].copy(),
        }
        return {
            "generator": {name: str(value) for name, value in generator.items()},
            "share": self._share,
        }, arrays

    @classmethod
    def from_state(
        cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], settings: ReviewSettings
    ) -> Self:
        """Return a sampler that goes on from `to_state`."""
        sampler = cls(settings, seed=0)
        generator = {name: int(value) for name, value in document["generator"].items()}
        sampler._generator.bit_generator.state = {
            **sampler._generator.bit_generator.state,
            "state": generator,
        }
        sampler._numbers = arrays["numbers"].copy()
        sampler._by_class = arrays["by_class"].copy()
        sampler._reach = Reach(arrays["reach.closed"].copy(), arrays["reach.chosen"].copy())
        n = len(arrays["queue.sequences"])
        sampler._queue = _room(n)
        sampler._queue.sequences[:] = arrays["queue.sequences"]
        sampler._queue.expires[:] = arrays["queue.expires"]
        sampler._queue.keys[:] = arrays["queue.keys"]
        sampler._queue.is_closed[:] = arrays["queue.is_closed"]
        sampler._queue.ends[1] = n
        sampler._share = document["share"]
        sampler.configure(settings)
        return sampler


def warm_up() -> None:
    """Compile the loop, or load it from the cache."""
    sampler = ReviewSampler(ReviewSettings(), seed=0)
    said = Said(np.ones((1, 1), np.float32), np.zeros(1, np.int64))
    one = np.ones(1, np.int64)
    sampler.ask(said, one, one, first=0, labelled=one)


def _room(n: int) -> Queue:
    return Queue(
        np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.bool_), np.zeros(2, np.int64)
    )


def _limit(most: float | None) -> float:
    return math.inf if most is None else float(most)
