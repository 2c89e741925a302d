"""What people have said, and the labels that follow from it.

Every decision is kept, also those that were corrected or taken back; of one person about one question, one holds.
The label that follows goes into the outbox in the same transaction.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from streamssl.connectors import outbox
from streamssl.connectors.database import Database
from streamssl.connectors.records import LabelWriter
from streamssl.messages import Label

COLUMNS = "number, request_id, event_id, person, said, time, holds"


class Said(NamedTuple):
    """What somebody says of an event: one of the three."""

    label: str | None = None
    excluded: tuple[str, ...] = ()
    """Classes that it is not."""
    abstain: bool = False
    """I don't know."""
    confidence: float | None = None
    """How sure they are, in [0, 1]."""

    @property
    def is_something(self) -> bool:
        """Whether exactly one of the three is said."""
        return (self.label is not None) + bool(self.excluded) + self.abstain == 1

    def text(self) -> str:
        """Return it in words.

        Examples
        --------
        >>> Said("spam").text(), Said(excluded=("ham", "ad")).text(), Said(abstain=True).text()
        ('spam', 'not ham, not ad', "I don't know")
        """
        if self.abstain:
            return "I don't know"
        return ", ".join(f"not {name}" for name in self.excluded) if self.label is None else self.label


class Decision(NamedTuple):
    """What one person said of one event at one time."""

    number: int
    request_id: str | None
    """None: nobody asked."""
    event_id: str
    person: str
    said: Said
    time: int
    """Ms since the epoch."""
    holds: bool
    """False once it has been corrected or taken back."""


class Tally(NamedTuple):
    """What somebody has done so far."""

    answered: int
    """Questions that they have answered; corrections are not counted twice."""
    abstained: int
    """Those of them with "I don't know"."""
    today: int
    """Those of them since a given moment."""
    taken_back: int
    """Decisions that were corrected or taken back."""
    doubles: int
    """Questions that they and somebody else have answered with a class, not knowing of each other."""
    agreed: int
    """Those of them about which both said the same."""


def enter(
    database: Database,
    writer: LabelWriter,
    *,
    request_id: str | None,
    event_id: str,
    person: str,
    said: Said,
    saw_guess: bool,
    now: int,
    uploaded: bool = False,
) -> Decision:
    """Keep a decision, and the label that follows from it. Inside a transaction.

    Raises
    ------
    Invalid, Unwritable
        When the labels topic cannot take it.
    """
    _send(database, writer, _label(request_id, event_id, person, said, now, saw_guess))
    _no_longer_holds(database, request_id, event_id, person)
    rows = database.rows(
        "INSERT INTO decisions (request_id, event_id, person, said, time, uploaded) VALUES (?, ?, ?, ?, ?, ?) "
        f"RETURNING {COLUMNS}",
        *(request_id, event_id, person, orjson.dumps(said._asdict()).decode(), now, uploaded),
    )
    return _decision(rows[0])


def take_back(database: Database, writer: LabelWriter, decision: Decision, *, saw_guess: bool, now: int) -> None:
    """Retract a decision. Inside a transaction.

    To the learner a retraction takes back whatever its annotator has said of the event, so what else holds of them
    (asked and unasked, or in answer to two questions) is said once more after it.
    """
    _send(
        database,
        writer,
        Label(decision.event_id, None, now, annotator=decision.person, request_id=decision.request_id),
    )
    _no_longer_holds(database, decision.request_id, decision.event_id, decision.person)
    left = last_word(database, decision.event_id, decision.person)
    if left is not None:
        _send(database, writer, _label(left.request_id, left.event_id, left.person, left.said, now, saw_guess))


def get(database: Database, number: int) -> Decision | None:
    """Return a decision, whether it holds or not."""
    rows = database.rows(f"SELECT {COLUMNS} FROM decisions WHERE number = ?", number)
    return _decision(rows[0]) if rows else None


def holding(database: Database, request_id: str | None, event_id: str, person: str) -> Decision | None:
    """Return what a person says of a question, or, where ``request_id`` is None, unasked of an event."""
    rows = database.rows(
        f"SELECT {COLUMNS} FROM decisions WHERE request_id IS ? AND event_id = ? AND person = ? AND holds",
        *(request_id, event_id, person),
    )
    return _decision(rows[0]) if rows else None


