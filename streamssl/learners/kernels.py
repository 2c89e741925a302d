"""The mixture's compiled heart: predict a row, observe it, learn its label; and loops over blocks of rows.

Everything an event touches happens here, row after row, so a block of n rows and n blocks of one give the same
state bit for bit. The per-row functions allocate nothing: what they scribble on is made once a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import (
    class_prior,
    context,
    decision,
    hedge,
    labelled,
    panel,
    randomness,
    row_kind,
    standardiser,
)
from streamssl.learners.borrowing import borrow
from streamssl.learners.decision import Decision
from streamssl.learners.hedge import Hedge
from streamssl.learners.labelled import Labelled
from streamssl.learners.panel import Experts, Moments, Roles, Scratch


class State(NamedTuple):
    """All that the mixture knows."""

    generator: NDArray[np.uint64]
    """(1,) see `randomness`."""
    n_observed: NDArray[np.int64]
    """(1,) events."""
    n_labelled: NDArray[np.int64]
    """(1,) labels."""
    prior: NDArray[np.float64]
    """(k,) see `class_prior`."""
    context: NDArray[np.float32]
    """(2, d) see `context`."""
    moments: Moments
    recent: Labelled
    hedge: Hedge
    decision: Decision
    roles: Roles
    experts: Experts


class Remembered(NamedTuple):
    """What a label will need of the moment its event was predicted; see `mixture.Memory`."""

    decisions: NDArray[np.int64]
    said: NDArray[np.uint8]
    contexts: NDArray[np.float32]
    positions: NDArray[np.int64]


class Schedule(NamedTuple):
    """When the labels of a stream arrive, and where what was said of their events is kept until then."""

    classes: NDArray[np.int64]
    """(n,) class of each row; of no meaning where there is no label."""
    slots: NDArray[np.int64]
    """(n,) place that keeps the memory of each labelled row until its label arrives; -1 without a label."""
    rows: NDArray[np.int64]
    """(l,) labelled rows in the order in which their labels arrive."""
    after: NDArray[np.int64]
    """(l,) row after whose prediction each arrives; never falls."""


def new(names: Sequence[str], n_features: int, n_classes: int, seed: int, metric: str) -> State:
    """Return the state before any event."""
    width = context.view_width(n_features)
    chosen = [panel.EXPERTS[name] for name in names]
    return State(
        generator=randomness.new(seed),
        n_observed=np.zeros(1, np.int64),
        n_labelled=np.zeros(1, np.int64),
        prior=class_prior.new(n_classes),
        context=context.new(n_features),
        moments=Moments(
            standardiser.new(n_features), standardiser.new(width), standardiser.new(n_features), row_kind.new()
        ),
        recent=labelled.new(n_features, n_classes),
        hedge=hedge.new(np.array([each.early for each in chosen]), np.array([each.late for each in chosen])),
        decision=decision.new(metric, n_classes),
        roles=panel.roles(names),
        experts=panel.new(names, n_features, n_classes),
    )


def grow(state: State, names: Sequence[str], n_features: int, n_classes: int) -> State:
    """Return the state with room for more columns and classes: what it would be had they been 0 and unnamed."""
    width = context.view_width(n_features)
    moments = state.moments
    return state._replace(
        prior=class_prior.grow(state.prior, n_classes),
        context=context.grow(state.context, n_features),
        moments=Moments(
            standardiser.grow(moments.rows, n_features),
            standardiser.grow(moments.views, width),
            standardiser.grow(moments.labelled_rows, n_features),
            moments.kind,
        ),
        recent=labelled.grow(state.recent, n_features, n_classes),
        decision=decision.grow(state.decision, n_classes),
        experts=panel.grow(state.experts, names, n_features, n_classes),
    )


@njit(cache=True, nogil=True)
def _write(
    probabilities: NDArray[np.float64],
    said: NDArray[np.float64],
    out_probabilities: NDArray[np.float32],
    out_said: NDArray[np.uint8],
) -> None:
    for c in range(len(probabilities)):
        out_probabilities[c] = probabilities[c]
        for e in range(len(said)):
            out_said[e, c] = np.uint8(255.0 * said[e, c] + 0.5)


@njit(cache=True, nogil=True)
def process(
    state: State,
    observing: bool,
    rows: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    remembered: Remembered,
) -> None:
    """Predict each row, writing its memory to the last two; then, if ``observing``, observe it."""
    owned = panel.scratch(state.roles, state.experts, state.moments, len(state.prior))
    state = borrow(state)
    scratch: Scratch = borrow(owned)
    moments, roles, experts, prior, averages = state.moments, state.roles, state.experts, state.prior, state.context
    weights, rule, n_observed, generator = state.hedge.weights, state.decision, state.n_observed, state.generator
    decisions, said, contexts, positions = remembered
    shown = scratch.shown
    any_known = class_prior.n_known(prior) > 0
    if not any_known:
        probabilities[:] = 0.0
        decisions[:] = -1
        said[:] = 0
    for i in range(len(rows)):
        row = rows[i]
        positions[i] = n_observed[0]
        contexts[i] = averages
        if n_observed[0] == 0:
            context.start(contexts[i], row)
        panel.show(moments, row, contexts[i], shown)
        panel.activate(roles, experts, shown)
        if any_known:
            panel.ask(roles, experts, prior, weights, scratch)
            hedge.mix(weights, scratch.said, scratch.probabilities)
            decisions[i] = decision.decide(rule, scratch.probabilities, prior)
            _write(scratch.probabilities, scratch.said, probabilities[i], said[i])
        if observing:
            if any_known:
                panel.follow(roles, experts, scratch)
            panel.observe(roles, experts, generator, shown)
            _observe(moments, averages, n_observed, row, shown.raw_view)


@njit(cache=True, nogil=True)
def _observe(
    moments: Moments,
    averages: NDArray[np.float32],
    n_observed: NDArray[np.int64],
    row: NDArray[np.float32],
    raw_view: NDArray[np.float32],
) -> None:
    """Let a row and its view move the moments and the context."""
    row_kind.observe(moments.kind, row)
    standardiser.observe(moments.rows, row)
    standardiser.observe(moments.views, raw_view)
    if n_observed[0] == 0:
        context.start(averages, row)
    context.advance(averages, row)
    n_observed[0] += 1


@njit(cache=True, nogil=True)
def learn(
    state: State,
    observing: bool,
    rows: NDArray[np.float32],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32],
    remembered: Remembered,
    keys: NDArray[np.int64],
) -> None:
    """Learn each row's label, given its memory; the twin is ``observing`` its rows here."""
    owned = panel.scratch(state.roles, state.experts, state.moments, len(state.prior))
    state = borrow(state)
    scratch: Scratch = borrow(owned)
    moments, roles, experts, prior, recent = state.moments, state.roles, state.experts, state.prior, state.recent
    n_observed = state.n_observed
    decisions, said, contexts, positions = remembered
    for i in range(len(rows)):
        row, target, weight = rows[i], targets[i], weights[i]
        if weight == 0.0:
            continue
        if observing and class_prior.n_known(prior) > 0:
            _recall(said[i], scratch)
            panel.hear(roles, state.hedge.weights, scratch.said, prior, scratch.heard)
            panel.follow(roles, experts, scratch)
        _judge(state, target, weight, decisions[i], said[i])
        standardiser.observe(moments.labelled_rows, row)
        panel.show(moments, row, contexts[i], scratch.shown)
        if observing:
            panel.activate(roles, experts, scratch.shown)
            panel.observe(roles, experts, state.generator, scratch.shown)
            _observe(moments, state.context, n_observed, row, scratch.shown.raw_view)
            panel.show(moments, row, contexts[i], scratch.shown)
        is_last = positions[i] == n_observed[0] - 1
        panel.teach(roles, experts, moments.labelled_rows, prior, row, target, weight, is_last, scratch)
        _replay(state, scratch)
        labelled.add(recent, row, contexts[i], target, weight, keys[i])


