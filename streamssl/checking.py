"""What a configuration makes of real records, field by field, before any service runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from streamssl.config import Config
from streamssl.messages import Invalid, decode_event, decode_label
from streamssl.messages.mapping import Mapper
from streamssl.messages.outgoing import iso_times
from streamssl.transport.base import Record


@dataclass(frozen=True, slots=True)
class Checked:
    """What becomes of one record."""

    record: Record
    problem: str | None
    """Why it would go to the dead letters; None if it is used."""
    parts: dict[str, str] = field(default_factory=dict)
    """Id, time, label and the like, as they were understood."""
    features: dict[str, str] = field(default_factory=dict)
    """Dotted field name -> type and value."""


def check_sample(config: Config, records: Iterable[Record]) -> Iterator[Checked]:
    """Yield what the mapping makes of each record.

    A record of a labels topic is read as a label, any other as an event.

    Examples
    --------
    >>> config = Config(mapping={"events": {"id": "uid", "label": "verdict", "features": "."}})
    >>> value = b'{"uid": 7, "amount": 3.5, "geo": {"country": "AT"}, "verdict": "FP"}'
    >>> [checked] = check_sample(config, [Record("events", 0, 0, 0, None, value)])
    >>> checked.parts["id"], checked.parts["label"]
    ('7', 'FP')
    >>> checked.features
    {'amount': 'number 3.5', 'geo.country': "text 'AT'"}
    """
    mapper = Mapper(config.mapping)
    for record in records:
        try:
            if record.topic in config.topics.labels:
                yield _checked_label(record, mapper)
            else:
                yield _checked_event(record, mapper)
        except Invalid as error:
            yield Checked(record, str(error))


def _checked_event(record: Record, mapper: Mapper) -> Checked:
    event = decode_event(record, mapper)
    origin = "" if event.has_own_id else " (not in the record: its key, or its place)"
    parts = {"id": event.id + origin, "time": iso_times([event.time])[0]}
    if event.label is not None:
        parts["label"] = event.label
    return Checked(record, None, parts, dict(_fields(event.features)))


def _checked_label(record: Record, mapper: Mapper) -> Checked:
    label = decode_label(record, mapper)
    parts = {
        name: iso_times([value])[0] if name == "time" else str(value)
        for name, value in label._asdict().items()
        if name != "features" and value not in (None, (), False)
    }
    if label.label is None and not label.excluded and not label.abstain:
        parts["label"] = "null: retracts what was said before"
    return Checked(record, None, parts, dict(_fields(label.features or {})))


def _fields(value: dict[str, Any] | list[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every leaf under its dotted name."""
    if isinstance(value, list):
        yield prefix.rstrip(".") or "(list)", _described(value)
        return
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _fields(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _described(inner)


def _described(value: Any) -> str:
    match value:
        case None:
            return "null: missing"
        case bool():
            return f"boolean {str(value).lower()}"
        case int() | float():
            return f"number {value}"
        case str():
            return f"text {value if len(value) <= 40 else value[:37] + '...'!r}"
        case list() if all(isinstance(each, int | float) for each in value):
            return f"list of {len(value)} numbers"
        case _:
            return "list with something other than numbers: missing"
