"""The door: a record of the stream becomes an event or a label, or it is `Invalid`.

Rules:

- An id is text or a whole number (its digits), at most 1,024 bytes as UTF-8. An event without one takes the
  CloudEvents header ``ce_id``, else the record's key, else ``topic-partition-offset``.
- A time is ISO 8601 (UTC where no zone is given) or epoch milliseconds, in the years 1 to 9999; without one, the
  header ``ce_time``, else the record's timestamp, held to the same years.
- A class name is text; numbers and booleans become their JSON text (``1``, ``true``).
- Of a name that stands twice in an object, the last value holds.
- Numbers are finite: ``NaN`` and ``1e999`` are not JSON, and the parser refuses them.
- Objects and lists of features lie at most 32 deep: what is read must also be written, in a review request.
- What a label says with ``abstain: true`` beside it is not a label.
- A null record on a labels topic retracts the label of the event that its key names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, NamedTuple

import orjson

from streamssl.messages.invalid import Invalid
from streamssl.messages.mapping import ABSENT, Mapper
from streamssl.transport.base import Record

LONGEST_ID = 1_024
"""Bytes of an id, as UTF-8."""
DEEPEST = 32
"""Objects and lists inside each other, in features. The parser takes 1,024, the writer only 254."""
LONGEST_CLASS = 256
"""Characters of a class name."""
EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 and 9999, ms since the epoch."""
PROPAGATED = frozenset({"traceparent", "tracestate"})
"""Headers that go from the event to its prediction."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_CONTAINERS = frozenset({dict, list})


class Event(NamedTuple):
    """One item of the stream."""

    id: str
    has_own_id: bool
    """Whether the record names the id; if not, the id is only a key or a place."""
    time: int
    """Event time, ms since the epoch."""
    features: dict[str, Any] | list[Any]
    label: str | None
    headers: tuple[tuple[str, bytes], ...]
    """What a prediction hands on: ``traceparent``, ``tracestate``."""


class Label(NamedTuple):
    """What somebody says the class of an event is."""

    event_id: str
    label: str | None
    time: int
    annotator: str | None = None
    confidence: float | None = None
    """Probability that the label is right, in [0, 1]."""
    excluded: tuple[str, ...] = ()
    """Classes that it is not."""
    abstain: bool = False
    """I don't know: an answer, not a retraction."""
    request_id: str | None = None
    """The review request that it answers; None: nobody asked."""
    seen_prediction: bool = False
    """Whether the model's guess was shown."""
    features: dict[str, Any] | list[Any] | None = None


def decode_event(record: Record, mapper: Mapper) -> Event:
    """Read one record of an events topic.

    Raises
    ------
    Invalid
        Naming the field that cannot be used.

    Notes
    -----
    Cost: about 4 us for 8 numbers, a third of it in the JSON parser.
    """
    mapping = mapper.events(record.topic)
    value = _parsed(record.value)
    headers: Mapping[str, bytes] = dict(record.headers) if record.headers else {}
    own_id = mapping.id(value)
    if own_id is ABSENT or own_id is None:
        own_id = _header_text(headers, "ce_id")
    has_own_id = own_id is not None
    event_id = _id(own_id, "id") if has_own_id else _id_of_record(record)
    time = mapping.time(value)
    if time is ABSENT or time is None:
        time = _header_text(headers, "ce_time")
    features = _features(mapping.features(value), record, mapping.select)
    label = mapping.label(value)
    return Event(
        event_id,
        has_own_id,
        _time_of_record(record) if time is None else _time(time, "time"),
        features,
        None if label is ABSENT or label is None else _class(label, "label", mapping.classes),
        tuple((n, v) for n, v in record.headers if n in PROPAGATED) if headers else (),
    )


def label_of_event(event: Event) -> Label:
    """Return the label that came with an event."""
    return Label(event.id, event.label, event.time)


def decode_label(record: Record, mapper: Mapper) -> Label:
    """Read one record of a labels topic.

    Raises
    ------
    Invalid
        Naming the field that cannot be used.
    """
    if record.value is None:
        return Label(_id_of_key(record), None, _time_of_record(record))
    mapping = mapper.labels(record.topic)
    value = _parsed(record.value)
    event_id = _present(mapping.event_id(value))
    label = mapping.label(value)
    excluded = _present(mapping.excluded(value)) or []
    abstain = _flag(mapping.abstain(value), "abstain")
    features = _present(mapping.features(value))
    if event_id is None and record.key is None:
        raise Invalid("decode", "event_id", "is missing")
    if label is ABSENT and not excluded and not abstain:
        raise Invalid("decode", "label", "is missing (null retracts)")
    if not isinstance(excluded, list):
        raise Invalid("decode", "not", "must be a list of classes")
    time = _present(mapping.time(value))
    named = _present(label)
    return Label(
        event_id=_id_of_key(record) if event_id is None else _id(event_id, "event_id"),
        label=None if named is None else _class(named, "label", mapping.classes),
        time=_time_of_record(record) if time is None else _time(time, "time"),
        annotator=_text(mapping.annotator(value), "annotator"),
        confidence=_share(mapping.confidence(value), "confidence"),
        excluded=() if named is not None else tuple(_class(each, "not", mapping.classes) for each in excluded),
        abstain=abstain,
        request_id=_text(mapping.request_id(value), "request_id"),
        seen_prediction=_flag(mapping.seen_prediction(value), "seen_prediction"),
        features=None if features is None else _features(features, record, mapping.select),
    )


