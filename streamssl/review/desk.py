"""The review service's heart: what its pages and its API call, in one lock and one file.

No HTTP and no clock in here: every call says who asks and when it is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from streamssl.config import Config
from streamssl.connectors import outbox
from streamssl.connectors.database import Database
from streamssl.connectors.records import LabelWriter
from streamssl.fail_points import reach
from streamssl.messages import Invalid
from streamssl.messages.mapped import Unwritable
from streamssl.review import decisions, queue
from streamssl.review.decisions import Decision, Said, Tally
from streamssl.review.questions import Guess, Question, to_question
from streamssl.review.queue import Standing
from streamssl.review.tables import TABLES
from streamssl.transport.base import Record

log = logging.getLogger(__name__)

RECENT = 10
"""Decisions that stay in sight."""


class Refused(Exception):
    """What was asked for cannot be done; the message says why, in words for who asked."""


class Unknown(Refused):
    """There is no such question (any more)."""


class Conflict(Refused):
    """Somebody else, or the same person in another window, was there first."""


class Item(NamedTuple):
    """A question on its way to a person."""

    question: Question
    decision: Decision | None
    """What they say of it already; None: nothing."""
    shows_guess: bool
    """Whether the guess (and the reason) may be shown."""
    expires: int
    """When the lease ends, ms since the epoch; 0 without one."""


class Entered(NamedTuple):
    """What became of an answer."""

    decision: Decision
    guess: Guess | None
    """To be shown now; None: not to be shown, or nobody asked."""


class Counts(NamedTuple):
    """What the metrics and the status page show."""

    standing: Standing
    decisions: int
    """All that hold."""
    outbox: int
    """Labels that are not in the topic yet."""


class Desk:
    """Gives people questions and takes their answers. Safe to be called from many threads.

    Parameters
    ----------
    config
        Topics, mapping, and the section ``review_service``.
    path
        The file. A desk has connections of its own; the pump has another one.
    has_labels
        Set when a label has been put into the outbox.

    Raises
    ------
    Refused
        By all methods that take a person, where it cannot be done.

    Notes
    -----
    Cost: a page's question some 30 us, an answer some 200 us and one flush to the disk, whatever waits. File: what
    an event's features take as JSON, and some 300 bytes, for every request of the last 30 days.
    """

    def __init__(self, config: Config, path: Path, has_labels: threading.Event) -> None:
        self._settings = config.review_service
        self._database = Database(path, TABLES)
        self._writer = LabelWriter(config)
        self._has_labels = has_labels
        self._one_at_a_time = threading.RLock()
        # For what takes long to count, after a month or a year, so that whoever answers does not wait for it.
        self._counting = Database(path, TABLES)
        self._one_counts = threading.Lock()

    # What is asked --------------------------------------------------------------------------------------------

    def next(self, person: str, now: int) -> Item | None:
        """Return (and lease) the question that a person is to answer next; None: there is none for them."""
        with self._transaction():
            question = queue.next_for(self._database, person, now, self._until(now))
            return None if question is None else self._item(question, person, now)

    def open(self, person: str, request_id: str, now: int) -> Item:
        """Return a question that a person has chosen, to answer it or to change what they said of it."""
        with self._transaction():
            question = self._question(request_id)
            has_answered = decisions.holding(self._database, request_id, question.event_id, person) is not None
            if not has_answered and queue.has_room(self._database, request_id, person, now):
                queue.lease(self._database, request_id, person, self._until(now))
            return self._item(question, person, now)

    def skip(self, person: str, request_id: str) -> None:
        """Let a person see other questions first."""
        with self._transaction():
            queue.skip(self._database, request_id, person)

    # What is answered -----------------------------------------------------------------------------------------

    def answer(self, person: str, request_id: str, said: Said, now: int, knows: int | None = None) -> Entered:
        """Keep what a person says of a question; what they said of it before is corrected.

        Parameters
        ----------
        knows
            Number of the decision of theirs that they see, 0 for none; None: whatever it is. The same answer once
            more changes nothing.

        Raises
        ------
        Unknown
            There is no such question any more.
        Conflict
            They have said something else meanwhile; or others have, and no further answer is wanted.
        Refused
            The labels topic cannot take what they say.
        """
        with self._transaction():
            question = self._question(request_id)
            before = decisions.holding(self._database, request_id, question.event_id, person)
            if before is not None and decisions.is_nothing_new(self._database, before, said):
                return Entered(before, self._guess_after(question, person))
            if knows is not None and knows != (0 if before is None else before.number):
                raise Conflict("you have answered this in another window: have another look")
            if before is None and not queue.has_room(self._database, request_id, person, now):
                raise Conflict("somebody else has answered this meanwhile")
            decision = self._enter(request_id, question.event_id, person, said, now)
            queue.release(self._database, request_id, person)
            queue.recount(self._database, request_id, now)
            entered = Entered(decision, self._guess_after(question, person))
            reach("answer-1-kept")
        reach("answer-2-committed")
        return entered

    def volunteer(self, person: str, event_id: str, said: Said, now: int) -> Decision:
        """Keep what a person says of an event without having been asked."""
        with self._transaction():
            before = decisions.holding(self._database, None, event_id, person)
            if before is not None and decisions.is_nothing_new(self._database, before, said):
                return before
            return self._enter(None, event_id, person, said, now)

    def take_back(self, person: str, number: int, now: int) -> Decision:
        """Retract one decision of a person; its question is open again, and theirs.

        Raises
        ------
        Unknown
            There is no such decision of theirs, or it does not hold any more.
        Refused
            The labels topic cannot say so any more.
        """
        with self._transaction():
            held = decisions.get(self._database, number)
            if held is None or held.person != person or not held.holds:
                raise Unknown("there is nothing to be taken back: it has been already")
            saw_guess = self.has_seen(held.event_id, person)
            try:
                decisions.take_back(self._database, self._writer, held, saw_guess=saw_guess, now=now)
            except (Invalid, Unwritable) as error:
                raise Refused(str(error)) from error
            self._has_labels.set()
            if held.request_id is not None:
                queue.recount(self._database, held.request_id, now)
                if queue.has_room(self._database, held.request_id, person, now):
                    queue.lease(self._database, held.request_id, person, self._until(now))
            return held

    # What is known --------------------------------------------------------------------------------------------

    def recent(self, person: str, n: int = RECENT) -> list[Decision]:
        """Return the last decisions of a person that hold, the newest first."""
        with self._one_at_a_time:
            return decisions.recent(self._database, person, n)

    def search(self, person: str, event_id: str, now: int) -> list[Item]:
        """Return every question about an event, the newest first, with what this person said of it."""
        with self._transaction():
            return [self._item(each, person, now) for each in queue.about(self._database, event_id)]

    def volunteered(self, person: str, event_id: str) -> Decision | None:
        """Return what a person says of an event without having been asked."""
        with self._one_at_a_time:
            return decisions.holding(self._database, None, event_id, person)

    def classes(self) -> list[str]:
        """Return the classes in the order of their keys: those of the configuration, then others as they came."""
        if not self._settings.new_classes:
            return list(self._settings.classes)
        with self._one_at_a_time:
            return list(dict.fromkeys((*self._settings.classes, *queue.known_classes(self._database))))

    def problem_with(self, name: str) -> str | None:
        """Return why an event cannot be said to be of a class; None: it can."""
        if name in self.classes():
            return None
        if not self._settings.new_classes:
            return f"there is no class {name!r}, and review_service.new_classes allows no others"
        if name != name.strip() or not name.isprintable():
            return "a new class has no space at its ends and nothing in it that cannot be printed"
        return None

    def latest(self, n: int) -> list[Question]:
        """Return the questions that came last, answered or not: what usual values are."""
        with self._one_at_a_time:
            return queue.latest(self._database, n)

    def question(self, request_id: str) -> Question:
        """Return a question.

        Raises
        ------
        Unknown
            There is none.
        """
        with self._one_at_a_time:
            return self._question(request_id)

    def has_seen(self, event_id: str, person: str) -> bool:
        """Tell whether a person has been shown the model's guess of an event, in answer to whichever question."""
        with self._one_at_a_time:
            rows = self._database.rows(
                "SELECT 1 FROM questions q JOIN sights s ON s.request_id = q.request_id "
                "WHERE q.event_id = ? AND s.person = ? LIMIT 1",
                *(event_id, person),
            )
            return bool(rows)

    def shows_guess(self, request_id: str, person: str) -> bool:
        """Tell whether the guess may be shown to a person beside a question: it has been, and still may be."""
        if self._settings.show_guess == "never":
            return False
        with self._one_at_a_time:
            rows = self._database.rows(
                "SELECT 1 FROM sights WHERE request_id = ? AND person = ?", request_id, person
            )
            return bool(rows)

    def answered_since(self, person: str, since: int) -> int:
        """Return how many decisions of somebody since a moment (ms) hold: cheap enough for every page."""
        with self._one_at_a_time:
            return decisions.answered_since(self._database, person, since)

    def tally(self, person: str, since: int) -> Tally:
        """Return what somebody has done so far; ``since`` (ms) is when today began."""
        with self._one_counts:
            return decisions.tally(self._counting, person, since)

    def people(self) -> list[str]:
        """Return everybody who has decided anything."""
        with self._one_counts:
            return decisions.people(self._counting)

    def counts(self, now: int) -> Counts:
        """Return how things stand.

        Cost: some 10 ms with 100,000 open questions, and as much for every 200,000 answers, or questions that have
        expired. Whoever answers does not wait for it.
        """
        with self._one_counts:
            [[held]] = self._counting.rows("SELECT count(*) FROM decisions WHERE holds")
            return Counts(queue.standing(self._counting, now), held, outbox.waiting(self._counting))

    # What keeps it going --------------------------------------------------------------------------------------

    def tidy(self, now: int) -> int:
        """Close what has expired and forget what is old; return how many questions have expired."""
        with self._transaction():
            return queue.tidy(self._database, now)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Lend the connection, inside a transaction, to what keeps more in the same file."""
        with self._transaction():
            yield self._database

    @property
    def writer(self) -> LabelWriter:
        """What writes labels for the labels topic."""
        return self._writer

    def labels_wait(self) -> None:
        """Say that there is something in the outbox."""
        self._has_labels.set()

    def close(self) -> None:
        """Release the file."""
        with self._one_at_a_time, self._one_counts:
            self._database.close()
            self._counting.close()

    def _enter(self, request_id: str | None, event_id: str, person: str, said: Said, now: int) -> Decision:
        if not said.is_something:
            raise Refused("say one thing: a class, what it is not, or that you do not know")
        if said.label is not None and (problem := self.problem_with(said.label)):
            raise Refused(problem)
        try:
            decision = decisions.enter(
                self._database,
                self._writer,
                request_id=request_id,
                event_id=event_id,
                person=person,
                said=said,
                saw_guess=self.has_seen(event_id, person),
                now=now,
            )
        except (Invalid, Unwritable) as error:
            raise Refused(str(error)) from error
        queue.learn_classes(self._database, [said.label] if said.label else [])
        self._has_labels.set()
        return decision

    def _item(self, question: Question, person: str, now: int) -> Item:
        decision = decisions.holding(self._database, question.request_id, question.event_id, person)
        if self._settings.show_guess == "before":
            self._see(question.request_id, person)
        [[until]] = self._database.rows(
            "SELECT coalesce(max(until), 0) FROM leases WHERE request_id = ? AND person = ? AND until > ?",
            *(question.request_id, person, now),
        )
        return Item(question, decision, self.shows_guess(question.request_id, person), until)

    def _guess_after(self, question: Question, person: str) -> Guess | None:
        if self._settings.show_guess == "never":
            return None
        self._see(question.request_id, person)
        return question.guess

    def _see(self, request_id: str, person: str) -> None:
        self._database.rows("INSERT OR IGNORE INTO sights VALUES (?, ?)", request_id, person)

    def _question(self, request_id: str) -> Question:
        question = queue.get(self._database, request_id)
        if question is None:
            raise Unknown("there is no such question, or not any more")
        return question

    def _until(self, now: int) -> int:
        return now + 1_000 * self._settings.lease_seconds

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._one_at_a_time, self._database.transaction():
            yield


def take_requests(database: Database, records: Sequence[Record]) -> None:
    """Keep review requests as questions; what is none is left out, aloud. Inside a transaction."""
    for record in records:
        try:
            queue.keep(database, [to_question(record)], record.timestamp)
        except Invalid as error:
            log.warning("%s[%d] %d: %s", record.topic, record.partition, record.offset, error)
