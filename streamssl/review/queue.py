"""Who is shown which question next.

In the order of their keys, never by age or doubt: then the questions that people do not get to are missing at
random, and what is said of the model's accuracy stays true. A question is leased to whoever looks at it, so that no
two people answer the same one; a blind double is leased to two, who do not know of each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streamssl.connectors.database import Database
from streamssl.review.questions import Question, pack, unpack

LOOKS = 2
"""People who look at a question, if not all of them know, before nobody is asked any more."""
KEPT_MS = 30 * 86_400_000
"""How long a question is kept after it came, for corrections and searches; an open one until it ends."""
TIDIED_AT_ONCE = 1_000
"""Questions: after an absence there may be millions, and whoever answers would wait."""
LATEST_BYTES = 4_000_000
"""Of the latest questions: what is looked through once a minute. Events may hold pictures."""

COLUMNS = "request_id, event_id, key, wanted, expires, shown"

# The planner would rather sort what is open than walk along the keys.
NEXT = f"""
SELECT {COLUMNS} FROM questions q INDEXED BY questions_open
WHERE state = 'open' AND expires > :now
  AND NOT EXISTS (SELECT 1 FROM decisions d
                  WHERE d.request_id = q.request_id AND d.person = :person AND d.holds)
  AND NOT EXISTS (SELECT 1 FROM skips s WHERE s.person = :person AND s.request_id = q.request_id)
  AND labels + (SELECT count(*) FROM leases l
                  WHERE l.request_id = q.request_id AND l.person != :person AND l.until > :now) < wanted
ORDER BY key, number LIMIT 1
"""


class Standing(NamedTuple):
    """How the queue stands."""

    open: int
    """Questions that still want an answer."""
    leased: int
    """Questions that somebody looks at."""
    oldest: int | None
    """When the oldest open one came, ms since the epoch."""
    expired: int
    """Questions that nobody got to in time, of the last 30 days."""


def keep(database: Database, questions: Iterable[Question], now: int) -> int:
    """Keep questions, and the classes that they know of; return how many are new. Inside a transaction."""
    new = 0
    for each in questions:
        rows = database.rows(
            "INSERT INTO questions (request_id, event_id, key, wanted, expires, shown, came) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING number",
            *(each.request_id, each.event_id, each.key, each.wanted, each.expires, pack(each), now),
        )
        new += len(rows)
        if rows:
            learn_classes(database, each.guess.probabilities)
    return new


def learn_classes(database: Database, names: Iterable[str]) -> None:
    """Remember class names in the order in which they turn up. Inside a transaction."""
    for name in names:
        database.rows("INSERT INTO classes (name) VALUES (?) ON CONFLICT DO NOTHING", name)


def known_classes(database: Database) -> list[str]:
    """Return every class that has turned up, the first one first."""
    return [name for (name,) in database.rows("SELECT name FROM classes ORDER BY number")]


def next_for(database: Database, person: str, now: int, until: int) -> Question | None:
    """Lease the next question to a person: the one that they look at already, or the first that is free.

    When nothing else is left, what they have skipped comes again. Inside a transaction.
    """
    found = database.rows(
        f"SELECT {COLUMNS} FROM questions WHERE request_id IN "
        "(SELECT request_id FROM leases WHERE person = ? AND until > ?) AND +state = 'open' AND +expires > ? "
        "AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.request_id = questions.request_id AND d.person = ? "
        "AND d.holds) ORDER BY +key LIMIT 1",
        *(person, now, now, person),
    )
    for _ in range(2):
        found = found or database.named(NEXT, {"person": person, "now": now})
        if found:
            question = unpack(found[0])
            lease(database, question.request_id, person, until)
            return question
        if not database.rows("DELETE FROM skips WHERE person = ? RETURNING 1", person):
            break
    return None


def get(database: Database, request_id: str) -> Question | None:
    """Return a question; None when it is not known, or not any more."""
    rows = database.rows(f"SELECT {COLUMNS} FROM questions WHERE request_id = ?", request_id)
    return unpack(rows[0]) if rows else None


def about(database: Database, event_id: str) -> list[Question]:
    """Return every question about an event, the newest first."""
    rows = database.rows(f"SELECT {COLUMNS} FROM questions WHERE event_id = ? ORDER BY number DESC", event_id)
    return [unpack(row) for row in rows]


def latest(database: Database, n: int) -> list[Question]:
    """Return the questions that came last, answered or not; fewer where they are long."""
    first, length = 0, 0
    sizes = database.rows("SELECT number, length(shown) FROM questions ORDER BY number DESC LIMIT ?", n)
    for number, size in sizes:
        length += size
        if length > LATEST_BYTES:
            break
        first = number
    rows = database.rows(
        f"SELECT {COLUMNS} FROM questions WHERE number >= ? AND ? ORDER BY number DESC LIMIT ?",
        *(first, first > 0, n),
    )
    return [unpack(row) for row in rows]


def has_room(database: Database, request_id: str, person: str, now: int) -> bool:
    """Tell whether another answer to a question is wanted from this person, as far as the others' leases allow."""
    [[room]] = database.rows(
        "SELECT count(*) FROM questions q WHERE request_id = ? AND state != 'answered' AND labels + "
        "(SELECT count(*) FROM leases l WHERE l.request_id = q.request_id AND person != ? AND until > ?) < wanted",
        *(request_id, person, now),
    )
    return bool(room)