def _parsed(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise Invalid("decode", "", "a record without a value")
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Invalid("decode", "", f"not JSON: {error}") from None
    if type(parsed) is not dict:
        raise Invalid("decode", "", f"must be a JSON object, not {_kind(parsed)}")
    return parsed


def _present(value: Any) -> Any:
    return None if value is ABSENT else value


def _kind(value: Any) -> str:
    names = {list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number", dict: "an object"}
    return names.get(type(value), "null")


def _id(value: Any, field: str) -> str:
    if type(value) is int:
        value = str(value)
    if type(value) is not str or not value:
        raise Invalid("decode", field, f"must be text or a whole number, not {_kind(value) if value else 'empty'}")
    if len(value) > LONGEST_ID or (not value.isascii() and len(_utf8(value, field)) > LONGEST_ID):
        raise Invalid("decode", field, f"is longer than {LONGEST_ID:,} bytes")
    return value


def _utf8(text: str, field: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Invalid("decode", field, "is not valid Unicode") from None


def _id_of_record(record: Record) -> str:
    if record.key:
        return _id_of_key(record)
    return f"{record.topic}-{record.partition}-{record.offset}"


def _id_of_key(record: Record) -> str:
    if not record.key:
        raise Invalid("decode", "event_id", "is missing, and the record has no key")
    try:
        return _id(record.key.decode(), "key")
    except UnicodeDecodeError:
        raise Invalid("decode", "key", "is not UTF-8") from None


def _header_text(headers: Mapping[str, bytes], name: str) -> str | None:
    raw = headers.get(name)
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Invalid("decode", name, "is not UTF-8") from None


def _time(value: Any, field: str) -> int:
    if type(value) is str:
        try:
            moment = datetime.fromisoformat(value)
            # Whole numbers: seconds as a float times 1,000 are a millisecond short now and then.
            value = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND
        except (ValueError, OverflowError):
            raise Invalid("decode", field, "is not ISO 8601") from None
    elif type(value) is float and isfinite(value):
        value = int(value)
    if type(value) is not int or not EARLIEST <= value <= LATEST:
        raise Invalid("decode", field, "must be ISO 8601 or epoch milliseconds, in the years 1 to 9999")
    return value


def _time_of_record(record: Record) -> int:
    """Return when the record was produced, as its producer says: microseconds, for instance, are refused."""
    if not EARLIEST <= record.timestamp <= LATEST:
        raise Invalid("decode", "timestamp", "must be epoch milliseconds, in the years 1 to 9999")
    return record.timestamp


def _class(value: Any, field: str, names: Mapping[str, str]) -> str:
    match value:
        case str():
            name = value
        case bool():
            name = "true" if value else "false"
        case int() | float():
            name = orjson.dumps(value).decode()
        case _:
            raise Invalid("decode", field, f"must be a class name, not {_kind(value)}")
    name = names.get(name, name)
    if not 0 < len(name) <= LONGEST_CLASS:
        raise Invalid("decode", field, f"a class name has 1 to {LONGEST_CLASS} characters")
    _utf8(name, field)
    return name


def _text(value: Any, field: str) -> str | None:
    if value is ABSENT or value is None:
        return None
    return _id(value, field)


def _flag(value: Any, field: str) -> bool:
    if value is ABSENT or value is None:
        return False
    if type(value) is not bool:
        raise Invalid("decode", field, f"must be true or false, not {_kind(value)}")
    return value


def _share(value: Any, field: str) -> float | None:
    if value is ABSENT or value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise Invalid("decode", field, "must be a number from 0 to 1")
    return float(value)


def _features(value: Any, record: Record, select: Callable[[Any], Any] | None) -> dict[str, Any] | list[Any]:
    """Refuse what is no object or list, or too deep; of what type each value is, the encoder judges."""
    if type(value) not in _CONTAINERS:
        raise Invalid("decode", "features", "must be an object or a list of numbers")
    # Few brackets cannot be deep: nearly all records are let through here.
    if record.value is not None and record.value.count(b"{") + record.value.count(b"[") > DEEPEST:
        _check_depth(value)
    checked: dict[str, Any] | list[Any] = value if select is None else select(value)
    return checked


def _check_depth(value: Any) -> None:
    inner = [value]
    for _ in range(DEEPEST + 1):
        inner = [
            each
            for container in inner
            for each in (container.values() if type(container) is dict else container)
            if type(each) in _CONTAINERS
        ]
        if not inner:
            return
    raise Invalid("decode", "features", f"is nested more than {DEEPEST} deep")
