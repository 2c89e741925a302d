"""The events that people were asked about, and what became of each request.

Columns of an array each, in the order of the events. An entry takes 30 bytes; the oldest leave at the front.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

MOST = 1_000_000
"""Requests that are remembered: 30 MB."""

COLUMNS: dict[str, type[np.generic]] = {
    "sequence": np.int64,
    "expires": np.int64,
    "propensity": np.float32,
    "belief": np.int32,
    "cell": np.int16,
    "agrees": np.int8,
    "status": np.int8,
    "right": np.int8,
    "twin_right": np.int8,
}


class Status(IntEnum):
    """What became of a request."""

    OPEN = 0
    ANSWERED = 1
    ABSTAINED = 2
    """Nobody who looked could say."""
    SEEN = 3
    """It was answered by somebody who had seen the guess."""
    CAPPED = 4
    """It was drawn, but the cap of the reviewers' time swallowed it."""


UNKNOWN = -1


class Requests:
    """The book of requests, by sequence number of the event.

    Notes
    -----
    Cost: `find` O(log n), `append` O(1) an entry on average.
    """

    def __init__(self) -> None:
        self._columns = {name: np.zeros(64, kind) for name, kind in COLUMNS.items()}
        self._begin = 0
        self._end = 0

    def __len__(self) -> int:
        return self._end - self._begin

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return a column: a view, that may be written to."""
        return self._columns[name][self._begin : self._end]

    def append(self, **columns: NDArray[Any]) -> None:
        """Add entries, of events later than all that are here; a column that is not named is 0."""
        n = len(columns["sequence"])
        self._make_room(n)
        for name, column in self._columns.items():
            column[self._end : self._end + n] = columns.get(name, 0)
        self._end += n

    def find(self, sequence: int) -> int | None:
        """Return the place of an event's request, None if people were not asked, or too long ago."""
        place = int(np.searchsorted(self["sequence"], sequence))
        return place if place < len(self) and self["sequence"][place] == sequence else None

    def places(self, begin: int, end: int) -> slice:
        """Return the places of the events from ``begin`` to before ``end``."""
        first, last = np.searchsorted(self["sequence"], [begin, end])
        return slice(int(first), int(last))

    def drop(self, n: int) -> None:
        """Forget the oldest."""
        self._begin += n

    def oldest_open(self, clock: int, since: int) -> int | None:
        """Return the first event from ``since`` on whose request may still be answered at ``clock`` (ms)."""
        is_open = (self["status"] == Status.OPEN) & (self["expires"] > clock) & (self["sequence"] >= since)
        place = int(is_open.argmax()) if len(is_open) else 0
        return int(self["sequence"][place]) if len(is_open) and is_open[place] else None

    def _make_room(self, n: int) -> None:
        if self._end + n <= len(self._columns["sequence"]):
            return
        size = max(64, 2 * (len(self) + n))
        for name in COLUMNS:
            wider = np.zeros(size, COLUMNS[name])
            wider[: len(self)] = self[name]
            self._columns[name] = wider
        self._begin, self._end = 0, len(self)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the columns."""
        return {name: self[name].copy() for name in COLUMNS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return a book that goes on from `to_arrays`."""
        requests = cls()
        requests.append(**{name: arrays[name] for name in COLUMNS})
        return requests
