"""What a label says about the predictions that were made when its event passed.

All labels enter the plain accuracy. Only *fair* answers enter the live accuracy, which speaks for all events: those
to a review request, given without having seen the guess. See `streamssl.engine.live_accuracy`.
"""

from __future__ import annotations

from collections.abc import Sequence

from streamssl.engine.consensus import Consensus
from streamssl.engine.pending.store import Pending
from streamssl.engine.scores import Scored
from streamssl.engine.state import EngineState
from streamssl.messages import Label


def fair_answers(given: Sequence[Label]) -> list[Label]:
    """Return the answers to a request by those who had not seen the guess: nothing made them agree with it."""
    return [each for each in given if each.request_id is not None and not each.seen_prediction]


def score(state: EngineState, agreed: Consensus, pending: Pending) -> None:
    """Compare what all labels come to with what was predicted when the event passed."""
    if pending.decision < 0 or agreed.label is None:
        return
    right = state.classes[pending.decision] == agreed.label
    twin_right = None if pending.twin < 0 else state.classes[pending.twin] == agreed.label
    state.scores.put(pending.sequence, Scored(right, twin_right, was_pseudo_label=pending.pseudo >= 0))


def answer(state: EngineState, agreed: Consensus, pending: Pending) -> None:
    """Take note of what the fair answers come to."""
    if pending.decision < 0:
        state.sampler.answered(pending.sequence)
        return
    right = _is_right(state, pending.decision, agreed)
    twin_right = None if pending.twin < 0 else _is_right(state, pending.twin, agreed)
    state.live_accuracy.answer(pending.sequence, right, twin_right)
    state.sampler.answered(pending.sequence, None if right is None else pending.confidence - right)


def answer_unfairly(state: EngineState, given: Sequence[Label], pending: Pending) -> None:
    """Take note that a request, if these labels answer one, was answered only by those who had seen the guess."""
    state.live_accuracy.supersede(pending.sequence)
    if any(each.request_id is not None for each in given):
        state.live_accuracy.see(pending.sequence)
        state.sampler.answered(pending.sequence)


def abstain(state: EngineState, label: Label, pending: Pending) -> None:
    """Take note that somebody does not know."""
    if label.request_id is not None:
        state.book.abstain(pending.sequence, label.annotator, state.pending.first)
        state.live_accuracy.abstain(pending.sequence)
        state.sampler.answered(pending.sequence)


def unabstain(state: EngineState, pending: Pending) -> None:
    """Open a request again if nothing is left of its answers, now that an "I don't know" was taken back."""
    if state.book.has_abstained(pending.sequence):
        return
    state.live_accuracy.reopen(pending.sequence)
    if all(each.request_id is None for each in state.book.get(pending.sequence)):
        state.sampler.reopen(pending.sequence)


def unscore(state: EngineState, pending: Pending) -> None:
    """Take back what a retracted label said."""
    state.scores.remove(pending.sequence)
    state.live_accuracy.take_back(pending.sequence)
    if state.book.has_abstained(pending.sequence):
        state.live_accuracy.abstain(pending.sequence)
    else:
        state.sampler.reopen(pending.sequence)


def _is_right(state: EngineState, decision: int, agreed: Consensus) -> bool | None:
    """Tell whether a decision is right; None where it is only known what else it is not."""
    name = state.classes[decision]
    if agreed.label is not None:
        return name == agreed.label
    return False if name in agreed.excluded else None
