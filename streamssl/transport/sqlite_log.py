"""Topics in one SQLite file: a log of records per partition, in WAL mode, for several processes at once.

A record's row id is its partition's number and its offset in one integer, so that reading on from an offset is
reading on in the table. Every commit reaches the disk before it returns (``synchronous=FULL``): a snapshot, which
is flushed too, must never know more than the file after a power cut.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from streamssl.transport.base import Message, Record, TopicMissing, TopicSpec, TransportError
from streamssl.transport.partitioner import partition_of
from streamssl.transport.sqlite_file import opened, transaction

log = logging.getLogger(__name__)

OFFSET_BITS = 40
"""Of a row id; the rest is the partition's number."""
LOOK_EVERY = 0.003
"""Seconds between two looks whether another process has written."""
SWEEP_ROWS = 5_000
"""Old records that one sweep deletes at the most, per partition."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, retention_ms INTEGER);
CREATE TABLE IF NOT EXISTS partitions (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL REFERENCES topics,
    number INTEGER NOT NULL,
    first INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, number)
);
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, key BLOB, value BLOB, headers TEXT
);
CREATE TABLE IF NOT EXISTS workers (
    group_id TEXT, worker_id TEXT, epoch INTEGER NOT NULL, PRIMARY KEY (group_id, worker_id)
);
CREATE TABLE IF NOT EXISTS membership (
    group_id TEXT, worker_id TEXT, seen REAL NOT NULL, acts_on TEXT NOT NULL, PRIMARY KEY (group_id, worker_id)
);
CREATE TABLE IF NOT EXISTS committed (
    group_id TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (group_id, partition)
);
"""


class Partition(NamedTuple):
    """One partition of a topic."""

    id: int
    topic: str
    number: int
    first: int
    """First offset still kept."""
    next: int
    """Offset of the next record."""

    def row(self, offset: int) -> int:
        """Return the row id of an offset."""
        return (self.id << OFFSET_BITS) | offset


