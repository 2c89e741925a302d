"""Where an event's or a label's parts lie in the user's own JSON: configuration, compiled once to look-ups."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from functools import lru_cache
from operator import methodcaller
from typing import Any, NamedTuple

from streamssl.config import EventMapping, LabelMapping, MappingSettings

Path = tuple[str, ...]
Lookup = Callable[[Any], Any]

ABSENT: Any = object()
"""What a look-up returns where there is nothing."""


def parse_path(text: str) -> Path:
    r"""Split a dotted path; ``\.`` is a dot that belongs to a name.

    Examples
    --------
    >>> parse_path("alert.signals.0"), parse_path(r"k8s\.pod.name")
    (('alert', 'signals', '0'), ('k8s.pod', 'name'))
    """
    return tuple(part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", text))


def lookup(path: Path) -> Lookup:
    """Return a function from a JSON value to what lies at a path, `ABSENT` where there is nothing.

    Examples
    --------
    >>> lookup(("items", "1", "x"))({"items": [{}, {"x": 5}]})
    5
    >>> lookup(("items", "2"))({"items": []}) is ABSENT
    True
    """
    if len(path) == 1:
        return methodcaller("get", path[0], ABSENT)

    def walk(value: Any) -> Any:
        for name in path:
            if isinstance(value, dict):
                value = value.get(name, ABSENT)
            elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            else:
                return ABSENT
        return value

    return walk


class CompiledEvents(NamedTuple):
    """Look-ups of one events mapping."""

    id: Lookup
    time: Lookup
    label: Lookup
    features: Lookup
    select: Callable[[Any], Any] | None
    """Takes what must not be a feature out of the features; None when nothing must."""
    classes: Mapping[str, str]


class CompiledLabels(NamedTuple):
    """Look-ups of one labels mapping."""

    event_id: Lookup
    label: Lookup
    time: Lookup
    annotator: Lookup
    confidence: Lookup
    excluded: Lookup
    abstain: Lookup
    request_id: Lookup
    seen_prediction: Lookup
    features: Lookup
    select: Callable[[Any], Any] | None
    """As of the events: what is no feature there is none here."""
    classes: Mapping[str, str]


class Mapper:
    """A whole mapping, compiled: a look-up table per topic, with a default."""

    def __init__(self, settings: MappingSettings) -> None:
        self._events = {n: compile_events(t.events) for n, t in settings.topics.items() if t.events}
        self._default_events = compile_events(settings.events)
        select = self._default_events.select
        self._labels = {n: compile_labels(t.labels, select) for n, t in settings.topics.items() if t.labels}
        self._default_labels = compile_labels(settings.labels, select)

    def events(self, topic: str) -> CompiledEvents:
        """Return the mapping of an events topic."""
        return self._events.get(topic, self._default_events)

    def labels(self, topic: str) -> CompiledLabels:
        """Return the mapping of a labels topic."""
        return self._labels.get(topic, self._default_labels)


def compile_events(mapping: EventMapping) -> CompiledEvents:
    """Compile the mapping of an events topic.

    Examples
    --------
    >>> mapping = compile_events(EventMapping(id="uid", label="verdict", features=".", exclude=["*_by"]))
    >>> record = {"uid": 1, "amount": 3.5, "closed_by": "eve", "verdict": "FP", "net": {"in": 1}}
    >>> mapping.select(mapping.features(record))
    {'amount': 3.5, 'net': {'in': 1}}
    """
    root = () if mapping.features == "." else parse_path(mapping.features)
    # What is the id, the time or the label can be no feature, also where it lies among the features.
    answers = {
        path[len(root) :]
        for path in map(parse_path, (mapping.id, mapping.time, mapping.label))
        if path[: len(root)] == root and len(path) > len(root)
    }
    everything = mapping.include == ("*",) and not mapping.exclude and not answers
    return CompiledEvents(
        id=lookup(parse_path(mapping.id)),
        time=lookup(parse_path(mapping.time)),
        label=lookup(parse_path(mapping.label)),
        features=lookup(root) if root else lambda value: value,
        select=None if everything else _selection(answers, mapping.include, mapping.exclude),
        classes=mapping.classes,
    )


def compile_labels(mapping: LabelMapping, select: Callable[[Any], Any] | None) -> CompiledLabels:
    """Compile the mapping of a labels topic; ``select`` is that of the events whose features labels may bring."""
    not_paths = {"select", "classes"}
    paths = {
        name: lookup(parse_path(getattr(mapping, name))) for name in CompiledLabels._fields if name not in not_paths
    }
    return CompiledLabels(**paths, select=select, classes=mapping.classes)


def _selection(answers: set[Path], include: tuple[str, ...], exclude: tuple[str, ...]) -> Callable[[Any], Any]:
    # A list on the way to an answer holds it, as an element or deeper: it is no feature either.
    hidden = {path[:n] for path in answers for n in range(1, len(path) + 1)}
    holds_an_answer_itself = any(path[0].isdecimal() for path in answers)
    wanted = re.compile("|".join(map(translate, include)) or r"(?!)")
    unwanted = re.compile("|".join(map(translate, exclude)) or r"(?!)")

    @lru_cache(maxsize=4_096)
    def is_feature(path: Path) -> bool:
        # A pattern that matches an object matches all that lies in it.
        names = [".".join(path[:n]) for n in range(1, len(path) + 1)]
        return (
            path not in hidden
            and any(wanted.match(name) for name in names)
            and not any(unwanted.match(name) for name in names)
        )

    def select(value: Any, path: Path = ()) -> Any:
        if not isinstance(value, dict):
            return [] if holds_an_answer_itself else value
        chosen = {}
        for name, inner in value.items():
            inner_path = (*path, name)
            if isinstance(inner, dict):
                if inner_path not in answers and (selected := select(inner, inner_path)):
                    chosen[name] = selected
            elif is_feature(inner_path):
                chosen[name] = inner
        return chosen

    return select
