"""What becomes of an example: it is made when a label meets its event, and learnt when it comes back.

============  =============================================================================================
case          rule
============  =============================================================================================
learnt        the learner and the twin learn it, scored with what was said when the event passed
corrected     an example of this event was learnt with another label: that one is forgotten first
duplicate     this very example was learnt lately: nothing is learnt
retracted     a null value: what was learnt is forgotten, as far as a learner can
invalid       it cannot be read or used: dead letter, see `streamssl.engine.verdicts`
============  =============================================================================================

With every example `streamssl.engine.annotators` counts who said what.

An example names its columns and classes, because every worker numbers them in the order in which it met them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from streamssl.engine.consensus import Consensus
from streamssl.engine.learnt import Said
from streamssl.engine.pending.store import Pending
from streamssl.engine.state import EngineState
from streamssl.engine.waiting import RecordName
from streamssl.features.column_names import parse
from streamssl.learners.context import HORIZONS
from streamssl.learners.mixture import Memory
from streamssl.messages import (
    Example,
    ExampleMemory,
    Invalid,
    Label,
    answered,
    decode_example,
    encode_example,
    is_answer_alone,
)
from streamssl.transport.base import Message, Record

RETRACTION = Said(None)


def joined_example(
    state: EngineState, label: Label, pending: Pending | None, agreed: Consensus | None = None
) -> Message:
    """Return the example that a label makes of its event, or of the features that it brought itself.

    Parameters
    ----------
    label
        The newest of the answers about the event.
    agreed
        What all of them come to; None: there is but this one, and it is learnt as it is.
    """
    if agreed is None:
        agreed = Consensus(label.label, label.excluded, None, ())
    if pending is None:
        [rows] = state.encoder.encode([label.features or {}])
        features, memory = state.encoder.to_columns(rows[0]), None
    else:
        features, memory = state.encoder.to_columns(pending.row), _memory_of(state, pending)
    example = Example(
        event_id=label.event_id,
        features=features,
        label=agreed.label,
        excluded=agreed.excluded,
        confidence=label.confidence,
        time=label.time,
        annotator=label.annotator,
        soft=agreed.soft,
        answers=agreed.answers,
        memory=memory,
    )
    return Message(state.settings.topics.examples, label.event_id.encode(), encode_example(example))


def process_example(state: EngineState, record: Record) -> None:
    """Learn one record of the examples topic."""
    _settle(state, record)
    if is_answer_alone(record):
        return
    try:
        example = decode_example(record)
        _check_columns(example)
        _check_classes(state, example)
    except Invalid:
        state.counts["examples", "invalid"] += 1
        state.undecided.add("", record)
        return
    state.counts["examples", _apply(state, example)] += 1


def _settle(state: EngineState, record: Record) -> None:
    """Be done with the label that a record answers, also where it has not been read yet."""
    name = answered(record)
    if name is None or name[0] not in state.settings.topics.labels:
        return
    label = RecordName(*name)
    for place in (state.waiting, state.undecided):
        if label in place.names():
            place.take_one(label)
            state.counts["labels", "settled"] += 1
            return
    if label.offset < state.positions.get(label[:2], 0):
        return
    if len(state.answered_early) >= state.settings.pending.max_waiting_labels:
        # Those that will not be read: a worker that is new to its group begins behind what is decided.
        state.answered_early = {
            each for each in state.answered_early if each.offset >= state.positions.get(each[:2], 0)
        }
    if len(state.answered_early) < state.settings.pending.max_waiting_labels:
        state.answered_early.add(label)


def _check_columns(example: Example) -> None:
    try:
        for name in example.features:
            parse(name)
    except ValueError as error:
        raise Invalid("decode", "features", str(error)[:256]) from None


def _check_classes(state: EngineState, example: Example) -> None:
    """Refuse to grow without end where labels are not classes but, say, free text."""
    remembered = example.memory.classes if example.memory else ()
    named = {*_spoken_of(example), *remembered} - set(state.classes)
    most = state.settings.learner.max_classes
    if len(state.classes) + len(named) > most:
        raise Invalid("learn", "label", f"would be one more than {most} classes (learner.max_classes)")


def _spoken_of(example: Example) -> Iterator[str]:
    """Yield the classes that an example's label names."""
    yield from example.excluded
    yield from (name for name, _ in example.soft or ())
    yield from (label for _, label in example.answers)
    if example.label is not None:
        yield example.label


def _apply(state: EngineState, example: Example) -> str:
    """Learn or forget; return the case."""
    key = key_of(example.event_id)
    said = Said(example.label, example.excluded, example.soft, example.answers)
    learnt = state.learnt.get(key)
    if said.is_heard(learnt):
        return "duplicate"
    teaches_the_same = learnt is not None and learnt.teaches_like(said)
    if learnt is not None and not teaches_the_same:
        _forget(state, key)
    if said == RETRACTION:
        state.annotators.replace(key, learnt, None, state.class_number)
        return "retracted"
    if not teaches_the_same:
        _learn(state, example, key)
    state.annotators.replace(key, learnt, said, state.class_number)
    state.learnt.put(key, said)
    if learnt is None:
        return "learnt"
    return "duplicate" if teaches_the_same else "corrected"