def lease(database: Database, request_id: str, person: str, until: int) -> None:
    """Keep a question for a person. Inside a transaction."""
    database.rows("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", request_id, person, until)


def release(database: Database, request_id: str, person: str) -> None:
    """Let others have a question. Inside a transaction."""
    database.rows("DELETE FROM leases WHERE request_id = ? AND person = ?", request_id, person)


def skip(database: Database, request_id: str, person: str) -> None:
    """Put a question at the end for a person. Inside a transaction."""
    release(database, request_id, person)
    database.rows(
        "INSERT OR IGNORE INTO skips SELECT ?, request_id FROM questions WHERE request_id = ?", person, request_id
    )


def recount(database: Database, request_id: str, now: int) -> None:
    """Bring a question's state in line with the decisions about it. Inside a transaction."""
    database.rows(
        """
        UPDATE questions SET (labels, abstentions) = (
            SELECT count(*) FILTER (WHERE NOT json_extract(said, '$.abstain')),
                   count(*) FILTER (WHERE json_extract(said, '$.abstain'))
            FROM decisions d WHERE d.request_id = questions.request_id AND d.holds
        ) WHERE request_id = ?
        """,
        request_id,
    )
    database.rows(
        "UPDATE questions SET state = CASE "
        "WHEN labels >= wanted OR labels + abstentions >= max(wanted, ?) THEN 'answered' "
        "WHEN expires <= ? THEN 'expired' ELSE 'open' END WHERE request_id = ?",
        *(LOOKS, now, request_id),
    )


def tidy(database: Database, now: int) -> int:
    """Close what has expired and forget what is old; return how many have been closed. Inside a transaction.

    At most `TIDIED_AT_ONCE` of each: the rest is left to the next call, and is not asked meanwhile either.
    """
    expired = database.rows(
        "UPDATE questions SET state = 'expired' WHERE number IN "
        "(SELECT number FROM questions WHERE state = 'open' AND expires <= ? LIMIT ?) RETURNING number",
        *(now, TIDIED_AT_ONCE),
    )
    database.rows("DELETE FROM leases WHERE until <= ?", now)
    old = database.rows(
        "DELETE FROM questions WHERE number IN (SELECT number FROM questions WHERE came < ? "
        "AND state != 'open' LIMIT ?) "
        "RETURNING request_id",
        *(now - KEPT_MS, TIDIED_AT_ONCE),
    )
    for (request_id,) in old:
        for table in ("leases", "skips", "sights"):
            database.rows(f"DELETE FROM {table} WHERE request_id = ?", request_id)
    return len(expired)


def standing(database: Database, now: int) -> Standing:
    """Return how the queue stands.

    From indices alone: the questions themselves may be long, and a look at each of 100,000 takes half a second.
    """
    [[n_open, oldest]] = database.rows(
        "SELECT count(*), min(came) FROM questions WHERE state = 'open' AND expires > ?", now
    )
    [[leased]] = database.rows("SELECT count(DISTINCT request_id) FROM leases WHERE until > ?", now)
    [[expired]] = database.rows(
        "SELECT (SELECT count(*) FROM questions WHERE state = 'expired') "
        "+ (SELECT count(*) FROM questions WHERE state = 'open' AND expires <= ?)",
        now,
    )
    return Standing(n_open, leased, oldest, expired)
