"""What the SQLite file knows of a group: its members, their share of the partitions, and committed offsets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streamssl.transport.base import Positions
from streamssl.transport.marks import worker_of
from streamssl.transport.sqlite_log import Partition, SqliteLog


def present(log: SqliteLog, group_id: str) -> tuple[str, ...]:
    """Return the ids of the members."""
    rows = log.execute("SELECT worker_id FROM members WHERE group_id = ? ORDER BY worker_id", group_id)
    return tuple(str(worker_id) for [worker_id] in rows)


def share(log: SqliteLog, topics: Iterable[str], members: Sequence[str], worker_id: str) -> list[Partition]:
    """Return a member's share: a range of every topic, the first members' one longer where it must be."""
    if worker_id not in members:
        return []
    place = members.index(worker_id)
    assigned: list[Partition] = []
    for topic in topics:
        partitions = log.partitions(topic)
        each, rest = divmod(len(partitions), len(members))
        begin = place * each + min(place, rest)
        assigned += partitions[begin : begin + each + (place < rest)]
    return assigned


def offset(log: SqliteLog, group_id: str, partition: int) -> int | None:
    """Return the offset that a group has committed for a partition (its id), None if it has none."""
    rows = log.execute("SELECT next FROM committed WHERE group_id = ? AND partition = ?", group_id, partition)
    return int(rows[0][0]) if rows else None


def put_offset(log: SqliteLog, group_id: str, partition: int, offset: int) -> None:
    """Commit an offset; to be called inside a transaction."""
    log.execute(
        "INSERT INTO committed VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next",
        group_id,
        partition,
        offset,
    )


def offsets(log: SqliteLog, group_id: str, partitions: Iterable[Partition]) -> dict[tuple[str, int], int]:
    """Return what a group has committed for some partitions."""
    found = {(each.topic, each.number): offset(log, group_id, each.id) for each in partitions}
    return {partition: at for partition, at in found.items() if at is not None}


def marks_of_all(log: SqliteLog, group_id: str) -> dict[str, Positions]:
    """Return how far each worker has given up on labels, by worker id."""
    rows = log.execute(
        "SELECT c.group_id, p.topic, p.number, c.next FROM committed c JOIN partitions p ON p.id = c.partition"
    )
    marks: dict[str, dict[tuple[str, int], int]] = {}
    for group, topic, number, at in rows:
        if worker_id := worker_of(group_id, group):
            marks.setdefault(worker_id, {})[topic, number] = at
    return dict(marks)