def _learn(state: EngineState, example: Example, key: int) -> None:
    remembered = example.memory.classes if example.memory else ()
    for name in (*remembered, *_spoken_of(example)):
        state.class_number(name)
    row, *context = _rows(state, example)
    state.grow(n_columns=len(row))
    memory = _memory_for(state, example, context)
    rows = row[None]
    target = _target(state, example, rows)
    weight = np.array([target.any()], dtype=np.float32)  # "none of these" of all known classes says nothing
    keys = np.array([key], dtype=np.int64)
    if memory is not None and example.label is not None and memory.decisions[0] >= 0:
        decision = int(memory.decisions[0])
        # Not what the annotators come to with the model as the prior: it would vouch for itself.
        said = target if example.soft is None else _one_hot(state, example.label)
        state.gates.observe(decision, float(memory.probabilities[0, decision]), float(said[0, decision]))
    state.learner.learn(rows, target, weight, memory, keys)
    if state.settings.learner.twin != "off":
        state.twin.learn(rows, target, weight, None, keys)
    state.leaks.observe(row, int(target[0].argmax()))


def _forget(state: EngineState, key: int) -> None:
    keys = np.array([key], dtype=np.int64)
    state.learner.forget(keys)
    state.twin.forget(keys)
    state.learnt.remove(key)


def _target(state: EngineState, example: Example, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the class probabilities (1, k) that the label stands for.

    A label given with confidence c leaves 1 - c to the other classes. "Not these classes" becomes what the
    learner believes now, without them. What annotators come to is a probability for each class.
    """
    n_classes = len(state.classes)
    if example.label is None:
        target = state.learner.predict(rows).probabilities + np.float32(1e-6)
        target[0, [state.class_number(name) for name in example.excluded]] = 0
        target /= np.maximum(target.sum(), np.float32(1e-12))
        return target
    if example.soft is not None:
        target = np.zeros((1, n_classes), dtype=np.float32)
        for name, share in example.soft:
            target[0, state.class_number(name)] = share
        target /= target.sum()
        return target
    confidence = 1.0 if example.confidence is None or n_classes == 1 else example.confidence
    target = np.full((1, n_classes), (1 - confidence) / max(1, n_classes - 1), dtype=np.float32)
    target[0, state.class_number(example.label)] = confidence
    return target


def _one_hot(state: EngineState, label: str) -> NDArray[np.float32]:
    target = np.zeros((1, len(state.classes)), dtype=np.float32)
    target[0, state.class_number(label)] = 1
    return target


def _memory_of(state: EngineState, pending: Pending) -> ExampleMemory:
    """Name the parts of what a pending event remembers."""
    classes = state.classes[: pending.experts.shape[1]]
    return ExampleMemory(
        classes=tuple(classes),
        experts=dict(zip(state.learner.expert_names, pending.experts, strict=True)),
        context=pending.context,
        decision=None if pending.decision < 0 else classes[pending.decision],
        confidence=pending.confidence,
        position=pending.position,
    )


def _rows(state: EngineState, example: Example) -> list[NDArray[np.float32]]:
    """Return the example's row and those of its averages, all as wide as the widest.

    The averages may bring columns: of a category that events before this one had.
    """
    columns = [example.features]
    if example.memory is not None:
        columns += [dict(zip(example.features, each, strict=True)) for each in example.memory.context]
    rows = [state.encoder.from_columns(each) for each in columns]
    if len(rows[0]) < len(rows[-1]):
        rows = [state.encoder.from_columns(each) for each in columns]
    return rows


def _memory_for(state: EngineState, example: Example, context: list[NDArray[np.float32]]) -> Memory | None:
    """Return what was said of the event, in this worker's order of experts, classes and columns.

    None where the example brings no memory, or one of other experts or averages: the learner then asks its
    experts now. A position counts the events of the worker that saw this one; workers that share the partitions
    evenly count alike.
    """
    said = example.memory
    names = state.learner.expert_names
    if said is None or set(said.experts) != set(names):
        return None
    if not context:  # of an event without columns there are no averages to be sent
        context = [state.encoder.from_columns({})] * len(HORIZONS)
    if len(context) != len(HORIZONS):
        return None
    n_classes = len(state.classes)
    numbers = [state.class_number(name) for name in said.classes]
    experts = np.zeros((1, len(names), n_classes), dtype=np.uint8)
    for i, name in enumerate(names):
        experts[0, i, numbers] = said.experts[name]
    probabilities = np.zeros((1, n_classes), dtype=np.float32)
    decision = -1 if said.decision is None else state.class_number(said.decision)
    if decision >= 0:
        probabilities[0, decision] = said.confidence
    return Memory(
        probabilities=probabilities,
        decisions=np.array([decision], dtype=np.int64),
        experts=experts,
        context=np.array(context, dtype=np.float32)[None],
        positions=np.array([said.position], dtype=np.int64),
    )


def key_of(event_id: str) -> int:
    """Return the number by which the learner remembers an example."""
    return int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=8).digest(), signed=True)
