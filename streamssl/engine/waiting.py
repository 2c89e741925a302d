"""Records that wait, oldest first: labels for their event, and what nobody could use for its verdict."""

from __future__ import annotations

import base64
import heapq
from collections import OrderedDict
from collections.abc import KeysView
from typing import Any, NamedTuple, Self

from streamssl.transport.base import Record


class RecordName(NamedTuple):
    """What tells a record from all others."""

    topic: str
    partition: int
    offset: int


class WaitingRecords:
    """Records and the event that each is about, found by event and by name.

    The records are kept as they came: those that nobody can use go to the dead letters byte for byte.

    Notes
    -----
    Memory: the records and some 400 bytes each; the caller sees to it that they do not grow without end.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[RecordName, tuple[str, Record]] = OrderedDict()
        self._by_event: dict[str, list[RecordName]] = {}
        self._offsets: dict[tuple[str, int], list[int]] = {}
        """Heaps; what waits no longer is dropped when it comes to the top."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._by_event

    def names(self) -> KeysView[RecordName]:
        """Return the names of the records that wait."""
        return self._waiting.keys()

    def by_offset(self) -> list[tuple[RecordName, Record]]:
        """Return all records, each partition in offset order."""
        return sorted((name, record) for name, (_, record) in self._waiting.items())

    def add(self, event_id: str, record: Record) -> None:
        """Let a record wait."""
        name = RecordName(*record[:3])
        self._waiting[name] = (event_id, record)
        self._by_event.setdefault(event_id, []).append(name)
        heapq.heappush(self._offsets.setdefault(name[:2], []), name.offset)

    def take(self, event_id: str) -> list[Record]:
        """Remove and return the records about an event, in the order in which they came."""
        return [self.take_one(name)[1] for name in list(self._by_event.get(event_id, ()))]

    def take_one(self, name: RecordName) -> tuple[str, Record]:
        """Remove and return one record, and the event that it is about.

        Raises
        ------
        KeyError
            When it does not wait here.
        """
        event_id, record = self._waiting.pop(name)
        names = self._by_event[event_id]
        names.remove(name)
        if not names:
            del self._by_event[event_id]
        return event_id, record

    def oldest(self) -> tuple[RecordName, Record] | None:
        """Return the record that has waited longest, None without any."""
        return next(((name, record) for name, (_, record) in self._waiting.items()), None)

    def first_offset(self, topic: str, partition: int) -> int | None:
        """Return the lowest offset that waits in a partition, None without any."""
        offsets = self._offsets.get((topic, partition), [])
        while offsets and (topic, partition, offsets[0]) not in self._waiting:
            heapq.heappop(offsets)
        return offsets[0] if offsets else None

    def to_document(self) -> list[Any]:
        """Return the waiting records as plain data, bytes as base64."""
        return [[event_id, _to_plain(record)] for event_id, record in self._waiting.values()]

    @classmethod
    def from_document(cls, document: list[Any]) -> Self:
        """Return waiting records that go on from `to_document`."""
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
