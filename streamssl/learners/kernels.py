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
    consultation,
    context,
    decision,
    hedge,
    labelled,
    panel,
    randomness,
    row_kind,
    standardiser,
    worth,
)
from streamssl.learners.consultation import Moments, Scratch
from streamssl.learners.copying import copy
from streamssl.learners.decision import Decision
from streamssl.learners.hedge import Hedge
from streamssl.learners.labelled import Labelled
from streamssl.learners.panel import Experts, Roles
from streamssl.learners.worth import Worth


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
    worth: Worth
    roles: Roles
    experts: Experts


class Remembered(NamedTuple):
    """What a label will need of the moment its event was predicted; see `mixture.Memory`."""

    decisions: NDArray[np.int64]
    said: NDArray[np.uint8]
    contexts: NDArray[np.float32]
    positions: NDArray[np.int64]


class Arriving(NamedTuple):
    """Labels that arrive during a stretch of the stream, in the order in which they do."""

    after: NDArray[np.int64]
    """(l,) row of the stretch after whose prediction each arrives, -1 for before the first; never falls."""
    sources: NDArray[np.int64]
    """(l,) row of the stretch that each belongs to; -1 - j if that row came before and its memory is the j-th of
    those that are given along."""
    rows: NDArray[np.float32]
    """(l, d)."""
    targets: NDArray[np.float32]
    """(l, k) rows summing to 1."""
    weights: NDArray[np.float32]
    """(l,)."""
    keys: NDArray[np.int64]
    """(l,)."""


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
        worth=worth.new(),
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