class SqliteLog:
    """One connection to the file.

    Parameters
    ----------
    path
        Made when missing.

    Raises
    ------
    TransportError
        When the file cannot be opened or is no SQLite file.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._connection = opened(path, SCHEMA)
        except sqlite3.Error as error:
            raise TransportError(f"{path}: {error}") from error
        self._robin = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside becomes visible together, or not at all."""
        try:
            with transaction(self._connection):
                yield
        except sqlite3.Error as error:
            raise TransportError(f"writing to the SQLite file: {error}") from error

    def execute(self, statement: str, *values: object) -> list[Any]:
        """Run one statement and return its rows."""
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise TransportError(f"using the SQLite file: {error}") from error

    def create(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Create the topics that do not exist yet; return their names."""
        created = []
        with self.transaction():
            existing = self.topics()
            for spec in specs:
                if spec.name in existing:
                    continue
                deletes = "delete" in spec.config.get("cleanup.policy", "delete")
                retention = int(spec.config.get("retention.ms", -1)) if deletes else -1
                self.execute("INSERT INTO topics VALUES (?, ?)", spec.name, retention if retention >= 0 else None)
                for number in range(spec.partitions):
                    self.execute("INSERT INTO partitions (topic, number) VALUES (?, ?)", spec.name, number)
                created.append(spec.name)
        return created

    def topics(self) -> dict[str, int]:
        """Return every topic's number of partitions."""
        rows = self.execute("SELECT topic, count(*) FROM partitions GROUP BY topic ORDER BY topic")
        return dict(rows)

    def partitions(self, topic: str) -> list[Partition]:
        """Return a topic's partitions as they are now.

        Raises
        ------
        TopicMissing
            When it does not exist.
        """
        rows = self.execute(
            "SELECT id, topic, number, first, next FROM partitions WHERE topic = ? ORDER BY number", topic
        )
        if not rows:
            raise TopicMissing(f"there is no topic {topic!r}: create it with `streamssl topics create`")
        return [Partition(*row) for row in rows]

    def append(self, messages: Sequence[Message], timestamps: Sequence[int] | None = None) -> None:
        """Write messages, each to the partition of its key; to be called inside a transaction."""
        now = int(time.time() * 1_000)
        rows = []
        layouts = {topic: self.partitions(topic) for topic in {message.topic for message in messages}}
        ends = {partition.id: partition.next for layout in layouts.values() for partition in layout}
        for i, message in enumerate(messages):
            layout = layouts[message.topic]
            partition = layout[self._choose(message.key, len(layout))]
            timestamp = now if timestamps is None else timestamps[i]
            headers = _encode_headers(message.headers) if message.headers else None
            rows.append((partition.row(ends[partition.id]), timestamp, message.key, message.value, headers))
            ends[partition.id] += 1
        self._write(rows, ends)

    def append_to(self, partition: Partition, message: Message) -> int:
        """Write one message to a given partition, inside a transaction; return its offset."""
        [[end]] = self.execute("SELECT next FROM partitions WHERE id = ?", partition.id)
        row = (partition.row(end), int(time.time() * 1_000), message.key, message.value, None)
        self._write([row], {partition.id: end + 1})
        return int(end)

    def read(self, partition: Partition, position: int, most: int, end: int | None = None) -> list[Record]:
        """Return records from an offset on, at most so many, before ``end`` if it is given."""
        last = partition.row((1 << OFFSET_BITS) - 1 if end is None else end - 1)
        rows = self.execute(
            "SELECT id, timestamp, key, value, headers FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
            partition.row(position),
            last,
            most,
        )
        base, topic, number = partition.row(0), partition.topic, partition.number
        return [
            Record(topic, number, row - base, timestamp, key, value, _decode_headers(headers) if headers else ())
            for row, timestamp, key, value, headers in rows
        ]

    def read_on(self, partitions: Sequence[Partition], positions: dict[int, int], most: int) -> list[Record]:
        """Return what comes next in some partitions, and move their positions (partition id -> offset).

        Each partition gets the same share, so that a long one does not hold up the others; what one leaves of
        its share goes to those that have more.
        """
        records: list[Record] = []
        waiting = list(partitions)
        while waiting and len(records) < most:
            share = -(-(most - len(records)) // len(waiting))
            having_more = []
            for partition in waiting:
                found = self.read(partition, positions[partition.id], min(share, most - len(records)))
                if found:
                    if found[0].offset > positions[partition.id]:
                        log.error(
                            "%s[%d] was read to %d and goes on at %d: retention has removed the records between",
                            partition.topic,
                            partition.number,
                            positions[partition.id],
                            found[0].offset,
                        )
                    positions[partition.id] = found[-1].offset + 1
                    records += found
                if len(found) == share:
                    having_more.append(partition)
            waiting = having_more
        return records

    def wait_for(self, read: Callable[[], list[Record]], timeout: float) -> list[Record]:
        """Read until there are records or the time (seconds) is up; look again when another process has written."""
        deadline = time.monotonic() + timeout
        while True:
            version = self.execute("PRAGMA data_version")
            records = read()
            if records:
                return records
            while self.execute("PRAGMA data_version") == version:
                if time.monotonic() >= deadline:
                    return []
                time.sleep(LOOK_EVERY)

    def sweep(self) -> None:
        """Delete records that are older than their topic keeps them, some at a time."""
        now = int(time.time() * 1_000)
        kept = self.execute(
            "SELECT p.id, p.topic, p.number, p.first, p.next, t.retention_ms FROM partitions p "
            "JOIN topics t ON t.name = p.topic WHERE t.retention_ms IS NOT NULL AND p.first < p.next"
        )
        for *fields, retention in kept:
            partition = Partition(*fields)
            young = self.execute(
                "SELECT id FROM records WHERE id BETWEEN ? AND ? AND timestamp >= ? ORDER BY id LIMIT 1",
                partition.row(partition.first),
                partition.row(min(partition.first + SWEEP_ROWS, partition.next) - 1),
                now - retention,
            )
            limit = min(partition.first + SWEEP_ROWS, partition.next)
            first = young[0][0] - partition.row(0) if young else limit
            if first > partition.first:
                with self.transaction():
                    self.execute(
                        "DELETE FROM records WHERE id BETWEEN ? AND ?",
                        partition.row(partition.first),
                        partition.row(first - 1),
                    )
                    self.execute("UPDATE partitions SET first = max(first, ?) WHERE id = ?", first, partition.id)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _write(self, rows: Sequence[tuple[object, ...]], ends: dict[int, int]) -> None:
        self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
        self._connection.executemany(
            "UPDATE partitions SET next = ? WHERE id = ?", [(end, number) for number, end in ends.items()]
        )

    def _choose(self, key: bytes | None, partitions: int) -> int:
        if key is not None:
            return partition_of(key, partitions)
        self._robin += 1
        return self._robin % partitions


def _encode_headers(headers: Sequence[tuple[str, bytes]]) -> str:
    return json.dumps([[name, value.hex()] for name, value in headers])


def _decode_headers(text: str) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, bytes.fromhex(value)) for name, value in json.loads(text))