@njit(cache=True, nogil=True)
def _judge(state: State, target: NDArray[np.float32], weight: float, decided: int, said: NDArray[np.uint8]) -> None:
    """Let a label tell which experts and which decisions were right, and which classes there are."""
    n_known = class_prior.n_known(state.prior)
    if n_known > 0:
        hedge.learn(state.hedge, said, target, weight, state.n_labelled[0], n_known)
        decision.learn(state.decision, decided, target, weight)
    state.n_labelled[0] += 1
    class_prior.learn(state.prior, target, weight)


@njit(cache=True, nogil=True)
def _recall(said: NDArray[np.uint8], scratch: Scratch) -> None:
    for e in range(len(said)):
        for c in range(said.shape[1]):
            scratch.said[e, c] = said[e, c] / 255.0


@njit(cache=True, nogil=True)
def _replay(state: State, scratch: Scratch) -> None:
    """Let some experts learn some recent labels again."""
    recent = state.recent
    n = labelled.size(recent)
    for _ in range(panel.REPLAYS if n > 0 else 0):
        slot = randomness.below(state.generator, n)
        if recent.weights[slot] > 0.0:
            panel.show(state.moments, recent.rows[slot], recent.contexts[slot], scratch.shown)
            panel.practise(
                state.roles, state.experts, state.prior, recent.targets[slot], recent.weights[slot], scratch
            )


