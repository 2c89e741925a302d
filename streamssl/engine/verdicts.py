"""Who says that nobody can use a label: one worker for all, after all of them have looked.

Every worker reads every label, and only the one that predicted its event can join it. Which leaves the label whose
event nobody knows, the one that cannot be read, and the example that cannot be learnt: each of N workers sees them,
and one dead letter must come of it.

1. A worker that cannot use a record of ``labels`` (its event unknown after `pending.label_wait_seconds`) or of
   ``examples`` puts it among the undecided.
2. Whoever joins a label, or finds that there is nothing to learn from it, says so on ``examples``, in a header that
   names the label; with that, the others are done with it.
3. In the transaction of its batch every worker says how far it has given up on labels: below that offset, whatever
   it could use, it has answered.
4. The judge, who is the worker that owns the first partition of the events, decides what is left once all others
   have given up on it and their answers have been read. It commits how far everything is decided as the group's
   offset of the labels, which Kafka takes from one owner at a time only; the next judge goes on from there.

A worker that is down holds verdicts up, rightly: it may know the event. One that is gone for good is taken off the
list by `streamssl workers retire`.
"""

from __future__ import annotations

import math

from streamssl.engine.examples import joined_example
from streamssl.engine.outcome import Outcome
from streamssl.engine.state import EngineState
from streamssl.engine.view import View
from streamssl.messages import Invalid, answers, dead_letter, decode_example, decode_label
from streamssl.transport.base import Marks, Record

Partition = tuple[str, int]


def give_up_on_old_labels(state: EngineState) -> None:
    """Put labels whose event should have come by now among the undecided."""
    wait = 1_000 * state.settings.pending.label_wait_seconds
    while (oldest := state.waiting.oldest()) is not None and oldest[1].timestamp + wait <= state.horizon:
        state.undecided.add(*state.waiting.take_one(oldest[0]))


def decide(state: EngineState, view: View, outcome: Outcome) -> None:
    """Drop what the judge has decided; as the judge, decide what all others have given up on.

    In each partition in offset order, so that one offset says how far all is decided.
    """
    excess = len(state.undecided) - state.settings.pending.max_waiting_labels
    held_up: set[Partition] = set()
    for i, (name, record) in enumerate(state.undecided.by_offset()):
        partition = (name.topic, name.partition)
        if name.offset < view.decided.get(partition, 0):
            state.undecided.take_one(name)
        elif partition not in held_up and name.offset < (
            _own_limit(state, partition) if i < excess else _given_up(state, view, partition)
        ):
            state.undecided.take_one(name)
            if view.is_judge:
                _judge(state, record, outcome)
        else:
            held_up.add(partition)


def marks(state: EngineState, is_judge: bool) -> Marks:
    """Return what the others may know: how far this worker has given up, and as the judge what is decided."""
    # What is told even before a label was read: that this worker is there.
    given_up: dict[Partition, int] = {(topic, 0): 0 for topic in state.settings.topics.labels}
    decided: dict[Partition, int] = {}
    topics = state.settings.topics
    for partition in sorted(state.positions):
        if partition[0] not in (*topics.labels, topics.examples):
            continue  # of the events, or of a topic that has left the configuration
        first = state.waiting.first_offset(*partition)
        at = state.positions[partition] if first is None else first
        undecided = state.undecided.first_offset(*partition)
        decided[partition] = at if undecided is None else min(at, undecided)
        if partition[0] in state.settings.topics.labels:
            given_up[partition] = at
    return Marks(given_up, decided if is_judge else {})


def _given_up(state: EngineState, view: View, partition: Partition) -> float:
    """Return the offset below which this worker may decide."""
    if not view.is_judge:
        return 0
    others: float = math.inf
    if view.given_up is not None and partition[0] != state.settings.topics.examples:
        others = view.given_up.get(partition, 0)
    return min(others, _own_limit(state, partition))


def _own_limit(state: EngineState, partition: Partition) -> float:
    """Return the offset of the first label that still waits here: what lies behind it is not decided before it."""
    first = state.waiting.first_offset(*partition)
    return math.inf if first is None else first


def _judge(state: EngineState, record: Record, outcome: Outcome) -> None:
    dead_letters = state.settings.topics.dead_letters
    try:
        if record.topic == state.settings.topics.examples:
            decode_example(record)
            raise Invalid("learn", "label", f"would be one more than {state.settings.learner.max_classes} classes")
        label = decode_label(record, state.mapper)
    except Invalid as error:
        outcome.messages.append(dead_letter(record, error, dead_letters))
        return
    if label.features is not None and (label.label is not None or label.excluded):
        state.counts["labels", "from_features"] += 1
        outcome.messages.append(answers(record, joined_example(state, label, None)))
        return
    state.counts["labels", "unmatched"] += 1
    unmatched = Invalid("join", "event_id", "the event is unknown here or no longer waits for a label")
    outcome.messages.append(dead_letter(record, unmatched, dead_letters))
