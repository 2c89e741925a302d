"""The embedded transport: one SQLite file, nothing to install, nothing to start, several processes at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from streamssl.transport import sqlite_group
from streamssl.transport.base import (
    Closeable,
    Membership,
    Message,
    Positions,
    Record,
    Subscription,
    TopicSpec,
    begun_already,
)
from streamssl.transport.marks import marks_group
from streamssl.transport.sqlite_log import SqliteLog
from streamssl.transport.sqlite_worker import SqliteWorker

UNFLUSHED = 1_000
"""Records that a tool's producer gathers for one transaction."""


class SqliteTransport:
    """Topics in one file.

    Parameters
    ----------
    path
        Made when missing, its folder not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log = SqliteLog(path)

    def create_topics(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Create the topics that do not exist yet; return their names."""
        return self._log.create(specs)

    def topics(self) -> dict[str, int]:
        """Return every topic's name and number of partitions."""
        return self._log.topics()

    def offsets(self, topic: str) -> dict[int, tuple[int, int]]:
        """Return, per partition, the first offset still kept and the one after the last."""
        return {each.number: (each.first, each.next) for each in self._log.partitions(topic)}

    def workers(self, group_id: str, events: Sequence[str]) -> dict[str, Membership]:
        """Return the workers that a group remembers, by id."""
        marks, present = sqlite_group.marks_of_all(self._log, group_id), sqlite_group.present(self._log, group_id)
        owned = {
            worker_id: frozenset(
                (each.topic, each.number) for each in sqlite_group.share(self._log, events, present, worker_id)
            )
            for worker_id in present
        }
        return {each: Membership(owned.get(each), marks.get(each, {})) for each in sorted({*marks, *present})}

    def dismiss(self, group_id: str, worker_id: str) -> None:
        """Take a worker out of the group at once."""
        with self._log.transaction():
            sqlite_group.leave(self._log, group_id, worker_id)

    def forget(self, group_id: str, worker_id: str) -> None:
        """Forget a worker's marks."""
        with self._log.transaction():
            self._log.execute("DELETE FROM committed WHERE group_id = ?", marks_group(group_id, worker_id))

    def committed(self, group_id: str) -> Positions:
        """Return what a group has committed, of all topics."""
        return sqlite_group.committed(self._log, group_id)

    def begin_at_end(self, group_id: str, topics: Sequence[str]) -> None:
        """Let a group that has never committed begin with what comes from now on."""
        with self._log.transaction():
            if sqlite_group.committed(self._log, group_id):
                raise begun_already(group_id)
            for topic in topics:
                for partition in self._log.partitions(topic):
                    sqlite_group.put_offset(self._log, group_id, partition.id, partition.next)

    def producer(self) -> SqliteProducer:
        """Return a producer for tools."""
        return SqliteProducer(SqliteLog(self.path))

    def reader(self, topics: Sequence[str], start: Literal["first", "end"] = "first") -> SqliteReader:
        """Return a reader of whole topics."""
        return SqliteReader(SqliteLog(self.path), topics, start)

    def worker(self, subscription: Subscription) -> SqliteWorker:
        """Return the transactional session of one worker."""
        return SqliteWorker(SqliteLog(self.path), subscription)

    def close(self) -> None:
        """Release the transport's own connection."""
        self._log.close()


class SqliteProducer(Closeable):
    """Writes records, some hundred in a transaction."""

    def __init__(self, log: SqliteLog) -> None:
        self._log = log
        self._messages: list[Message] = []
        self._timestamps: list[int] = []

    def send(self, message: Message, timestamp: int | None = None) -> None:
        """Hand over one record."""
        self._messages.append(message)
        self._timestamps.append(int(time.time() * 1_000) if timestamp is None else timestamp)
        if len(self._messages) >= UNFLUSHED:
            self.flush()

    def flush(self) -> None:
        """Return once everything handed over is durable."""
        messages, self._messages = self._messages, []
        timestamps, self._timestamps = self._timestamps, []
        if messages:
            with self._log.transaction():
                self._log.append(messages, timestamps)

    def close(self) -> None:
        """Flush and release."""
        try:
            self.flush()
        finally:
            self._log.close()


class SqliteReader(Closeable):
    """Reads whole topics without a group."""

    def __init__(self, log: SqliteLog, topics: Sequence[str], start: Literal["first", "end"]) -> None:
        self._log = log
        self._partitions = [each for topic in topics for each in log.partitions(topic)]
        self._positions = {each.id: each.first if start == "first" else each.next for each in self._partitions}

    def poll(self, max_records: int = 1000, timeout: float = 0.1) -> list[Record]:
        """Return the next records."""
        return self._log.wait_for(
            lambda: self._log.read_on(self._partitions, self._positions, max_records), timeout
        )

    def at_end(self) -> bool:
        """Tell whether everything that was in the topics when this is asked has been read."""
        topics = {each.topic for each in self._partitions}
        now = [each for topic in topics for each in self._log.partitions(topic)]
        return all(self._positions[each.id] >= each.next for each in now)

    def close(self) -> None:
        """Release."""
        self._log.close()
