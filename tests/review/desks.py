"""Desks on files of their own, and questions for them."""

import threading

import orjson

from streamssl.config import Config
from streamssl.connectors import outbox
from streamssl.review.desk import Desk, take_requests
from tests.review.conftest import NOW, request_record

HOUR = 3_600_000


def request(number, *, key=None, answers=1, expires_ms=24 * HOUR, event_id=None, **features):
    """Return a record of the review requests topic."""
    return request_record(
        number,
        event_id=event_id or f"e{number}",
        key=number if key is None else key,
        answers=answers,
        expires=NOW + expires_ms,
        features=features or {"amount": number / 2, "text": f"text {number}"},
    )


def make_desk(folder, *records, mapping=None, **settings):
    """Return a desk that has these requests."""
    desk = Desk(Config(review_service=settings, mapping=mapping or {}), folder / "review.db", threading.Event())
    take(desk, *records)
    return desk


def take(desk, *records):
    with desk.database() as database:
        take_requests(database, records)


def outgoing(desk):
    """Return the labels on their way to the topic, oldest first."""
    with desk.database() as database:
        return [orjson.loads(value) for (value,) in database.rows("SELECT value FROM outbox ORDER BY number")]


def waiting(desk):
    with desk.database() as database:
        return outbox.waiting(database)


def undo(desk, person, now):
    """Take back what a person has said last, as the page's key does; return what it was."""
    last = next((each.number for each in desk.recent(person, 1)), 0)
    return desk.take_back(person, last, now)


def asked(desk, person, now=NOW):
    """Return the id of the question that a person gets, None for none."""
    item = desk.next(person, now)
    return None if item is None else item.question.request_id
