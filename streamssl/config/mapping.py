"""How the user's own JSON is read: the section ``mapping``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from streamssl.config.base import Section


def _dotted(path: str) -> str:
    if not re.fullmatch(r"(\\\.|[^.])+(\.(\\\.|[^.])+)*", path):
        raise ValueError(f"must be names with dots in between, as in alert.uid, not {path!r}")
    return path


DottedPath = Annotated[str, AfterValidator(_dotted)]
"""Names with dots in between; ``\\.`` is a dot within a name."""
PathOrAll = Annotated[str, AfterValidator(lambda path: path if path == "." else _dotted(path))]
"""A dotted path, or ``.`` for the whole object."""


class EventMapping(Section):
    """Where an event's parts lie in the user's JSON. Paths are dotted; a list's elements go by number."""

    id: DottedPath = Field("id", description="Path of the event id.")
    time: DottedPath = Field("time", description="Path of the event's time: ISO 8601 or epoch milliseconds.")
    label: DottedPath = Field("label", description="Path of the label, where events bring one.")
    features: PathOrAll = Field(
        "features", description="Path of the features; '.' = the whole object without id, time and label."
    )
    include: tuple[str, ...] = Field(("*",), description="Patterns of the features (dotted names) that are used.")
    exclude: tuple[str, ...] = Field((), description="Patterns of the features that are not used.")
    classes: dict[str, str] = Field({}, description="Class names in the record -> class names here.")


class LabelMapping(Section):
    """Where a label's parts lie in the user's JSON."""

    event_id: DottedPath = Field("event_id", description="Path of the id of the labelled event.")
    label: DottedPath = Field("label", description="Path of the class.")
    time: DottedPath = Field("time", description="Path of the time at which the label was given.")
    annotator: DottedPath = Field("annotator", description="Path of who gave it.")
    confidence: DottedPath = Field("confidence", description="Path of how sure they are, 0 to 1.")
    excluded: DottedPath = Field("not", alias="not", description="Path of the classes that it is not.")
    abstain: DottedPath = Field("abstain", description='Path of the flag for "I don\'t know".')
    request_id: DottedPath = Field("request_id", description="Path of the review request that it answers.")
    seen_prediction: DottedPath = Field("seen_prediction", description="Path of the flag that the guess was shown.")
    features: DottedPath = Field(
        "features", description="Path of the event's features, when the label brings them."
    )
    classes: dict[str, str] = Field({}, description="Class names in the record -> class names here.")

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class TopicMapping(Section):
    """The mapping of one topic, whole: nothing is taken over from the mapping of the others."""

    events: EventMapping | None = Field(None, description="For an events topic: instead of mapping.events.")
    labels: LabelMapping | None = Field(None, description="For a labels topic: instead of mapping.labels.")


class MappingSettings(Section):
    """How the user's own JSON is read."""

    events: EventMapping = Field(EventMapping(), description="Of the events topics.")
    labels: LabelMapping = Field(LabelMapping(), description="Of the labels topics.")
    topics: dict[str, TopicMapping] = Field(
        {}, description="Of single topics, by name: {events: ...} or {labels: ...}, instead of the above."
    )

    def events_of(self, topic: str) -> EventMapping:
        """Return how events of a topic are read."""
        own = self.topics.get(topic)
        return own.events if own and own.events else self.events

    def labels_of(self, topic: str) -> LabelMapping:
        """Return how labels of a topic are read."""
        own = self.topics.get(topic)
        return own.labels if own and own.labels else self.labels
