"""The transactional session of one worker with the SQLite file.

Fencing is an epoch per worker id: whoever takes the id over raises it, and a commit under an older one is refused.
The group is a table of members that say now and then that they are alive; partitions go to them by range. A worker
that slept past its session may be a member again while another has read its partitions in between: therefore a
commit is refused, too, unless the group still stands where this worker began to read.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Sequence

from streamssl.fail_points import reach
from streamssl.transport import sqlite_group
from streamssl.transport.base import (
    Fenced,
    Marks,
    Message,
    Neighbours,
    OffsetRange,
    Positions,
    RangeLost,
    Record,
    Subscription,
    TransportError,
    made_again,
)
from streamssl.transport.marks import marks_group
from streamssl.transport.sqlite_log import Partition, SqliteLog

log = logging.getLogger(__name__)

SESSION_SECONDS = 10.0
"""Silence after which a member's partitions go to others."""
SEEN_EVERY = 1.0
SWEEP_EVERY = 1.0
JOURNAL_READ = 1_000


class SqliteWorker:
    """See `streamssl.transport.base.Worker` for the order of calls."""

    def __init__(self, log: SqliteLog, subscription: Subscription) -> None:
        self._log = log
        self.subscription = subscription
        self._epoch = 0
        self._journal: Partition | None = None
        self._journal_end = 0
        self._broadcast: list[Partition] = []
        self._owned: list[Partition] = []
        self._positions: dict[int, int] = {}
        self._committed: dict[int, int | None] = {}
        self._decided: dict[tuple[str, int], int] = {}
        self._has_joined = False
        self._say_alive_at = 0.0
        self._is_agreed = False
        self._sweep_at = 0.0

    def fence(self) -> None:
        """Take over the worker id."""
        with self._log.transaction():
            self._log.execute(
                "INSERT INTO workers VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET epoch = epoch + 1", *self._identity
            )
            [[epoch]] = self._log.execute(
                "SELECT epoch FROM workers WHERE group_id = ? AND worker_id = ?", *self._identity
            )
        self._epoch = int(epoch)

    def read_journal(self, start: int | None = None) -> Iterator[Record]:
        """Yield this worker's journal records from ``start`` to the end."""
        partitions = self._log.partitions(self.subscription.journal)
        number = re.search(r"\d*$", self.subscription.worker_id)
        self._journal = partitions[(int(number[0]) if number and number[0] else 0) % len(partitions)]
        self._journal_end = end = self._journal.next
        if start is not None and start > end:
            raise TransportError(
                f"{self._journal.topic}[{self._journal.number}] ends at {end}, but the snapshot has read it to "
                f"{start}: was the file deleted and made again? Move the state directory away to begin from what "
                "the topics hold."
            )
        position = max(self._journal.first, start or 0)
        while position < end:
            records = self._log.read(self._journal, position, JOURNAL_READ, end)
            if not records:
                return
            position = records[-1].offset + 1
            yield from (record for record in records if record.key == self.subscription.worker_id.encode())

    def fetch(self, ranges: Sequence[OffsetRange]) -> list[Record]:
        """Return exactly the records of ``ranges``."""
        records: list[Record] = []
        for each in ranges:
            partition = self._log.partitions(each.topic)[each.partition]
            if each.first < partition.first:
                raise RangeLost(each, partition.first)
            found = self._log.read(partition, each.first, each.end - each.first, each.end)
            if each.count not in (-1, len(found)):
                raise RangeLost(each, each.first)
            records += found
        return records

    def join(self, positions: Positions) -> None:
        """Go live: events from the group's committed offsets, broadcast topics from ``positions``."""
        for topic in self.subscription.events:
            self._log.partitions(topic)
        for topic in self.subscription.broadcast:
            for partition in self._log.partitions(topic):
                position = positions.get((topic, partition.number))
                if position is not None and position > partition.next:
                    raise made_again(topic, partition.number, partition.next, position)
                self._begin(partition, position)
                self._broadcast.append(partition)
        self._has_joined = True

    def assignment(self) -> frozenset[tuple[str, int]]:
        """Return the events partitions that this worker owns at the moment."""
        return frozenset((each.topic, each.number) for each in self._owned)

    def is_settled(self) -> bool:
        """Return whether it is settled which events partitions this worker owns, be it none (last poll)."""
        return self._is_agreed

    def poll(self, max_records: int, timeout: float, max_broadcast: int | None = None) -> list[Record]:
        """Return the next records of all topics."""
        now = time.monotonic()
        if self.subscription.events and now >= self._say_alive_at:  # who takes no events takes no share of them
            self._say_alive()
            self._say_alive_at = now + SEEN_EVERY
        if now >= self._sweep_at:
            self._log.sweep()
            self._sweep_at = now + SWEEP_EVERY

        def read() -> list[Record]:
            broadcast = self._log.read_on(self._broadcast, self._positions, max_broadcast or max_records)
            return broadcast + self._log.read_on(self._owned, self._positions, max_records)

        return self._log.wait_for(read, timeout)

    def commit(
        self,
        outputs: Sequence[Message],
        journal: bytes | None,
        consumed: Sequence[OffsetRange],
        marks: Marks | None = None,
    ) -> int:
        """Commit outputs, the journal record, the consumed events offsets and the marks as one transaction."""
        events = {
            (each.topic, each.partition): each.end for each in consumed if each.topic in self.subscription.events
        }
        moved = {
            each.id: events[each.topic, each.number] for each in self._owned if (each.topic, each.number) in events
        }
        with self._log.transaction():
            reach("commit-1-begun")
            self._check_ownership(set(events))
            self._log.append(outputs)
            reach("commit-2-sent")
            if journal is not None:
                assert self._journal is not None, "read_journal comes before commit"
                entry = Message(self._journal.topic, self.subscription.worker_id.encode(), journal)
                self._journal_end = self._log.append_to(self._journal, entry) + 1
            reach("commit-3-journalled")
            for partition, end in moved.items():
                if self._committed_offset(partition) != self._committed[partition]:
                    raise Fenced(f"another worker has read on where {self.subscription.worker_id} had begun")
                sqlite_group.put_offset(self._log, self.subscription.group_id, partition, end)
            if marks is not None:
                self._put_marks(marks)
            reach("commit-4-offsets-sent")
        self._committed.update(moved)
        return self._journal_end

    def neighbours(self) -> Neighbours:
        """Return the marks that the others of the group have committed."""
        given_up = sqlite_group.marks_of_all(self._log, self.subscription.group_id)
        given_up.pop(self.subscription.worker_id, None)
        self._decided = sqlite_group.offsets(self._log, self.subscription.group_id, self._broadcast)
        return Neighbours(given_up, dict(self._decided))

    def positions(self) -> dict[tuple[str, int], int]:
        """Return, for every partition being read, the offset that will be polled next."""
        return {(each.topic, each.number): self._positions[each.id] for each in (*self._broadcast, *self._owned)}

    def ends(self) -> dict[tuple[str, int], int]:
        """Return, for every partition being read, the offset after its last record."""
        reading = {each.id for each in (*self._broadcast, *self._owned)}
        topics = {each.topic for each in (*self._broadcast, *self._owned)}
        now = [each for topic in topics for each in self._log.partitions(topic)]
        return {(each.topic, each.number): each.next for each in now if each.id in reading}

    def close(self) -> None:
        """Leave the group and release."""
        if self._has_joined:
            self._has_joined = False
            with self._log.transaction():
                if self._current_epoch() == self._epoch:
                    sqlite_group.leave(self._log, *self._identity)
        self._log.close()

    @property
    def _identity(self) -> tuple[str, str]:
        return (self.subscription.group_id, self.subscription.worker_id)

    def _current_epoch(self) -> int:
        rows = self._log.execute("SELECT epoch FROM workers WHERE group_id = ? AND worker_id = ?", *self._identity)
        return int(rows[0][0]) if rows else 0

    def _check_ownership(self, needed: set[tuple[str, int]]) -> None:
        worker_id = self.subscription.worker_id
        if self._current_epoch() != self._epoch:
            raise Fenced(f"another process has taken over worker {worker_id}")
        if needed and worker_id not in sqlite_group.present(self._log, self.subscription.group_id):
            raise Fenced(f"worker {worker_id} has been thrown out of the group")
        if lost := needed - self.assignment():
            names = ", ".join(f"{topic}[{number}]" for topic, number in sorted(lost))
            raise Fenced(f"worker {worker_id} no longer owns {names}")

    def _put_marks(self, marks: Marks) -> None:
        worker = self.subscription
        ids = {(each.topic, each.number): each.id for each in self._broadcast}
        for partition, offset in marks.given_up.items():
            group_id = marks_group(worker.group_id, worker.worker_id)
            sqlite_group.put_offset(self._log, group_id, ids[partition], offset)
        if marks.decided:
            self._check_ownership({(worker.events[0], 0)})
            if sqlite_group.offsets(self._log, worker.group_id, self._broadcast) != self._decided:
                raise Fenced(f"another worker has decided on labels where {worker.worker_id} had begun")
            for partition, offset in marks.decided.items():
                sqlite_group.put_offset(self._log, worker.group_id, ids[partition], offset)
                self._decided[partition] = offset

    def _say_alive(self) -> None:
        """Tell the group that this member lives, give up what is another's share, take up its own.

        A partition moves in two steps, so that it never has two owners: who loses it lets go when it hears of the
        other members; who gains it begins when all have heard.
        """
        group_id, worker_id = self._identity
        with self._log.transaction():
            if self._current_epoch() != self._epoch:
                raise Fenced(f"another process has taken over worker {worker_id}")
            members = sqlite_group.say_alive(self._log, group_id, worker_id, SESSION_SECONDS)
            self._is_agreed = is_agreed = sqlite_group.all_act_on(self._log, group_id, members)
        share = sqlite_group.share(self._log, self.subscription.events, members, worker_id)
        held = {each.id for each in self._owned}
        self._take_up(share if is_agreed else [each for each in share if each.id in held])

    def _take_up(self, assigned: list[Partition]) -> None:
        """Go on where the group has committed, in partitions that are new here."""
        known = {each.id for each in self._owned}
        for partition in assigned:
            if partition.id not in known:
                self._committed[partition.id] = self._committed_offset(partition.id)
                self._begin(partition, self._committed[partition.id])
        self._owned = assigned

    def _begin(self, partition: Partition, position: int | None) -> None:
        """Set where a partition is read from; what retention has removed before it was read is said loudly."""
        if position is not None and position < partition.first:
            log.error(
                "%s[%d] begins at %d, but was read only to %d: the records between are lost",
                partition.topic,
                partition.number,
                partition.first,
                position,
            )
        self._positions[partition.id] = max(position or 0, partition.first)

    def _committed_offset(self, partition: int) -> int | None:
        return sqlite_group.offset(self._log, self.subscription.group_id, partition)
