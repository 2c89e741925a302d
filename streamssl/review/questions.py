"""A review request as the review service keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from streamssl.messages import Invalid
from streamssl.transport.base import Record

MOST_WANTED = 2
"""People who are to answer one question."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Guess(NamedTuple):
    """What the model said of an event; not to be shown before it is answered."""

    label: str | None
    confidence: float
    probabilities: dict[str, float]


class Question(NamedTuple):
    """One event that people are asked about."""

    request_id: str
    event_id: str
    event_time: str
    """ISO 8601, as it came."""
    features: dict[str, Any] | list[Any]
    guess: Guess
    reason: str
    """Why people are asked; hidden as the guess is."""
    key: float
    """The smaller, the earlier it is served. See `streamssl.engine.asking`."""
    wanted: int
    """How many people are to answer: two for a blind double."""
    expires: int
    """When the answer is no longer awaited, ms since the epoch."""


def to_question(record: Record) -> Question:
    """Read a record of the review requests topic.

    Raises
    ------
    Invalid
        When it cannot be read.

    Examples
    --------
    >>> value = {
    ...     "request_id": "r1",
    ...     "event": {"id": "e1", "time": "2027-01-01T00:00:00Z", "features": {"x": 1.5}},
    ...     "prediction": {"label": "spam", "confidence": 0.7, "probabilities": {"spam": 0.7, "ham": 0.3}},
    ...     "reason": "random",
    ...     "propensity": 0.01,
    ...     "expires": "2027-01-02T00:00:00Z",
    ... }
    >>> question = to_question(Record("review-requests", 0, 0, 0, b"e1", orjson.dumps(value)))
    >>> question.event_id, question.guess.label, question.wanted
    ('e1', 'spam', 1)
    """
    try:
        value = orjson.loads(record.value or b"")
        event, guess = value["event"], value.get("prediction") or {}
        features = event["features"]
        if not isinstance(features, dict | list):
            raise TypeError("event.features must be an object or a list")
        return Question(
            request_id=str(value["request_id"]),
            event_id=str(event["id"]),
            event_time=str(event.get("time", "")),
            features=features,
            guess=Guess(
                None if guess.get("label") is None else str(guess["label"]),
                float(guess.get("confidence", 0.0)),
                {str(name): float(share) for name, share in (guess.get("probabilities") or {}).items()},
            ),
            reason=str(value.get("reason", "")),
            # Requests of an older version have no key: they are served in the order in which they came.
            key=float(value.get("key", record.offset)),
            wanted=min(MOST_WANTED, max(1, int(value.get("answers", 1)))),
            expires=_milliseconds(value["expires"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise Invalid("decode", "", f"not a review request: {error!r}") from None


def pack(question: Question) -> bytes:
    """Return what is shown of a question, as it is kept.

    Raises
    ------
    Invalid
        When it cannot be written: what is read may be deeper than that.
    """
    try:
        return orjson.dumps([question.event_time, question.features, [*question.guess], question.reason])
    except orjson.JSONEncodeError as error:
        raise Invalid("decode", "event.features", str(error)) from None


def unpack(row: tuple[Any, ...]) -> Question:
    """Return a question from its columns: request_id, event_id, key, wanted, expires, shown."""
    request_id, event_id, key, wanted, expires, shown = row
    time, features, guess, reason = orjson.loads(shown)
    return Question(request_id, event_id, time, features, Guess(*guess), reason, key, wanted, expires)


def _milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(milliseconds=1)
