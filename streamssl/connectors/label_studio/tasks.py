"""Which review requests have become which tasks.

A request is *waiting*, then *pushing*, then *pushed* (or *refused*, or dropped as expired). Imports are not
idempotent: when one was cut off, nobody knows whether its tasks were made. Such requests stay *pushing* until the
project has been asked, some time later, and only what it does not hold is pushed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from streamssl.connectors.database import Database
from streamssl.connectors.label_studio.payloads import Origin, Request


class Push(NamedTuple):
    """Requests that are being pushed, in order."""

    request_ids: tuple[str, ...]
    bodies: tuple[dict[str, Any], ...]


class Unresolved(NamedTuple):
    """An import of which nobody knows whether it worked."""

    since: int
    """Ms since the epoch."""
    floor: int
    """All tasks that were known then have this id or a lower one."""


def keep(database: Database, requests: Iterable[Request]) -> None:
    """Keep requests to be pushed; one that is known already is not kept twice. Inside a transaction."""
    for each in requests:
        database.rows(
            "INSERT OR IGNORE INTO requests (request_id, event_id, key, expires, state, task) "
            "VALUES (?, ?, ?, ?, 'waiting', ?)",
            *(each.request_id, each.event_id, each.key, each.expires, orjson.dumps(each.task).decode()),
        )


def count(database: Database, state: str) -> int:
    """Return how many requests are in a state."""
    return int(database.rows("SELECT count(*) FROM requests WHERE state = ?", state)[0][0])


def drop_expired(database: Database, now: int) -> int:
    """Forget the waiting requests whose answer is no longer awaited; return how many."""
    with database.transaction():
        dropped = database.rows(
            "DELETE FROM requests WHERE state = 'waiting' AND expires < ? RETURNING request_id", now
        )
    return len(dropped)


def begin(database: Database, most: int, now: int) -> Push | None:
    """Take the next requests to be pushed, the smallest keys first; None when there are none."""
    with database.transaction():
        rows = database.rows(
            "SELECT request_id, task FROM requests WHERE state = 'waiting' ORDER BY key, number LIMIT ?", most
        )
        if not rows:
            return None
        _move(database, [request_id for request_id, _ in rows], "pushing")
        database.remember("pushing_since", now)
        database.remember("pushing_floor", database.rows("SELECT coalesce(max(task_id), 0) FROM tasks")[0][0])
    return Push(tuple(row[0] for row in rows), tuple(orjson.loads(row[1]) for row in rows))


def pushed(database: Database, push: Push, task_ids: Sequence[int]) -> None:
    """Keep what has become of a push: its tasks, in order."""
    with database.transaction():
        for request_id, task_id in zip(push.request_ids, task_ids, strict=True):
            adopt(database, task_id, Origin(request_id, _event_of(database, request_id)))


def undone(database: Database, push: Push, state: str = "waiting") -> None:
    """Say that nothing has become of a push, for certain."""
    with database.transaction():
        _move(database, push.request_ids, state)


def cut_off(database: Database, now: int) -> None:
    """Say that it is not known what has become of a push: it may still be at work for a while from now on."""
    with database.transaction():
        database.remember("pushing_since", now)


def unresolved(database: Database) -> Unresolved | None:
    """Return since when there are requests of which nobody knows whether they were pushed."""
    if not count(database, "pushing"):
        return None
    return Unresolved(database.fact("pushing_since"), database.fact("pushing_floor"))


def resolve(database: Database, found: Iterable[tuple[int, Origin]]) -> int:
    """Adopt the tasks that the project holds after all; the rest waits again. Return how many were found."""
    with database.transaction():
        before = count(database, "pushing")
        for task_id, origin in found:
            adopt(database, task_id, origin)
        after = count(database, "pushing")
        database.rows("UPDATE requests SET state = 'waiting' WHERE state = 'pushing'")
    return before - after


def try_refused_again(database: Database) -> None:
    """Let what the project refused wait again: somebody may have put it right."""
    with database.transaction():
        database.rows("UPDATE requests SET state = 'waiting' WHERE state = 'refused'")


def adopt(database: Database, task_id: int, origin: Origin) -> None:
    """Keep whose task this is; its request is pushed. Inside a transaction."""
    database.rows("INSERT OR IGNORE INTO tasks VALUES (?, ?, ?)", task_id, origin.request_id, origin.event_id)
    database.rows("UPDATE requests SET state = 'pushed', task = NULL WHERE request_id = ?", origin.request_id)


def origin_of(database: Database, task_id: int) -> Origin | None:
    """Return which request a task was made for, as far as that is known here."""
    found = database.rows("SELECT request_id, event_id FROM tasks WHERE task_id = ?", task_id)
    return Origin(*found[0]) if found else None


def _event_of(database: Database, request_id: str) -> str:
    [[event_id]] = database.rows("SELECT event_id FROM requests WHERE request_id = ?", request_id)
    return str(event_id)


def _move(database: Database, request_ids: Iterable[str], state: str) -> None:
    for request_id in request_ids:
        database.rows("UPDATE requests SET state = ? WHERE request_id = ?", state, request_id)
