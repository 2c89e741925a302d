"""Keeps what the live accuracy rests on, event by event and answer by answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from streamssl.engine.live_accuracy import blocks as sums
from streamssl.engine.live_accuracy.blocks import Blocks
from streamssl.engine.live_accuracy.evidence import Who, evidence, farthest
from streamssl.engine.live_accuracy.intervals import BETS, ENOUGH, Tally, slopes, tally
from streamssl.engine.live_accuracy.requests import MOST, UNKNOWN, Requests, Status

WINDOW = 10_000
"""Events in the recent window at the least."""
LABELS = 200
"""Labels that it should be worth at the least."""
BLOCKS = 40
"""Blocks in the recent window."""
FLOOR = 0.5
"""Part of the budget that goes to all events alike: no propensity is below it times the share asked about."""
DAY = 86_400_000

TARGETS: tuple[tuple[Who, bool], ...] = (("learner", False), ("twin", False), ("gain", False), ("learner", True))
"""Whose predictions, and whether only its pseudo-labels: what is known since the start."""


class Observed(NamedTuple):
    """A run of events that have just been predicted; n entries each."""

    first: int
    """Sequence number of the first."""
    arrivals: NDArray[np.int64]
    expires: NDArray[np.int64]
    """When a request about it ends, ms."""
    decisions: NDArray[np.int64]
    confidences: NDArray[np.float32]
    propensities: NDArray[np.float32]
    """0 where nobody is asked, or not so that it counts."""
    pseudo: NDArray[np.int64]
    """Pseudo-label, -1 for none."""
    twins: NDArray[np.int64]
    """What the twin predicted, -1 where it was not asked."""
    is_capped: NDArray[np.bool_] | None = None
    """Which were drawn with this propensity, but not asked about; None: none."""
    promised: NDArray[np.float64] | None = None
    """Share that was promised to be asked about; None: what was promised before."""


class LiveAccuracy:
    """Knows how right the predictions of all events are from the answers about the few that people are asked about.

    Parameters
    ----------
    share
        Share of the events that it is promised that people are asked about, to begin with.
    window
        Events that count as recent; None: enough for `LABELS` labels, and at least `WINDOW`.

    Notes
    -----
    Cost: some .5 us an event, some 10 us a request. Memory: 1.6 kB for 250 to 500 events (at most 2 MB), and
    30 bytes for each request of the last two windows, of the last day, and of the events that still wait for
    labels, whichever are most; at most a million. `streamssl.engine.live_accuracy.reading.read` has the estimates.
    The window is made of whole blocks: it ends at the last one before the oldest open request. An answer that comes
    after its request has expired is taken all the same, until the event has left the pending store.

    Examples
    --------
    >>> live = LiveAccuracy(share=1.0, window=100)
    >>> nobody, n = np.full(102, -1), 102
    >>> live.observe(
    ...     Observed(
    ...         first=0,
    ...         arrivals=np.arange(n),
    ...         expires=np.arange(n) + 60_000,
    ...         decisions=np.zeros(n, dtype=np.int64),
    ...         confidences=np.full(n, 0.8, dtype=np.float32),
    ...         propensities=np.ones(n, dtype=np.float32),
    ...         pseudo=nobody,
    ...         twins=nobody,
    ...     ),
    ...     pending_first=0,
    ... )
    >>> for event in range(n):
    ...     live.answer(event, right=event % 4 > 0, twin_right=None)
    >>> from streamssl.engine.live_accuracy.reading import read
    >>> estimate = read(live, n_classes=1).recent.learner
    >>> estimate.value, estimate.low < 0.75 < estimate.high, estimate.labels
    (0.75, True, 100)
    """

    def __init__(self, *, share: float, window: int | None = None) -> None:
        self.share = share
        self._given_window = window
        self.clock = 0
        """Newest arrival of an event, ms."""
        self.next_sequence = 0
        self.begin(0)

    @property
    def window(self) -> int:
        """Events that count as recent, at the present promise."""
        return self._given_window or _window(self.share)

    @property
    def floor(self) -> float:
        """What no propensity has been below since the start."""
        return FLOOR * self.share_since_start

    def begin(self, start: int) -> None:
        """Forget everything; count from event ``start`` on."""
        self.blocks = Blocks(start, self.share)
        self.requests = Requests()
        self._begin_since_start(start)

    def _begin_since_start(self, start: int) -> None:
        """Count anew what is known since the start: its bets were made for a floor, and too bold for a lower."""
        self.start = start
        self.share_since_start = self.share
        """Least share that was promised since then."""
        self.settled = [_nothing() for _ in TARGETS]
        """Sums over the requests that have been forgotten."""
        self.events = np.zeros((2, 2), dtype=np.int64)
        """Number and belief (in units) of the events of forgotten blocks: all, pseudo-labels."""

    def promise(self, share: float, pending_first: int) -> None:
        """Take over another share that is promised, from the next event on.

        The recent window goes on, with the least share that was promised in it. What is known since the start
        begins anew where less is promised than ever since; and everything does where nobody was asked before, or
        is from now on.
        """
        if share == self.share:
            return
        is_asked = self.share > 0 and share > 0
        self.share = share
        if not is_asked:
            self.begin(self.next_sequence)
            return
        if self.blocks.begins[-1] < self.next_sequence:
            self._open_block(self.next_sequence, pending_first)
        self.blocks.promised[-1] = share
        if share < self.share_since_start or self.start == self.next_sequence:
            self._begin_since_start(self.next_sequence)

    def observe(self, events: Observed, pending_first: int) -> None:
        """Count events, and enter the requests about some of them.

        Parameters
        ----------
        pending_first
            Sequence number of the oldest event that a label may still come for.
        """
        cells = sums.cells(events.decisions, events.pseudo)
        beliefs = sums.beliefs(events.confidences)
        n, begin = len(cells), 0
        step = max(1, self.window // BLOCKS)
        changes = _changes(events.promised, n)
        while begin < n:
            if events.promised is not None and events.promised[begin] != self.share:
                self.next_sequence = events.first + begin
                self.promise(float(events.promised[begin]), pending_first)
                step = max(1, self.window // BLOCKS)
            filled = events.first + begin - int(self.blocks.begins[-1])
            if filled >= step:
                self._open_block(events.first + begin, pending_first)
                filled = 0
            end = min(n, begin + step - filled, *changes[changes > begin][:1].tolist())
            run = slice(begin, end)
            self.clock = max(self.clock, int(events.arrivals[run].max()))
            self.blocks.add(cells[run], beliefs[run], self.clock)
            self._enter(events, cells, beliefs, begin, end)
            begin = end
        self.next_sequence = events.first + n

    def answer(self, sequence: int, right: bool | None, twin_right: bool | None) -> None:
        """Enter (or correct) the answer about an event; None: the label does not tell."""
        place = self.requests.find(sequence)
        if place is not None and self.requests["status"][place] != Status.CAPPED:
            self.requests["status"][place] = Status.ANSWERED
            self.requests["right"][place] = UNKNOWN if right is None else right
            self.requests["twin_right"][place] = UNKNOWN if twin_right is None else twin_right

    def abstain(self, sequence: int) -> None:
        """Enter that somebody who was asked could not say."""
        self._close(sequence, Status.ABSTAINED)

    def see(self, sequence: int) -> None:
        """Enter that somebody answered who had seen the guess."""
        self._close(sequence, Status.SEEN)

    def supersede(self, sequence: int) -> None:
        """Enter that no answer is left that counts: whoever gave one has said something else since, unfairly."""
        place = self.requests.find(sequence)
        if place is not None and self.requests["status"][place] == Status.ANSWERED:
            self.requests["status"][place] = Status.OPEN

    def take_back(self, sequence: int) -> None:
        """Remove the answer about an event: the request is open again."""
        place = self.requests.find(sequence)
        if place is not None and self.requests["status"][place] != Status.CAPPED:
            self.requests["status"][place] = Status.OPEN

    def reopen(self, sequence: int) -> None:
        """Remove the "I don't know" about an event: the request is open again."""
        place = self.requests.find(sequence)
        if place is not None and self.requests["status"][place] == Status.ABSTAINED:
            self.requests["status"][place] = Status.OPEN

    def recent_block(self, end: int) -> int:
        """Return the first block of the recent window that ends before block ``end``.

        As long as the present promise wants it; where less was promised in it, long enough to say something.
        """
        begin = self.blocks.back(end, self.window)
        enough = min(ENOUGH, FLOOR * self.share * self.window)
        while begin > 0 and self.share > 0:
            floor = FLOOR * self.blocks.least_promised(begin, end)
            longer = self.blocks.back(end, math.ceil(enough / floor))
            if longer >= begin:
                break
            begin = longer
        return begin

    def end_block(self) -> int:
        """Return the first block that is not closed: one of its requests may still be answered."""
        first = int(self.blocks.begins[0])
        is_open = self.requests.oldest_open(self.clock, first)
        return self.blocks.complete_before(self.next_sequence if is_open is None else is_open)

    def _close(self, sequence: int, status: Status) -> None:
        place = self.requests.find(sequence)
        if place is not None and self.requests["status"][place] == Status.OPEN:
            self.requests["status"][place] = status

    def _enter(
        self,
        events: Observed,
        cells: NDArray[np.int64],
        beliefs: NDArray[np.int64],
        begin: int,
        end: int,
    ) -> None:
        asked = begin + np.flatnonzero((events.propensities[begin:end] > 0) & (cells[begin:end] >= 0))
        if not len(asked):
            return
        twins = events.twins[asked]
        self.requests.append(
            sequence=events.first + asked,
            expires=events.expires[asked],
            propensity=events.propensities[asked],
            belief=beliefs[asked],
            cell=cells[asked],
            agrees=np.where(twins < 0, UNKNOWN, twins == events.decisions[asked]),
            status=_status(events, asked),
        )

    def _open_block(self, first: int, pending_first: int) -> None:
        """Begin a block, and let go of what is no longer needed."""
        self.blocks.open(first, self.share)
        self.next_sequence = first
        end = self.end_block()
        window = self.recent_block(end)
        before = self.blocks.back(window, self.window)
        a_day_old = int(np.searchsorted(self.blocks.newest, self.clock - DAY))
        excess = len(self.requests) - MOST
        overdue = 0
        if excess > 0:
            overdue = int(np.searchsorted(self.blocks.begins, self.requests["sequence"][excess]))
        n_old = min(max(min(before, a_day_old), overdue), len(self.blocks) - 1)
        self.blocks.thin(end, len(self.blocks) - 1, self.start)
        self.blocks.thin(n_old, before, self.start)
        self._forget_blocks(n_old)
        needed = min(int(self.blocks.begins[0]), pending_first)
        self._settle(max(self.requests.places(0, needed).stop, excess))

    def first_block(self) -> int:
        """Return the first block of what is known since the start."""
        return int(np.searchsorted(self.blocks.begins, self.start))

    def _forget_blocks(self, n: int) -> None:
        first = self.first_block()
        for i, step in enumerate((1, 2)):
            pseudo_or_all = slice(step - 1, None, step)
            self.events[i, 0] += self.blocks.counts[first:n, pseudo_or_all].sum()
            self.events[i, 1] += self.blocks.believed[first:n, pseudo_or_all].sum()
        self.blocks.drop(n)

    def _settle(self, n: int) -> None:
        """Forget the oldest requests, but not what they said."""
        if n <= 0:
            return
        self.settled = [
            settled.plus(self.tally_since_start(who, is_pseudo, slice(0, n)))
            for settled, (who, is_pseudo) in zip(self.settled, TARGETS, strict=True)
        ]
        self.requests.drop(n)

    def tally_since_start(self, who: Who, is_pseudo: bool, places: slice) -> Tally:
        """Sum requests up as `settled` does."""
        since = self.requests.places(self.start, self.next_sequence + 1).start
        chosen = np.arange(max(places.start, since), max(places.stop, since))
        if is_pseudo:
            chosen = chosen[self.requests["cell"][chosen] % 2 == 1]
        return tally(evidence(self.requests, chosen, who), slopes(self.floor, farthest(who)))

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return everything as plain data and arrays."""
        document = {
            "share": self.share,
            "window": self._given_window,
            "clock": self.clock,
            "next_sequence": self.next_sequence,
            "start": self.start,
            "share_since_start": self.share_since_start,
        }
        arrays = {
            **{f"requests.{name}": column for name, column in self.requests.to_arrays().items()},
            **{f"blocks.{name}": column for name, column in self.blocks.to_arrays().items()},
            "events": self.events.copy(),
            "settled": np.array([np.hstack(settled) for settled in self.settled]),
        }
        return document, arrays

    @classmethod
    def from_state(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return one that goes on from `to_state`."""
        live = cls(share=document["share"], window=document["window"])
        live.clock = document["clock"]
        live.next_sequence = document["next_sequence"]
        live.start = document["start"]
        live.share_since_start = document["share_since_start"]
        live.requests = Requests.from_arrays(_below("requests.", arrays))
        live.blocks = Blocks.from_arrays(_below("blocks.", arrays))
        live.events = arrays["events"].copy()
        live.settled = [_tally(row) for row in arrays["settled"]]
        return live


def _window(share: float) -> int:
    return max(WINDOW, math.ceil(LABELS / share)) if share else WINDOW


def _nothing() -> Tally:
    return Tally(np.zeros(BETS), np.zeros(BETS), 0.0, 0.0, 0.0, 0.0, 0)


def _tally(row: NDArray[np.float64]) -> Tally:
    correction, variance, weight_known, weight, known = row[2 * BETS :].tolist()
    low, high = row[: 2 * BETS].copy().reshape(2, BETS)
    return Tally(low, high, correction, variance, weight_known, weight, int(known))


def _status(events: Observed, asked: NDArray[np.intp]) -> NDArray[np.int64]:
    if events.is_capped is None:
        return np.full(len(asked), Status.OPEN)
    return np.where(events.is_capped[asked], Status.CAPPED, Status.OPEN)


def _changes(promised: NDArray[np.float64] | None, n: int) -> NDArray[np.intp]:
    """Return the places at which another share is promised than before."""
    if promised is None:
        return np.zeros(0, dtype=np.intp)
    return 1 + np.flatnonzero(promised[1:n] != promised[: n - 1])


def _below(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
