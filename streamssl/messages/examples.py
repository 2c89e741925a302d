"""The example: an event's row joined with its label, so that every worker can learn the same from it.

It names its columns and classes, since workers number them in the order in which they met them. Binary parts are
little-endian arrays in base64; a float32 is written as the shortest decimal that reads back to the same bits.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import ValidationError

from streamssl.messages.invalid import Invalid
from streamssl.messages.records import ExampleRecord
from streamssl.transport.base import Record


class ExampleMemory(NamedTuple):
    """What was said when the event passed."""

    classes: tuple[str, ...]
    """The k classes that were known."""
    experts: Mapping[str, NDArray[np.uint8]]
    """Expert -> (k,) its probabilities, as round(255 p)."""
    context: NDArray[np.float32]
    """(h, d) moving averages of the columns before the event, columns as in ``features``."""
    decision: str | None
    confidence: float
    """Probability of the decision."""
    position: int = 0
    """How many events its worker had observed before."""


class Example(NamedTuple):
    """An event's features joined with its label."""

    event_id: str
    features: Mapping[str, float]
    """Encoded columns by name; empty in a retraction."""
    label: str | None
    """None with ``excluded`` empty: a retraction."""
    excluded: tuple[str, ...] = ()
    """Classes that it is not."""
    confidence: float | None = None
    """Probability that the label is right; None: taken as right."""
    time: int = 0
    """When the label was given, ms since the epoch."""
    annotator: str | None = None
    soft: tuple[tuple[str, float], ...] | None = None
    """Classes with their probabilities, to be learnt instead of the label as it is; they need not sum to 1."""
    answers: tuple[tuple[str | None, str], ...] = ()
    """Annotator and label of each answer that is to be counted; None: the labels without an annotator."""
    memory: ExampleMemory | None = None


def encode_example(example: Example) -> bytes:
    """Return the value of an example record."""
    memory = example.memory
    value: dict[str, Any] = {
        "event_id": example.event_id,
        "features": {name: np.float32(column) for name, column in example.features.items()},
        "label": example.label,
        "not": list(example.excluded),
        "confidence": example.confidence,
        "time": example.time,
        "annotator": example.annotator,
        "soft": None if example.soft is None else dict(example.soft),
        "answers": [{"annotator": annotator, "label": label} for annotator, label in example.answers],
        "memory": None
        if memory is None
        else {
            "classes": list(memory.classes),
            "experts": {name: b64encode(said.tobytes()).decode() for name, said in memory.experts.items()},
            "context": b64encode(memory.context.astype("<f4").tobytes()).decode(),
            "decision": memory.decision,
            "confidence": np.float32(memory.confidence),
            "position": memory.position,
        },
    }
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def decode_example(record: Record) -> Example:
    """Read one record of the examples topic; a null value is a retraction.

    Raises
    ------
    Invalid
        Naming the field that cannot be used.

    Examples
    --------
    >>> memory = ExampleMemory(("a",), {"cauchy": np.array([255], np.uint8)}, np.ones((2, 1), np.float32), "a", 0.5)
    >>> example = Example("e1", {"x": np.float32(0.1)}, "a", memory=memory)
    >>> decoded = decode_example(Record("examples", 0, 0, 0, b"e1", encode_example(example)))
    >>> np.float32(decoded.features["x"]) == np.float32(0.1), decoded.memory.context.shape
    (np.True_, (2, 1))
    """
    if record.value is None:
        return Example(_key(record), {}, None)
    try:
        value = ExampleRecord.model_validate_json(record.value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Invalid("decode", ".".join(map(str, first["loc"])), first["msg"]) from None
    if value.soft is not None and sum(value.soft.values()) <= 0:
        raise Invalid("decode", "soft", "must have a share above 0")
    return Example(
        event_id=value.event_id,
        features=value.features,
        label=value.label,
        excluded=tuple(value.excluded),
        confidence=value.confidence,
        time=value.time,
        annotator=value.annotator,
        soft=None if value.soft is None else tuple(value.soft.items()),
        answers=tuple((answer.annotator, answer.label) for answer in value.answers),
        memory=None if value.memory is None else _memory(value),
    )


def _memory(value: ExampleRecord) -> ExampleMemory:
    memory = value.memory
    assert memory is not None, "the caller has looked"
    experts = {name: np.frombuffer(_binary(said, "experts"), np.uint8) for name, said in memory.experts.items()}
    if len(set(memory.classes)) < len(memory.classes):
        raise Invalid("decode", "memory.classes", "must name each class once")
    if any(len(said) != len(memory.classes) for said in experts.values()):
        raise Invalid("decode", "memory.experts", "must have one byte for each class")
    if memory.decision is not None and memory.decision not in memory.classes:
        raise Invalid("decode", "memory.decision", "is none of its classes")
    context = _binary(memory.context, "context")
    row_bytes = 4 * len(value.features)
    if (row_bytes == 0 and context) or (row_bytes and len(context) % row_bytes):
        raise Invalid("decode", "memory.context", "must have one float32 for each column and average")
    averages = np.frombuffer(context, "<f4").astype(np.float32)
    if not np.isfinite(averages).all():
        raise Invalid("decode", "memory.context", "must be finite")
    return ExampleMemory(
        classes=tuple(memory.classes),
        experts=experts,
        context=averages.reshape(-1, max(1, len(value.features))) if row_bytes else averages.reshape(0, 0),
        decision=memory.decision,
        confidence=memory.confidence,
        position=memory.position,
    )


def _binary(text: str, field: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise Invalid("decode", f"memory.{field}", "is not base64") from None


def _key(record: Record) -> str:
    try:
        key = (record.key or b"").decode()
    except UnicodeDecodeError:
        key = ""
    if not key:
        raise Invalid("decode", "key", "a retraction needs the event id as its key")
    return key
