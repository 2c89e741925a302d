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
settled                   another worker had the event: its answer came while the label waited here
from_features             nobody knows the event, but the label brought its features: they are learnt from
unmatched                 nobody knows the event, or not any more: dead letter
invalid                   it cannot be read or used: dead letter
========================  =====================================================================================

What a label teaches goes through the ``examples`` topic and is learnt when it comes back from there, by this
worker as by all others. Where there are several, one of them speaks for all about the last three cases: see
`streamssl.engine.verdicts`.
"""

from __future__ import annotations

from streamssl.engine.examples import joined_example
from streamssl.engine.label_book import GivenLabel
from streamssl.engine.outcome import Outcome
from streamssl.engine.pending.store import Pending
from streamssl.engine.scores import Scored
from streamssl.engine.state import EngineState
from streamssl.engine.waiting import RecordName
from streamssl.messages import Invalid, Label, answer_alone, answers, decode_label
from streamssl.transport.base import Message, Record


def process_label(state: EngineState, record: Record, outcome: Outcome) -> None:
    """Apply one record of a labels topic."""
    try:
        label = decode_label(record, state.mapper)
    except Invalid:
        state.counts["labels", "invalid"] += 1
        state.undecided.add("", record)
        return
    pending = state.pending.find(label.event_id)
    if pending is None:
        _let_wait(state, label, record)
        return
    said = apply_label(state, label, record.timestamp, pending, outcome)
    outcome.messages.append(answers(record, said) if said else answer_alone(record, state.settings.topics.examples))


def apply_label(
    state: EngineState, label: Label, arrival: int, pending: Pending, outcome: Outcome
) -> Message | None:
    """Apply a label, which came at ``arrival`` (ms), to its pending event; return what is to be learnt."""
    if label.abstain:
        state.counts["labels", "abstained"] += 1
        return None
    given = GivenLabel(label.label, label.excluded)
    earlier = state.book.get(pending.sequence)
    example = None
    if given == GivenLabel(None, ()):
        case = "retracted" if earlier else "duplicate"
        if earlier:
            example = _retract(state, label, pending)
    elif earlier == given:
        case = "duplicate"
    else:
        case = "corrected" if earlier else "joined"
        state.book.put(pending.sequence, given, state.pending.first)
        example = joined_example(state, label, pending)
        outcome.label_delays.append(max(0, arrival - pending.arrival) / 1_000)
        _score(state, label, pending)
        if case == "joined" and pending.pseudo >= 0 and label.label is not None:
            right = state.classes[pending.pseudo] == label.label
            state.counts["pseudo_labels_checked", "right" if right else "wrong"] += 1
    state.counts["labels", case] += 1
    return example


def _let_wait(state: EngineState, label: Label, record: Record) -> None:
    name = RecordName(*record[:3])
    if name in state.answered_early:
        state.answered_early.remove(name)
        state.counts["labels", "settled"] += 1
        return
    state.counts["labels", "early"] += 1
    state.waiting.add(label.event_id, record)
    if len(state.waiting) > state.settings.pending.max_waiting_labels:
        oldest = state.waiting.oldest()
        assert oldest is not None, "one was added a moment ago"
        state.undecided.add(*state.waiting.take_one(oldest[0]))


def _retract(state: EngineState, label: Label, pending: Pending) -> Message:
    state.book.remove(pending.sequence)
    for scores in state.scores.values():
        scores.remove(pending.sequence)
    return Message(state.settings.topics.examples, label.event_id.encode(), None)


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
