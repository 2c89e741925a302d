"""What is sent to Label Studio and what comes back, as of version 1.23."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from streamssl.config import LabelStudioSettings
from streamssl.messages import Invalid
from streamssl.transport.base import Record

MODEL_VERSION = "streamssl"
META = "streamssl"
"""Key of a task's meta under which its event and its request are named."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Request(NamedTuple):
    """One review request, ready to be pushed."""

    request_id: str
    event_id: str
    key: float
    """The smallest is served first."""
    expires: int
    """Ms since the epoch."""
    task: dict[str, Any]
    """The body of its task."""


class Origin(NamedTuple):
    """Which request a task was made for."""

    request_id: str
    event_id: str


class Annotation(NamedTuple):
    """What one person has said about one task."""

    id: int
    user_id: int
    time: int
    """When it was last changed, ms since the epoch."""
    label: str | None
    """The class; None when there is none, or more than one."""
    abstain: bool
    """The task was skipped."""


class Task(NamedTuple):
    """A task as it is now, with every annotation that it has."""

    id: int
    origin: Origin | None
    """As its meta says; None when it is none of ours."""
    updated_at: str
    annotations: tuple[Annotation, ...]


def to_request(record: Record, settings: LabelStudioSettings) -> Request:
    """Return a record of the review requests as a task to be pushed.

    Its data are the event's fields by their names, and beside them ``event_id``, ``event_time`` and, for a Table,
    ``features`` as one object. Its score is the request's key: a project whose sampling is "Uncertainty sampling"
    serves the lowest first. The model's guess goes along only if it is to be shown.

    Raises
    ------
    Invalid
        When the record cannot be read.
    """
    try:
        value = orjson.loads(record.value or b"")
        event, request_id = value["event"], str(value["request_id"])
        event_id, features = str(event["id"]), event["features"]
        if isinstance(features, list):
            features = {str(number): each for number, each in enumerate(features)}
        features = dict(features)
        expires = parse_time(value["expires"])
        key = float(value.get("key", record.offset))
        result = _result(value["prediction"]["label"], settings) if settings.show_guess else []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid("decode", "", f"not a review request: {error!r}") from None
    return Request(
        request_id,
        event_id,
        key,
        expires,
        {
            "data": {**features, "event_id": event_id, "event_time": event.get("time"), "features": features},
            "meta": {META: {"event_id": event_id, "request_id": request_id}},
            "predictions": [{"model_version": MODEL_VERSION, "score": key, "result": result}],
        },
    )


def to_task(value: Mapping[str, Any], settings: LabelStudioSettings) -> Task:
    """Read a task of the list."""
    return Task(
        id=int(value["id"]),
        origin=_origin((value.get("meta") or {}).get(META)),
        updated_at=value["updated_at"],
        annotations=tuple(_annotation(each, settings) for each in value.get("annotations", ())),
    )


def parse_time(text: str) -> int:
    """Return ms since the epoch of an ISO 8601 time.

    Examples
    --------
    >>> parse_time("1970-01-01T00:00:01.500000Z")
    1500
    """
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def earlier(text: str, seconds: float) -> str:
    """Return a time some seconds earlier, in the one form that the filter takes.

    Examples
    --------
    >>> earlier("2026-11-23T17:46:36Z", 30)
    '2026-11-23T17:46:06.000000Z'
    """
    moment = datetime.fromisoformat(text).astimezone(UTC) - timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _result(label: str | None, settings: LabelStudioSettings) -> list[dict[str, Any]]:
    if label is None:
        return []
    choice = next((choice for choice, name in settings.classes.items() if name == label), label)
    value = {"choices": [choice]}
    return [{"from_name": settings.control, "to_name": settings.shown, "type": "choices", "value": value}]


def _origin(meta: Any) -> Origin | None:
    if not isinstance(meta, dict) or not {"event_id", "request_id"} <= meta.keys():
        return None
    return Origin(str(meta["request_id"]), str(meta["event_id"]))


def _annotation(value: Mapping[str, Any], settings: LabelStudioSettings) -> Annotation:
    abstain = bool(value.get("was_cancelled"))
    user = value.get("completed_by") or 0
    return Annotation(
        id=int(value["id"]),
        user_id=int(user["id"] if isinstance(user, dict) else user),
        time=parse_time(value["updated_at"]),
        label=None if abstain else _label(value.get("result") or (), settings),
        abstain=abstain,
    )


def _label(result: Any, settings: LabelStudioSettings) -> str | None:
    """Return the one class that was chosen. Through the API anything can be in a result: it is no answer then."""
    try:
        choices = [
            choice
            for part in result
            if part.get("from_name") == settings.control and part.get("type") == "choices"
            for choice in part["value"]["choices"]
        ]
    except (KeyError, TypeError, AttributeError):
        return None
    if len(choices) != 1 or not isinstance(choices[0], str):
        return None
    return settings.classes.get(choices[0], choices[0])