def scratch(state: State) -> Scratch:
    """Return room to work on one event."""
    return consultation.scratch(state.roles, state.experts, state.moments, len(state.prior))


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)  # type: ignore[call-overload, untyped-decorator]
def run(
    state: State,
    scratch: Scratch,
    learn_from_unlabelled: bool,
    rows: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    predicted: Remembered,
    arriving: Arriving,
    remembered: Remembered,
) -> None:
    """Live through a stretch of the stream: predict each row, observe it, and learn labels as they arrive.

    Writes what is said of the rows to ``probabilities`` and ``predicted``; ``remembered`` is what was said of the
    labelled rows that came before. The twin, without ``learn_from_unlabelled``, observes labelled rows only, when
    it learns them.

    This is the one function that Python calls: to hand over a state takes Numba tens of microseconds a call and
    seconds of compilation a function. It allocates nothing, so no references need be counted (``_nrt=False``),
    which took longer than most experts. For the same reason its parts are inlined.
    """
    begin = 0
    for i in range(len(arriving.after)):
        end = arriving.after[i] + 1
        if end > begin:
            _process(state, scratch, learn_from_unlabelled, rows, begin, end, probabilities, predicted)
            begin = end
        if arriving.weights[i] > 0.0:
            _learn(state, scratch, not learn_from_unlabelled, arriving, i, predicted, remembered)
    _process(state, scratch, learn_from_unlabelled, rows, begin, len(rows), probabilities, predicted)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _process(
    state: State,
    scratch: Scratch,
    observing: bool,
    rows: NDArray[np.float32],
    begin: int,
    end: int,
    probabilities: NDArray[np.float32],
    predicted: Remembered,
) -> None:
    moments, roles, experts, prior, averages = state.moments, state.roles, state.experts, state.prior, state.context
    weights, rule, n_observed, generator = state.hedge.weights, state.decision, state.n_observed, state.generator
    decisions, said, contexts, positions = predicted
    shown = scratch.shown
    any_known = class_prior.n_known(prior) > 0
    for i in range(begin, end):
        row = rows[i]
        positions[i] = n_observed[0]
        for h in range(len(averages)):
            copy(averages[h], contexts[i, h])
        if n_observed[0] == 0:
            context.start(contexts[i], row)
        consultation.show(moments, row, contexts[i], positions[i], shown)
        consultation.activate(roles, experts, row, scratch)
        if any_known:
            consultation.ask(roles, experts, prior, weights, row, scratch)
            hedge.mix(weights, scratch.said, scratch.probabilities)
            decisions[i] = decision.decide(rule, scratch.probabilities, prior)
            _write(scratch.probabilities, scratch.said, probabilities[i], said[i])
        else:
            decisions[i] = -1
            probabilities[i, :] = 0.0
            said[i, :, :] = 0
        if observing:
            if any_known:
                consultation.follow(roles, experts, scratch)
            consultation.observe(roles, experts, moments, prior, row, generator, scratch)
            _observe(moments, averages, n_observed, row, shown.raw_view)


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _learn(
    state: State,
    scratch: Scratch,
    observing: bool,
    arriving: Arriving,
    i: int,
    predicted: Remembered,
    remembered: Remembered,
) -> None:
    """Learn a label, given what was said of its row; the twin is ``observing`` its row here."""
    moments, roles, experts, prior, recent = state.moments, state.roles, state.experts, state.prior, state.recent
    n_observed, source = state.n_observed, arriving.sources[i]
    row, target, weight, key = arriving.rows[i], arriving.targets[i], arriving.weights[i], arriving.keys[i]
    at = source if source >= 0 else -1 - source
    decisions, said, contexts, positions = predicted if source >= 0 else remembered
    averages, position = contexts[at], positions[at]
    if observing and class_prior.n_known(prior) > 0:
        _recall(said[at], scratch)
        consultation.hear(roles, state.hedge.weights, scratch.said, prior, scratch.heard)
        consultation.follow(roles, experts, scratch)
    consultation.find_standing(roles, moments.kind, len(row), scratch.standing)
    n_known = class_prior.n_known(prior)
    if n_known > 0:
        worth.learn(state.worth, state.hedge.weights, roles.labelled_only, said[at], target)
        hedge.learn(state.hedge, said[at], target, weight, state.n_labelled[0], n_known, scratch.standing)
        decision.learn(state.decision, decisions[at], target, weight)
    else:
        hedge.weigh(state.hedge, state.n_labelled[0], 1, scratch.standing)
    state.n_labelled[0] += 1
    class_prior.learn(prior, target, weight)
    standardiser.observe(moments.labelled_rows, row)
    consultation.show(moments, row, averages, position, scratch.shown)
    if observing:
        consultation.activate(roles, experts, row, scratch)
        consultation.observe(roles, experts, moments, prior, row, state.generator, scratch)
        _observe(moments, state.context, n_observed, row, scratch.shown.raw_view)
        consultation.show(moments, row, averages, position, scratch.shown)
    is_last = position == n_observed[0] - 1
    consultation.teach(roles, experts, moments, prior, row, target, weight, key, is_last, state.generator, scratch)
    n = labelled.size(recent)
    for _ in range(consultation.REPLAYS if n > 0 else 0):
        slot = randomness.below(state.generator, n)
        if recent.weights[slot] > 0.0:
            consultation.show(moments, recent.rows[slot], recent.contexts[slot], 0, scratch.shown)
            consultation.practise(roles, experts, prior, recent.targets[slot], recent.weights[slot], scratch)
    labelled.add(recent, row, averages, target, weight, key)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _recall(said: NDArray[np.uint8], scratch: Scratch) -> None:
    for e in range(len(said)):
        for c in range(said.shape[1]):
            scratch.said[e, c] = said[e, c] / 255.0


def forget(state: State, key: int) -> None:
    """Drop the example of this key from the recent ones, and from the experts where that is exact."""
    recent = state.recent
    for slot in np.flatnonzero((recent.keys == key) & (recent.weights > 0)):
        consultation.forget(
            state.roles, state.experts, state.moments, recent.rows[slot], recent.targets[slot], recent.weights[slot]
        )
        recent.weights[slot] = 0.0
    consultation.forget_key(state.roles, state.experts, key, state.prior)


def leaves(state: Any, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Return every array of a nested state under its dotted name."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in state._asdict().items():
        if isinstance(value, np.ndarray):
            arrays[prefix + name] = value
        else:
            arrays |= leaves(value, f"{prefix}{name}.")
    return arrays
