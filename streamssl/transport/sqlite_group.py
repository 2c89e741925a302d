"""What the SQLite file knows of a group: its members, their share of the partitions, and committed offsets."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence

from streamssl.transport.base import Positions
from streamssl.transport.marks import worker_of
from streamssl.transport.sqlite_log import Partition, SqliteLog


def present(log: SqliteLog, group_id: str) -> tuple[str, ...]:
    """Return the ids of the members."""
    rows = log.execute("SELECT worker_id FROM membership WHERE group_id = ? ORDER BY worker_id", group_id)
    return tuple(str(worker_id) for [worker_id] in rows)


def say_alive(log: SqliteLog, group_id: str, worker_id: str, session_seconds: float) -> tuple[str, ...]:
    """Tell the group that a member lives and acts on the present members, which are returned; drop the silent.

    To be called inside a transaction, by a member that at once lets go of what the present members take from it.
    """
    now = time.time()
    silent_since = now - session_seconds
    log.execute("DELETE FROM membership WHERE group_id = ? AND seen < ?", group_id, silent_since)
    members = tuple(sorted({*present(log, group_id), worker_id}))
    acts_on = json.dumps(members)
    log.execute("INSERT OR REPLACE INTO membership VALUES (?, ?, ?, ?)", group_id, worker_id, now, acts_on)
    return members


def all_act_on(log: SqliteLog, group_id: str, members: Sequence[str]) -> bool:
    """Return whether each member knows of all the others: then none holds what is another's share."""
    rows = log.execute("SELECT DISTINCT acts_on FROM membership WHERE group_id = ?", group_id)
    return rows == [(json.dumps(members),)]


def leave(log: SqliteLog, group_id: str, worker_id: str) -> None:
    """Take a member out of the group; to be called inside a transaction."""
    log.execute("DELETE FROM membership WHERE group_id = ? AND worker_id = ?", group_id, worker_id)


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


def committed(log: SqliteLog, group_id: str) -> Positions:
    """Return what a group has committed, of all topics."""
    rows = log.execute(
        "SELECT p.topic, p.number, c.next FROM committed c JOIN partitions p ON p.id = c.partition "
        "WHERE c.group_id = ?",
        group_id,
    )
    return {(topic, number): at for topic, number, at in rows}


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
