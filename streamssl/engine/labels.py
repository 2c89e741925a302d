"""What becomes of a label, case by case. Every case has a name, which is its counter and its test.

========================  =====================================================================================
case                      rule
========================  =====================================================================================
joined                    the event is pending and has no label: an example goes out
duplicate                 this annotator has given the event this very label: nothing happens
corrected                 this annotator has given it another label: their last one holds, an example goes out
combined                  another annotator has labelled it: an example of what both come to goes out
retracted                 ``label: null`` or a null record: that annotator's answer is taken back, all answers where
                          none is named; an example of what is left goes out, or the event is unlabelled again.
                          Where all they had said is "I don't know", that is taken back: the request is open again
abstained                 "I don't know" is an answer, not a label: nothing is learnt. What that annotator had said
                          before holds no more (where they are named: else nobody knows that it is the same one)
early                     the event is not known: the label waits for it
settled                   another worker had the event: its answer came while the label waited here
from_features             nobody knows the event, but the label brought its features: they are learnt from
unmatched                 nobody knows the event, or not any more: dead letter
invalid                   it cannot be read or used: dead letter
========================  =====================================================================================

Labels without an annotator count as those of one annotator. What several answers come to:
`streamssl.engine.consensus`.

What a label teaches goes through the ``examples`` topic and is learnt when it comes back from there, by this
worker as by all others. Where there are several, one of them speaks for all about the last three cases: see
`streamssl.engine.verdicts`.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamssl.engine.consensus import Consensus, consensus, said_when_it_passed
from streamssl.engine.examples import joined_example, key_of
from streamssl.engine.outcome import Outcome
from streamssl.engine.pending.store import Pending
from streamssl.engine.scoring import abstain, answer, answer_unfairly, fair_answers, score, unabstain, unscore
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
        example = _withdraw(state, label, pending)
        abstain(state, label, pending)
        return example
    earlier = state.book.get(pending.sequence)
    own = next((each for each in earlier if each.annotator == label.annotator), None)
    example = None
    if label.label is None and not label.excluded:
        is_given = own is not None or (label.annotator is None and bool(earlier))
        had_abstained = state.book.take_back_abstention(pending.sequence, label.annotator)
        case = "retracted" if is_given or had_abstained else "duplicate"
        if is_given:
            example = _retract(state, label, pending)
        elif had_abstained:
            unabstain(state, pending)
    elif own is not None and (own.label, own.excluded) == (label.label, label.excluded):
        case = "duplicate"
        if own.request_id is None and label.request_id is not None:
            # They had said so unasked. There is nothing new to be learnt, but now the question is answered.
            state.book.put(pending.sequence, label, state.pending.first)
            _judge(state, pending)
    else:
        case = "corrected" if own else "combined" if earlier else "joined"
        state.book.put(pending.sequence, label, state.pending.first)
        example = _example_of_all(state, pending)
        outcome.label_delays.append(max(0, arrival - pending.arrival) / 1_000)
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
    state.book.remove(pending.sequence, label.annotator)
    unscore(state, pending)
    if state.book.get(pending.sequence):
        return _example_of_all(state, pending)
    return Message(state.settings.topics.examples, label.event_id.encode(), None)


def _withdraw(state: EngineState, label: Label, pending: Pending) -> Message | None:
    """Take back the label of an annotator who does not know any more: their last answer holds."""
    if label.annotator not in {each.annotator for each in state.book.get(pending.sequence)} - {None}:
        return None
    return _retract(state, label, pending)


def _example_of_all(state: EngineState, pending: Pending) -> Message:
    """Return the example that all answers to an event make of it, and compare it with what was predicted."""
    agreed = _judge(state, pending)
    return joined_example(state, state.book.get(pending.sequence)[-1], pending, agreed)


def _judge(state: EngineState, pending: Pending) -> Consensus:
    """Compare what all answers to an event come to with what was predicted, and return it."""
    given = state.book.get(pending.sequence)
    agreed = _consensus(state, given, pending)
    score(state, agreed, pending)
    if fair := fair_answers(given):
        answer(state, agreed if len(fair) == len(given) else _consensus(state, fair, pending), pending)
    else:
        answer_unfairly(state, given, pending)
    return agreed


def _consensus(state: EngineState, given: Sequence[Label], pending: Pending) -> Consensus:
    return consensus(
        key_of(given[-1].event_id),
        given,
        said_when_it_passed(pending.experts, pending.decision, pending.confidence),
        state.classes,
        state.learnt,
        state.annotators,
        state.settings.annotators,
    )