def last_word(database: Database, event_id: str, person: str) -> Decision | None:
    """Return what a person said last of an event, asked or not, of what holds: the learner goes by it."""
    rows = database.rows(
        f"SELECT {COLUMNS} FROM decisions WHERE event_id = ? AND person = ? AND holds ORDER BY number DESC LIMIT 1",
        *(event_id, person),
    )
    return _decision(rows[0]) if rows else None


def is_nothing_new(database: Database, held: Decision | None, said: Said) -> bool:
    """Tell whether saying this in place of what is held changes nothing, here and at the learner."""
    if held is None or held.said != said:
        return False
    last = last_word(database, held.event_id, held.person)
    return last is not None and last.said == said


def recent(database: Database, person: str, n: int) -> list[Decision]:
    """Return the last decisions of a person that hold, the newest first; not those of files."""
    rows = database.rows(
        f"SELECT {COLUMNS} FROM decisions WHERE person = ? AND uploaded = 0 AND holds ORDER BY number DESC LIMIT ?",
        *(person, n),
    )
    return [_decision(row) for row in rows]


def people(database: Database) -> list[str]:
    """Return everybody who has ever decided anything."""
    return [name for (name,) in database.rows("SELECT DISTINCT person FROM decisions ORDER BY person")]


def answered_since(database: Database, person: str, since: int) -> int:
    """Return how many decisions of a person since a moment (ms) hold, without files. Cost: as many."""
    [[n]] = database.rows(
        "SELECT count(*) FROM decisions WHERE person = ? AND uploaded = 0 AND time >= ? AND holds", person, since
    )
    return int(n)


def tally(database: Database, person: str, since: int) -> Tally:
    """Return what somebody has done so far; ``since`` is the moment (ms) from which on it was today."""
    [[answered, abstained, today]] = database.rows(
        "SELECT count(*), count(*) FILTER (WHERE json_extract(said, '$.abstain')), "
        "count(*) FILTER (WHERE time >= ?) FROM decisions WHERE person = ? AND holds",
        *(since, person),
    )
    [[taken_back]] = database.rows("SELECT count(*) FROM decisions WHERE person = ? AND NOT holds", person)
    [[doubles, agreed]] = database.rows(
        "SELECT count(*), count(*) FILTER (WHERE json_extract(mine.said, '$.label') = json_extract(other.said, "
        "'$.label')) FROM decisions mine JOIN decisions other ON other.request_id = mine.request_id "
        "AND other.person != mine.person AND other.holds AND json_extract(other.said, '$.label') IS NOT NULL "
        "WHERE mine.person = ? AND mine.holds AND json_extract(mine.said, '$.label') IS NOT NULL",
        person,
    )
    return Tally(answered, abstained, today, taken_back, doubles, agreed)


def _no_longer_holds(database: Database, request_id: str | None, event_id: str, person: str) -> None:
    database.rows(
        "UPDATE decisions SET holds = 0 WHERE request_id IS ? AND event_id = ? AND person = ? AND holds",
        *(request_id, event_id, person),
    )


def _label(request_id: str | None, event_id: str, person: str, said: Said, now: int, saw_guess: bool) -> Label:
    return Label(
        event_id,
        said.label,
        now,
        annotator=person,
        confidence=said.confidence,
        excluded=said.excluded,
        abstain=said.abstain,
        request_id=request_id,
        seen_prediction=saw_guess,
    )


def _send(database: Database, writer: LabelWriter, label: Label) -> None:
    message = writer.write(label)
    outbox.put(database, message.key or b"", message.value or b"")


def _decision(row: tuple[Any, ...]) -> Decision:
    number, request_id, event_id, person, said, time, holds = row
    fields = orjson.loads(said)
    return Decision(
        number,
        request_id,
        event_id,
        person,
        Said(fields["label"], tuple(fields["excluded"]), fields["abstain"], fields["confidence"]),
        time,
        bool(holds),
    )
