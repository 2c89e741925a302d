"""A label as the labels topic wants it: in the user's own JSON, where `mapping.labels` says that it is."""

from __future__ import annotations

from typing import Any

import orjson

from streamssl.config import Config, LabelMapping
from streamssl.messages import Label, decode_label
from streamssl.messages.mapping import Mapper, parse_path
from streamssl.transport.base import Message, Record


class Unwritable(Exception):
    """The mapping of the labels topic cannot say this label; the message says why."""


class LabelWriter:
    """Writes labels for the first labels topic of a configuration, and checks that they are read as meant."""

    def __init__(self, config: Config) -> None:
        self.topic = config.topics.labels[0]
        own = config.mapping.topics.get(self.topic)
        self._mapping = own.labels if own and own.labels else config.mapping.labels
        self._mapper = Mapper(config.mapping)

    def write(self, label: Label) -> Message:
        """Return the record of a label. One that says nothing at all is a retraction, by its annotator.

        Raises
        ------
        Unwritable
            When the topic's mapping would make something else of it.
        Invalid
            When a field cannot be used.
        """
        value = label_value(self._mapping, label)
        key = label.event_id.encode()
        understood = decode_label(Record(self.topic, 0, 0, label.time, key, value), self._mapper)
        if understood != label:
            raise Unwritable(f"{self.topic} would read {understood} where {label} is meant: see mapping.labels")
        return Message(self.topic, key, value)


def label_value(mapping: LabelMapping, label: Label) -> bytes:
    """Return a label's value under a mapping.

    Examples
    --------
    >>> label_value(LabelMapping(label="verdict.final"), Label("7", "spam", 0, annotator="ann"))
    b'{"event_id":"7","verdict":{"final":"spam"},"time":0,"annotator":"ann"}'
    """
    fields: dict[str, Any] = {
        "event_id": label.event_id,
        "label": label.label,
        "time": label.time,
        "annotator": label.annotator,
        "confidence": label.confidence,
        "excluded": list(label.excluded) or None,
        "abstain": label.abstain or None,
        "request_id": label.request_id,
        "seen_prediction": label.seen_prediction or None,
        "features": label.features,
    }
    document: dict[str, Any] = {}
    for name, value in fields.items():
        retracts = name == "label" and not label.abstain and not label.excluded
        if value is not None or retracts:
            _put(document, getattr(mapping, name), value)
    return orjson.dumps(document)


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    *outer, name = parse_path(path)
    for part in outer:
        document = document.setdefault(part, {})
        if not isinstance(document, dict):
            raise Unwritable(f"mapping.labels: cannot write {path}: {part} holds a value already")
    document[name] = value