@njit(cache=True, nogil=True)
def test_then_train(
    state: State,
    learn_from_unlabelled: bool,
    rows: NDArray[np.float32],
    schedule: Schedule,
    begin: int,
    end: int,
    n_learnt: int,
    probabilities: NDArray[np.float32],
    block: Remembered,
    kept: Remembered,
) -> int:
    """Predict rows ``begin`` to ``end`` of a stream, learning each label when it arrives.

    Returns how many labels have been learnt. ``probabilities`` and ``block`` take what is said of these rows,
    ``kept`` holds what was said of those whose labels are still to come.
    """
    target = np.zeros((1, len(state.prior)), np.float32)
    weight, key = np.ones(1, np.float32), np.full(1, labelled.NO_KEY)
    start = begin
    while start < end:
        stop = min(end, schedule.after[n_learnt] + 1) if n_learnt < len(schedule.after) else end
        i, j = start - begin, stop - begin
        process(state, learn_from_unlabelled, rows[start:stop], probabilities[i:j], _slice(block, i, j))
        for row in range(start, stop):
            if schedule.slots[row] >= 0:
                _keep(block, row - begin, kept, schedule.slots[row])
        while n_learnt < len(schedule.after) and schedule.after[n_learnt] < stop:
            row = schedule.rows[n_learnt]
            slot = schedule.slots[row]
            target[:] = 0.0
            target[0, schedule.classes[row]] = 1.0
            memory = _slice(kept, slot, slot + 1)
            learn(state, not learn_from_unlabelled, rows[row : row + 1], target, weight, memory, key)
            n_learnt += 1
        start = stop
    return n_learnt


@njit(cache=True, nogil=True)
def _keep(block: Remembered, i: int, kept: Remembered, slot: int) -> None:
    kept.decisions[slot] = block.decisions[i]
    kept.said[slot] = block.said[i]
    kept.contexts[slot] = block.contexts[i]
    kept.positions[slot] = block.positions[i]


@njit(cache=True, nogil=True)
def _slice(remembered: Remembered, begin: int, end: int) -> Remembered:
    return Remembered(
        remembered.decisions[begin:end],
        remembered.said[begin:end],
        remembered.contexts[begin:end],
        remembered.positions[begin:end],
    )


@njit(cache=True, nogil=True)
def forget(state: State, keys: NDArray[np.int64]) -> None:
    """Drop the examples of these keys from the recent ones, and from the experts where that is exact."""
    recent = state.recent
    for key in keys:
        for slot in range(labelled.size(recent)):
            if recent.keys[slot] == key and recent.weights[slot] > 0.0:
                row, target, weight = recent.rows[slot], recent.targets[slot], recent.weights[slot]
                panel.forget(state.roles, state.experts, state.moments, row, target, weight)
                recent.weights[slot] = 0.0


def leaves(state: Any, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Return every array of a nested state under its dotted name."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in state._asdict().items():
        if isinstance(value, np.ndarray):
            arrays[prefix + name] = value
        else:
            arrays |= leaves(value, f"{prefix}{name}.")
    return arrays
