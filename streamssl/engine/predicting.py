"""Predict a run of events, learn from them as unlabelled, let them wait for labels, and say what was predicted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamssl.engine.asking import CAPPED_BY_HOUR, REASONS, Drawn, Said
from streamssl.engine.live_accuracy import Observed
from streamssl.engine.outcome import Outcome
from streamssl.engine.pending.store import Extras
from streamssl.engine.state import EngineState
from streamssl.messages import Event, encode_prediction, encode_review_request, iso_times
from streamssl.transport.base import Message


class _Decided(NamedTuple):
    """What is said about a block of n events, as plain lists: the numbers go into JSON one by one."""

    times: list[str]
    probabilities: list[list[float]]
    decisions: list[int]
    confidences: list[float]
    promised: list[float | None]
    """Precision of the pseudo-label; None where the prediction is none."""
    propensities: list[float]
    """0 where nobody is asked."""
    reasons: list[int]
    """Why somebody is."""
    twins: list[int]


def predict(state: EngineState, events: Sequence[Event], arrivals: Sequence[int], outcome: Outcome) -> None:
    """Process a run of events without a label in between.

    Parameters
    ----------
    arrivals
        When each was produced, ms.
    """
    begin = 0
    for rows in state.encoder.encode([event.features for event in events]):
        end = begin + len(rows)
        _predict_block(state, events[begin:end], arrivals[begin:end], rows, outcome)
        begin = end
    for (trouble, _), count in state.encoder.drain_troubles().items():
        state.counts["features", trouble] += count
    state.clock = max(state.clock, *arrivals)
    state.counts["events", "predicted"] += len(events)
    outcome.arrivals.extend(arrivals)


def _predict_block(
    state: EngineState,
    events: Sequence[Event],
    arrivals: Sequence[int],
    rows: NDArray[np.float32],
    outcome: Outcome,
) -> None:
    """Process events whose rows have one width: predict, decide, let wait, say."""
    state.grow(n_columns=rows.shape[1])
    memory = state.learner.process(rows)
    confidences = memory.confidences()
    came = np.array(arrivals, dtype=np.int64)
    expires = came + 1_000 * state.settings.review.expires_after_seconds
    drawn = state.sampler.ask(
        Said(memory.probabilities, memory.decisions),
        came,
        expires,
        first=state.pending.next_sequence,
        labelled=state.labels_by_class(),
    )
    is_capped = drawn.caps > 0
    propensities = np.where(is_capped, np.float32(0), drawn.propensities)
    twins = _twin_decisions(state, rows, propensities)
    promised = state.gates.promise(memory.decisions, confidences)
    pseudo = np.where(np.isnan(promised), -1, memory.decisions)
    times = np.array([event.time for event in events], dtype=np.int64)
    first = state.pending.append(
        [event.id for event in events],
        times,
        came,
        rows,
        memory,
        Extras(propensities, pseudo, twins),
    )
    state.live_accuracy.observe(
        Observed(
            first=first,
            arrivals=came,
            expires=expires,
            decisions=memory.decisions,
            confidences=confidences,
            propensities=drawn.counted,
            pseudo=pseudo,
            twins=twins,
            is_capped=is_capped,
            promised=drawn.promised_to_count,
        ),
        state.pending.first,
    )
    outcome.probabilities.append(memory.probabilities)
    decided = _Decided(
        iso_times(times),
        _rounded(memory.probabilities),
        memory.decisions.tolist(),
        _rounded(confidences),
        [None if np.isnan(p) else round(p, 4) for p in promised.tolist()],
        [_significant(p) for p in propensities.tolist()],
        drawn.reasons.tolist(),
        twins.tolist(),
    )
    _say_predictions(state, events, decided, outcome)
    for i in np.flatnonzero(propensities).tolist():
        _ask(state, events[i], first + i, i, decided, drawn, int(expires[i]), outcome)
    for cap in drawn.caps[is_capped].tolist():
        state.counts["review_requests", "capped"] += 1
        state.counts["review_capped", "hour" if cap == CAPPED_BY_HOUR else "day"] += 1
    for decision in pseudo[pseudo >= 0].tolist():
        state.counts["pseudo_labels", state.classes[decision]] += 1


def _twin_decisions(
    state: EngineState, rows: NDArray[np.float32], propensities: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Let the twin predict the events that people are asked about: enough to compare the two fairly."""
    decisions = np.full(len(rows), -1, dtype=np.int64)
    match state.settings.learner.twin:
        case "all":
            decisions[:] = state.twin.predict(rows).decisions
        case "asked":
            asked = np.flatnonzero(propensities)
            if len(asked):
                decisions[asked] = state.twin.predict(np.ascontiguousarray(rows[asked])).decisions
    return decisions


def _say_predictions(state: EngineState, events: Sequence[Event], decided: _Decided, outcome: Outcome) -> None:
    topic, labelled = state.settings.topics.predictions, state.learner.n_labelled
    for event, time, probabilities, decision, confidence, promised, propensity, reason, twin in zip(
        events, *decided, strict=True
    ):
        value = encode_prediction(
            event,
            time=time,
            classes=state.classes,
            probabilities=probabilities,
            decision=decision,
            confidence=confidence,
            pseudo_label=promised,
            review=(REASONS[reason], propensity) if propensity else None,
            twin=twin,
            batch=state.sequence,
            labelled=labelled,
        )
        outcome.messages.append(Message(topic, event.id.encode(), value, event.headers))


def _ask(
    state: EngineState,
    event: Event,
    sequence: int,
    i: int,
    decided: _Decided,
    drawn: Drawn,
    expires: int,
    outcome: Outcome,
) -> None:
    """Ask people about one event of the block, number i of it."""
    decision = decided.decisions[i]
    reason = REASONS[decided.reasons[i]]
    request_id = _request_id(state.settings.worker_id, sequence, event.id)
    value = encode_review_request(
        event,
        time=decided.times[i],
        request_id=request_id,
        prediction={
            "label": state.classes[decision] if decision >= 0 else None,
            "confidence": decided.confidences[i],
            "probabilities": dict(zip(state.classes, decided.probabilities[i], strict=True)),
        },
        reason=reason,
        propensity=decided.propensities[i],
        key=_significant(drawn.keys[i]),
        answers=2 if _is_double(request_id, state.settings.review.doubles) else 1,
        expires=iso_times([expires])[0],
    )
    outcome.messages.append(Message(state.settings.topics.review_requests, event.id.encode(), value))
    state.counts["review_requests", "asked"] += 1
    state.counts["review_asked", reason] += 1


def _request_id(worker_id: str, sequence: int, event_id: str) -> str:
    """Name a review request: the same again when the event is replayed, another for any other event."""
    return hashlib.blake2b(f"{worker_id}/{sequence}/{event_id}".encode(), digest_size=9).hexdigest()


def _is_double(request_id: str, share: float) -> bool:
    """Tell whether two people are to answer: a share of the requests, the same ones again in a replay."""
    return int(request_id[:8], 16) < share * 2**32


def _significant(value: float) -> float:
    """Return a number with the digits that mean something, however small it is."""
    return float(f"{value:.6g}")


def _rounded(values: NDArray[np.float32]) -> Any:
    """Return probabilities as (lists of) numbers with the digits that mean something."""
    return values.astype(np.float64).round(6).tolist()
