"""Which annotations stand, and what the labels topic has been told of them.

Nothing here counts what happened: a task is read as it is now, its annotations take the place of those known
before, and what has changed in the annotators' standing answers goes into the outbox, in the same transaction. So a
message that never came, one that came twice, and a look that was cut off all end in the same labels.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from streamssl.connectors import outbox
from streamssl.connectors.database import Database
from streamssl.connectors.label_studio import tasks
from streamssl.connectors.label_studio.payloads import Annotation, Origin, Task, parse_time
from streamssl.connectors.records import LabelWriter
from streamssl.messages import Invalid, Label

log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What one annotator's annotation says."""

    request_id: str
    label: str | None
    abstain: bool

    def says_something(self) -> bool:
        """Tell whether it is a class or "I don't know"; else it has no choice, or several."""
        return self.label is not None or self.abstain


class Given(NamedTuple):
    """An answer, by whom and when."""

    annotation_id: int
    annotator: str
    time: int
    answer: Answer


def standing(given: Iterable[Given]) -> dict[str, Given]:
    """Return each annotator's newest annotation that says something.

    Examples
    --------
    >>> spam, ham = Answer("r", "spam", False), Answer("r", "ham", False)
    >>> standing([Given(1, "ann", 5, spam), Given(2, "ann", 9, ham)])["ann"].answer.label
    'ham'
    """
    newest: dict[str, Given] = {}
    for each in sorted(given, key=lambda each: (each.time, each.annotation_id)):
        if each.answer.says_something():
            newest[each.annotator] = each
    return newest


def news(told: Mapping[str, Answer], now: Mapping[str, Given], event_id: str, time: int) -> list[Label]:
    """Return the labels that lead from what has been told of one event to what stands now.

    Parameters
    ----------
    told
        Annotator -> the answer that the topic holds.
    time
        Of a retraction, ms since the epoch: when the annotation was seen to be gone.
    """
    labels = [
        Label(
            event_id,
            answer.label,
            now[annotator].time,
            annotator=annotator,
            abstain=answer.abstain,
            request_id=answer.request_id,
        )
        for annotator in sorted(now)
        if (answer := now[annotator].answer) != told.get(annotator)
    ]
    retracted = sorted(told.keys() - now.keys())
    return labels + [Label(event_id, None, time, annotator=annotator) for annotator in retracted]


def reconcile(
    database: Database, task: Task, annotator_of: Callable[[int], str], writer: LabelWriter, has_seen_guess: bool
) -> int:
    """Make what is known of a task what it is now; return how many labels that led to. Inside a transaction.

    A task that is none of ours is left alone. What the database knows of a task's event comes before its meta,
    which people may edit.
    """
    origin = tasks.origin_of(database, task.id) or task.origin
    if origin is None:
        return 0
    tasks.adopt(database, task.id, origin)
    before = {row[0]: row[1:] for row in _rows(database, task.id)}
    after = {each.id: _row(each, origin, annotator_of) for each in task.annotations}
    if before == after:
        return 0
    database.rows("DELETE FROM annotations WHERE task_id = ?", task.id)
    for annotation_id, (annotator, answer, time) in after.items():
        database.rows(
            "INSERT OR REPLACE INTO annotations VALUES (?, ?, ?, ?, ?, ?)",
            *(annotation_id, task.id, origin.event_id, annotator, answer, time),
        )
    return _tell(database, origin.event_id, parse_time(task.updated_at), writer, has_seen_guess)


def _tell(database: Database, event_id: str, time: int, writer: LabelWriter, has_seen_guess: bool) -> int:
    told = {
        annotator: _parsed(answer)
        for annotator, answer in database.rows("SELECT annotator, answer FROM answers WHERE event_id = ?", event_id)
    }
    given = database.rows(
        "SELECT annotation_id, annotator, time, answer FROM annotations WHERE event_id = ?", event_id
    )
    now = standing(Given(number, annotator, at, _parsed(answer)) for number, annotator, at, answer in given)
    labels = news(told, now, event_id, time)
    for label in labels:
        try:
            message = writer.write(label._replace(seen_prediction=has_seen_guess))
        except Invalid as error:  # the service could not use it either: it must not hold up the others
            log.error("an annotation cannot be a label: %s", error, extra={"event_id": event_id})
            continue
        outbox.put(database, message.key or b"", message.value or b"")
    database.rows("DELETE FROM answers WHERE event_id = ?", event_id)
    for annotator, each in now.items():
        database.rows("INSERT INTO answers VALUES (?, ?, ?)", event_id, annotator, json.dumps(each.answer))
    return len(labels)


def _rows(database: Database, task_id: int) -> list[tuple[int, str, str, int]]:
    return database.rows(
        "SELECT annotation_id, annotator, answer, time FROM annotations WHERE task_id = ?", task_id
    )


def _row(each: Annotation, origin: Origin, annotator_of: Callable[[int], str]) -> tuple[str, str, int]:
    answer = Answer(origin.request_id, each.label, each.abstain)
    return annotator_of(each.user_id), json.dumps(answer), each.time


def _parsed(text: str) -> Answer:
    return Answer(*json.loads(text))
