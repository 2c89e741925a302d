"""Events and labels written in the form that the configured mapping reads: as the user's own JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

from streamssl.config import EventMapping, LabelMapping
from streamssl.messages.mapping import parse_path


class Unwritable(Exception):
    """A mapping cannot say this event or label; the message says why."""


def event_value(mapping: EventMapping, event_id: str, time: Any, features: Mapping[str, Any]) -> bytes:
    """Return the record's value of an event without a label.

    Parameters
    ----------
    time
        None: the record's own timestamp is meant.

    Raises
    ------
    Unwritable
        When a path of the mapping leads through a value.

    Examples
    --------
    >>> event_value(EventMapping(id="alert.uid", features="."), "7", None, {"amount": 12})
    b'{"amount":12,"alert":{"uid":"7"}}'
    """
    document: dict[str, Any] = {}
    if mapping.features == ".":
        document.update(features)
    else:
        _put(document, mapping.features, dict(features))
    _put(document, mapping.id, event_id)
    if time is not None:
        _put(document, mapping.time, time)
    return orjson.dumps(document)


def label_value(mapping: LabelMapping, fields: Mapping[str, Any], retracts: bool = False) -> bytes:
    """Return the record's value of a label.

    Parameters
    ----------
    fields
        By the names of our own records (``event_id``, ``label``, ``not``, ...); None leaves a field out.
    retracts
        Whether the label is null: what its annotator had said is taken back.

    Raises
    ------
    Unwritable
        When a path of the mapping leads through a value.

    Examples
    --------
    >>> label_value(LabelMapping(label="verdict.final"), {"event_id": "7", "label": "spam", "annotator": None})
    b'{"event_id":"7","verdict":{"final":"spam"}}'
    """
    paths = mapping.model_dump(by_alias=True)
    document: dict[str, Any] = {}
    for field, value in fields.items():
        if value is not None:
            _put(document, paths[field], value)
    if retracts:
        _put(document, paths["label"], None)
    return orjson.dumps(document)


_parsed = cache(parse_path)
"""A configuration has few paths, and a stream many records."""


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    *outer, name = _parsed(path)
    for part in outer:
        document = document.setdefault(part, {})
        if not isinstance(document, dict):
            raise Unwritable(f"mapping: cannot write {path}: {part} holds a value already")
    document[name] = value
