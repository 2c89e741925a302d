"""What becomes of a label, case by case. Every case has a name, which is its counter and its test.

========================  =====================================================================================
case                      rule
========================  =====================================================================================
joined                    the event is pending and has no label: an example goes out
duplicate                 the event has this very label: nothing happens
corrected                 the event has another label: the last one holds, a correcting example goes out
retracted                 ``label: null`` or a null record: the example is taken back, the event is unlabelled again
abstained                 "I don't know" is an answer, not a label: nothing is learnt
early                     the event is not known: the label waits for it
settled                   another worker had the event: its example came while the label waited here
from_features             the wait is over, but the label brought the event's features: they are learnt from
unmatched                 the wait is over, or too many wait: unknown or expired event, dead letter
invalid                   it cannot be read or used: dead letter
========================  =====================================================================================

What a label teaches goes through the ``examples`` topic and is learnt when it comes back from there, by this
worker as by all others.
"""

from __future__ import annotations

from streamssl.engine.examples import joined_example
from streamssl.engine.label_book import GivenLabel
from streamssl.engine.outcome import Outcome
from streamssl.engine.pending.store import Pending
from streamssl.engine.scores import Scored
from streamssl.engine.state import EngineState
from streamssl.messages import Invalid, Label, dead_letter, decode_label
from streamssl.transport.base import Message, Record


def process_label(state: EngineState, record: Record, outcome: Outcome) -> None:
    """Apply one record of a labels topic."""
    try:
        label = decode_label(record, state.mapper)
    except Invalid as error:
        state.counts["labels", "invalid"] += 1
        outcome.messages.append(dead_letter(record, error, state.settings.topics.dead_letters))
        return
    pending = state.pending.find(label.event_id)
    if pending is None:
        _let_wait(state, label, record, outcome)
    else:
        apply_label(state, label, record.timestamp, pending, outcome)


def apply_label(state: EngineState, label: Label, arrival: int, pending: Pending, outcome: Outcome) -> None:
    """Apply a label, which came at ``arrival`` (ms), to its pending event."""
    if label.abstain:
        state.counts["labels", "abstained"] += 1
        return
    given = GivenLabel(label.label, label.excluded)
    earlier = state.book.get(pending.sequence)
    if given == GivenLabel(None, ()):
        case = "retracted" if earlier else "duplicate"
        if earlier:
            _retract(state, label, pending, outcome)
    elif earlier == given:
        case = "duplicate"
    else:
        case = "corrected" if earlier else "joined"
        state.book.put(pending.sequence, given, state.pending.first)
        outcome.messages.append(joined_example(state, label, pending))
        outcome.label_delays.append(max(0, arrival - pending.arrival) / 1_000)
        _score(state, label, pending)
        if case == "joined" and pending.pseudo >= 0 and label.label is not None:
            right = state.classes[pending.pseudo] == label.label
            state.counts["pseudo_labels_checked", "right" if right else "wrong"] += 1
    state.counts["labels", case] += 1


def settle_waiting_labels(state: EngineState, outcome: Outcome) -> None:
    """Give up on labels whose event should have come by now."""
    wait = 1_000 * state.settings.pending.label_wait_seconds
    while (oldest := state.waiting.oldest_timestamp()) is not None and oldest + wait <= state.horizon:
        _give_up_oldest(state, outcome)


def _let_wait(state: EngineState, label: Label, record: Record, outcome: Outcome) -> None:
    state.counts["labels", "early"] += 1
    state.waiting.add(label.event_id, record)
    if len(state.waiting) > state.settings.pending.max_waiting_labels:
        _give_up_oldest(state, outcome)


def _give_up_oldest(state: EngineState, outcome: Outcome) -> None:
    record = state.waiting.take_oldest()
    label = decode_label(record, state.mapper)
    if label.features is not None and (label.label is not None or label.excluded):
        state.counts["labels", "from_features"] += 1
        outcome.messages.append(joined_example(state, label, None))
        return
    state.counts["labels", "unmatched"] += 1
    error = Invalid("join", "event_id", "the event is unknown here or no longer waits for a label")
    outcome.messages.append(dead_letter(record, error, state.settings.topics.dead_letters))


def _retract(state: EngineState, label: Label, pending: Pending, outcome: Outcome) -> None:
    state.book.remove(pending.sequence)
    for scores in state.scores.values():
        scores.remove(pending.sequence)
    outcome.messages.append(Message(state.settings.topics.examples, label.event_id.encode(), None))


def _score(state: EngineState, label: Label, pending: Pending) -> None:
    """Compare the label with what was predicted when the event passed."""
    if label.label is None or pending.decision < 0:
        return
    scored = Scored(
        right=state.classes[pending.decision] == label.label,
        twin_right=None if pending.twin < 0 else state.classes[pending.twin] == label.label,
        was_pseudo_label=pending.pseudo >= 0,
    )
    state.scores["all"].put(pending.sequence, scored)
    if pending.propensity > 0 and label.request_id is not None and not label.seen_prediction:
        state.scores["asked"].put(pending.sequence, scored)
