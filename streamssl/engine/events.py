"""What becomes of an event: it is predicted, learnt from as unlabelled, and waits for a label.

============  =============================================================================================
case          rule
============  =============================================================================================
predicted     exactly one prediction goes out
repeated      an event with this explicit id waits already, as with producers that send at least once: it was
              predicted and learnt from, and is not again; a label that it brings now is a label
invalid       it cannot be read or used: dead letter
============  =============================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streamssl.engine.labels import apply_label, process_label
from streamssl.engine.outcome import Outcome
from streamssl.engine.predicting import predict
from streamssl.engine.state import EngineState
from streamssl.messages import Event, Invalid, dead_letter, decode_event, label_of_event
from streamssl.transport.base import Record

EXPIRE_EVERY = 1_024
"""Events after which the pending store drops what is too old: at the same events however batches are cut."""


class _Arrived(NamedTuple):
    """An event and when it was produced (ms)."""

    event: Event
    arrival: int
    is_repeat: bool = False


def process_events(state: EngineState, records: Sequence[Record], now: int, outcome: Outcome) -> None:
    """Predict and learn from a run of records of the events topics.

    Parameters
    ----------
    now
        `Batch.time`: no event counts as having arrived later than this.
    """
    arrived = _decoded(state, records, now, outcome)
    while arrived:
        room = EXPIRE_EVERY - state.pending.next_sequence % EXPIRE_EVERY
        marked = _mark_repeats(state, arrived[:room])
        arrived = arrived[room:]
        for run in _up_to_each_labelled(state, marked):
            fresh = [each for each in run if not each.is_repeat]
            if fresh:
                predict(state, [each.event for each in fresh], [each.arrival for each in fresh], outcome)
            _apply_labels_at_hand(state, run[-1], outcome)
        if state.pending.next_sequence % EXPIRE_EVERY == 0:
            state.counts["evicted",] += state.pending.expire(state.clock)


def _decoded(state: EngineState, records: Sequence[Record], now: int, outcome: Outcome) -> list[_Arrived]:
    arrived = []
    for record in records:
        try:
            arrived.append(_Arrived(decode_event(record, state.mapper), min(record.timestamp, now)))
        except Invalid as error:
            outcome.messages.append(dead_letter(record, error, state.settings.topics.dead_letters))
    state.counts["events", "invalid"] += len(records) - len(arrived)
    return arrived


def _mark_repeats(state: EngineState, arrived: Sequence[_Arrived]) -> list[_Arrived]:
    """Mark the repeated events that bring a label, and leave the other repeated ones out."""
    waits = state.pending.contains([each.event.id for each in arrived])
    seen: set[str] = set()
    marked = []
    for each, waits_already in zip(arrived, waits, strict=True):
        event = each.event
        if event.has_own_id and (waits_already or event.id in seen):
            state.counts["events", "repeated"] += 1
            if event.label is not None:
                marked.append(each._replace(is_repeat=True))
            continue
        seen.add(event.id)
        marked.append(each)
    return marked


def _up_to_each_labelled(state: EngineState, arrived: Sequence[_Arrived]) -> Iterator[Sequence[_Arrived]]:
    """Cut so that an event with a label at hand ends its run: the label is applied right after its event."""
    begin = 0
    for i, (event, *_) in enumerate(arrived, start=1):
        at_hand = event.id in state.waiting or event.id in state.undecided
        if event.label is not None or at_hand or i == len(arrived):
            yield arrived[begin:i]
            begin = i


def _apply_labels_at_hand(state: EngineState, last: _Arrived, outcome: Outcome) -> None:
    event, arrival, _ = last
    if event.label is not None:
        pending = state.pending.find(event.id)
        assert pending is not None, "it was appended a moment ago, or is repeated"
        example = apply_label(state, label_of_event(event), arrival, pending, outcome)
        if example is not None:
            outcome.messages.append(example)
    # Given up on, but not decided: the event came late, or with a partition of a worker that has died.
    for record in (*state.undecided.take(event.id), *state.waiting.take(event.id)):
        process_label(state, record, outcome)
