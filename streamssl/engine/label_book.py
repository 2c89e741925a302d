"""Which labels have been given to pending events, and which labels still wait for their event."""

from __future__ import annotations

import base64
from collections import OrderedDict
from typing import Any, NamedTuple, Self

from streamssl.transport.base import Record


class GivenLabel(NamedTuple):
    """What was last said about an event."""

    label: str | None
    excluded: tuple[str, ...]
    """Classes it is not; empty where `label` is given."""


class LabelBook:
    """Sequence number of a pending event -> the label that holds for it.

    Notes
    -----
    Memory: some 150 bytes a labelled event that is still pending; entries of expired events are swept once they
    may be half of the book.
    """

    def __init__(self) -> None:
        self._given: dict[int, GivenLabel] = {}
        self._sweep_at = 1_024

    def __len__(self) -> int:
        return len(self._given)

    def get(self, sequence: int) -> GivenLabel | None:
        """Return the label that holds for an event, None without one."""
        return self._given.get(sequence)

    def put(self, sequence: int, given: GivenLabel, first_pending: int) -> None:
        """Enter a label. Events before ``first_pending`` are no longer waiting and may be forgotten."""
        self._given[sequence] = given
        if len(self._given) >= self._sweep_at:
            self._given = {s: g for s, g in self._given.items() if s >= first_pending}
            self._sweep_at = max(1_024, 2 * len(self._given))

    def remove(self, sequence: int) -> None:
        """Take a label back."""
        self._given.pop(sequence, None)

    def to_document(self) -> dict[str, Any]:
        """Return the book as plain data."""
        return {
            "sweep_at": self._sweep_at,
            "given": [[s, g.label, list(g.excluded)] for s, g in self._given.items()],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Return a book that goes on from `to_document`."""
        book = cls()
        book._sweep_at = document["sweep_at"]
        for sequence, label, excluded in document["given"]:
            book._given[sequence] = GivenLabel(label, tuple(excluded))
        return book


class WaitingLabels:
    """Label records whose event is not known yet, oldest first, found by event id.

    The records are kept as they came: if the event never shows up, they go to the dead letters byte for byte.

    Notes
    -----
    Memory: the records, at most as many as the configuration allows.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[int, tuple[str, Record]] = OrderedDict()
        self._by_event: dict[str, list[int]] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._by_event

    def add(self, event_id: str, record: Record) -> None:
        """Let a label wait."""
        self._waiting[self._next] = (event_id, record)
        self._by_event.setdefault(event_id, []).append(self._next)
        self._next += 1

    def take(self, event_id: str) -> list[Record]:
        """Remove and return the labels that wait for an event, in the order in which they came."""
        return [self._waiting.pop(ticket)[1] for ticket in self._by_event.pop(event_id, [])]

    def oldest_timestamp(self) -> int | None:
        """Return the time (ms) at which the label was produced that has waited longest; None without any."""
        return next((record.timestamp for _, record in self._waiting.values()), None)

    def take_oldest(self) -> Record:
        """Remove and return the label that has waited longest."""
        ticket, (event_id, record) = next(iter(self._waiting.items()))
        del self._waiting[ticket]
        tickets = self._by_event[event_id]
        tickets.remove(ticket)
        if not tickets:
            del self._by_event[event_id]
        return record

    def to_document(self) -> list[Any]:
        """Return the waiting records as plain data, bytes as base64."""
        return [[event_id, _to_plain(record)] for event_id, record in self._waiting.values()]

    @classmethod
    def from_document(cls, document: list[Any]) -> Self:
        """Return waiting labels that go on from `to_document`."""
        waiting = cls()
        for event_id, record in document:
            waiting.add(event_id, _from_plain(record))
        return waiting


def _to_plain(record: Record) -> dict[str, Any]:
    return record._asdict() | {
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": [[name, _text(value)] for name, value in record.headers],
    }


def _from_plain(plain: dict[str, Any]) -> Record:
    return Record(**plain)._replace(
        key=_bytes(plain["key"]),
        value=_bytes(plain["value"]),
        headers=tuple((name, _bytes(value) or b"") for name, value in plain["headers"]),
    )


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
