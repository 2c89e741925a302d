"""A label as the labels topic wants it: in the user's own JSON, where `mapping.labels` says that it is."""

from __future__ import annotations

from typing import Any

from streamssl.config import Config
from streamssl.messages import Label, decode_label
from streamssl.messages.mapped import Unwritable, label_value
from streamssl.messages.mapping import Mapper
from streamssl.transport.base import Message, Record


class LabelWriter:
    """Writes labels for the first labels topic of a configuration, and checks that they are read as meant."""

    def __init__(self, config: Config) -> None:
        self.topic = config.topics.labels[0]
        self._mapping = config.mapping.labels_of(self.topic)
        self._mapper = Mapper(config.mapping)

    def write(self, label: Label) -> Message:
        """Return the record of a label. One that says nothing at all is a retraction, by its annotator.

        Raises
        ------
        Unwritable
            When the topic's mapping cannot say it, or would make something else of it.
        Invalid
            When a field cannot be used.
        """
        retracts = label.label is None and not label.abstain and not label.excluded
        value = label_value(self._mapping, _fields(label), retracts)
        key = label.event_id.encode()
        understood = decode_label(Record(self.topic, 0, 0, label.time, key, value), self._mapper)
        if understood != label:
            raise Unwritable(self._difference(label, understood))
        return Message(self.topic, key, value)

    def _difference(self, label: Label, understood: Label) -> str:
        """Return what the topic would make of a label, in words for people who answer."""
        name = next(each for each in Label._fields if getattr(understood, each) != getattr(label, each))
        meant, read = (getattr(each, name) for each in (label, understood))
        if name == "label" and meant in self._mapping.classes:
            return f"label: '{meant}' is called '{read}' here (mapping.labels.classes)"
        name = "not" if name == "excluded" else name
        return f"{name}: {self.topic} would read {read!r} where {meant!r} is meant: see mapping.labels"


def _fields(label: Label) -> dict[str, Any]:
    """Return a label by the names of our own records."""
    return {
        "event_id": label.event_id,
        "label": label.label,
        "time": label.time,
        "annotator": label.annotator,
        "confidence": label.confidence,
        "not": list(label.excluded) or None,
        "abstain": label.abstain or None,
        "request_id": label.request_id,
        "seen_prediction": label.seen_prediction or None,
        "features": label.features,
    }
