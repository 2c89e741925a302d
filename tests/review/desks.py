"""Desks on files of their own, and questions for them."""

import threading

import orjson

from streamssl.config import Config
from streamssl.connectors import outbox
from streamssl.review.desk import Desk, take_requests
from streamssl.transport.base import Record

NOW = 1_800_000_000_000
HOUR = 3_600_000


def request(number, *, key=None, answers=1, expires_ms=24 * HOUR, event_id=None, label="spam", **features):
    """Return a record of the review requests topic."""
    from streamssl.messages import iso_times

    value = {
        "request_id": f"r{number}",
        "event": {
            "id": event_id or f"e{number}",
            "time": "2027-01-15T08:00:00.000Z",
            "features": features or {"amount": number / 2, "text": f"text {number}"},
        },
        "prediction": {"label": label, "confidence": 0.7, "probabilities": {"spam": 0.7, "ham": 0.3}},
        "reason": "uncertain",
        "propensity": 0.01,
        "key": number if key is None else key,
        "answers": answers,
        "expires": iso_times([NOW + expires_ms])[0],
    }
    return Record("review-requests", 0, number, NOW, f"e{number}".encode(), orjson.dumps(value))


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


def asked(desk, person, now=NOW):
    """Return the id of the question that a person gets, None for none."""
    item = desk.next(person, now)
    return None if item is None else item.question.request_id
