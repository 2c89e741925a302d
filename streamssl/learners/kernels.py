"""The mixture's compiled heart: predict a row, observe it, learn its label; and loops over blocks of rows.

Everything an event touches happens here, row after row, so a block of n rows and n blocks of one give the same
state bit for bit. The per-row functions allocate nothing: what they scribble on is made once a block.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import class_prior, context, decision, hedge, labelled, randomness, standardiser
from streamssl.learners.decision import Decision
from streamssl.learners.experts import class_means, last_label, logistic, rbf, sgd
from streamssl.learners.experts.class_means import ClassMeans
from streamssl.learners.experts.last_label import LastLabel
from streamssl.learners.experts.logistic import Logistic
from streamssl.learners.experts.rbf import Rbf
from streamssl.learners.experts.sgd import Sgd
from streamssl.learners.hedge import Hedge
from streamssl.learners.labelled import Labelled
from streamssl.learners.standardiser import Standardiser

ROW_CENTRES = 96
VIEW_CENTRES = 64


class Moments(NamedTuple):
    """What brings rows and views to one scale."""

    rows: Standardiser
    """Of the rows of all events."""
    views: Standardiser
    """Of their views."""
    labelled_rows: Standardiser
    """Of the rows of labelled events."""


class Experts(NamedTuple):
    """Whom the mixture asks. The first three know labelled events only."""

    last_label: LastLabel
    class_means: ClassMeans
    sgd: Sgd
    logistic_rows: Logistic
    logistic_views: Logistic
    rbf_rows: Rbf
    rbf_views: Rbf


EXPERT_NAMES = Experts._fields
LAST_LABEL, CLASS_MEANS, SGD, LOGISTIC_ROWS, LOGISTIC_VIEWS, RBF_ROWS, RBF_VIEWS = range(len(EXPERT_NAMES))

EARLY = (0.2, 3.0, 1.0, 1.0, 2.0, 0.3, 0.3)
"""What each expert is worth at the first label: class means learn fastest."""
LATE = (1.0, 0.3, 1.0, 0.5, 1.0, 1.0, 1.0)
"""And after a hundred."""


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
    experts: Experts


class Scratch(NamedTuple):
    """Where one row is worked on."""

    raw_view: NDArray[np.float32]
    z_row: NDArray[np.float32]
    z_view: NDArray[np.float32]
    z_labelled: NDArray[np.float32]
    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    said: NDArray[np.float64]
    row_distances: NDArray[np.float32]
    row_units: NDArray[np.float64]
    view_distances: NDArray[np.float32]
    view_units: NDArray[np.float64]
    gain: NDArray[np.float64]
    scale: NDArray[np.float64]


def new(n_features: int, n_classes: int, seed: int, metric: str) -> State:
    """Return the state before any event."""
    width = context.view_width(n_features)
    return State(
        generator=randomness.new(seed),
        n_observed=np.zeros(1, np.int64),
        n_labelled=np.zeros(1, np.int64),
        prior=class_prior.new(n_classes),
        context=context.new(n_features),
        moments=Moments(standardiser.new(n_features), standardiser.new(width), standardiser.new(n_features)),
        recent=labelled.new(n_features, n_classes),
        hedge=hedge.new(np.array(EARLY), np.array(LATE)),
        decision=decision.new(metric, n_classes),
        experts=Experts(
            last_label.new(),
            class_means.new(n_features, n_classes),
            sgd.new(n_features, n_classes),
            logistic.new(n_features, n_classes),
            logistic.new(width, n_classes),
            rbf.new(n_features, n_classes, ROW_CENTRES),
            rbf.new(width, n_classes, VIEW_CENTRES),
        ),
    )


def grow(state: State, n_features: int, n_classes: int) -> State:
    """Return the state with room for more columns and classes: what it would be had they been 0 and unnamed."""
    width = context.view_width(n_features)
    moments, experts = state.moments, state.experts
    return state._replace(
        prior=class_prior.grow(state.prior, n_classes),
        context=context.grow(state.context, n_features),
        moments=Moments(
            standardiser.grow(moments.rows, n_features),
            standardiser.grow(moments.views, width),
            standardiser.grow(moments.labelled_rows, n_features),
        ),
        recent=labelled.grow(state.recent, n_features, n_classes),
        decision=decision.grow(state.decision, n_classes),
        experts=Experts(
            experts.last_label,
            class_means.grow(experts.class_means, n_features, n_classes),
            sgd.grow(experts.sgd, n_features, n_classes),
            logistic.grow(experts.logistic_rows, n_features, n_classes),
            logistic.grow(experts.logistic_views, width, n_classes),
            rbf.grow(experts.rbf_rows, n_features, n_classes),
            rbf.grow(experts.rbf_views, width, n_classes),
        ),
    )


@njit(cache=True, nogil=True)
def _scratch(state: State) -> Scratch:
    n_features, n_classes = len(state.moments.rows.mean), len(state.prior)
    width = len(state.moments.views.mean)
    n_row_units, n_view_units = len(state.experts.rbf_rows.weights), len(state.experts.rbf_views.weights)
    n_units = max(n_row_units, n_view_units)
    return Scratch(
        np.empty(width, np.float32),
        np.empty(n_features, np.float32),
        np.empty(width, np.float32),
        np.empty(n_features, np.float32),
        np.empty(n_classes),
        np.empty(n_classes),
        np.empty((len(state.hedge.weights), n_classes)),
        np.empty(ROW_CENTRES, np.float32),
        np.empty(n_row_units),
        np.empty(VIEW_CENTRES, np.float32),
        np.empty(n_view_units),
        np.empty(n_units),
        np.empty(n_units),
    )


@njit(cache=True, nogil=True)
def _standardise(
    moments: Moments, row: NDArray[np.float32], averages: NDArray[np.float32], scratch: Scratch
) -> None:
    context.write_view(averages, row, scratch.raw_view)
    standardiser.standardise(moments.rows, row, scratch.z_row)
    standardiser.standardise(moments.views, scratch.raw_view, scratch.z_view)
    standardiser.standardise(moments.labelled_rows, row, scratch.z_labelled)


@njit(cache=True, nogil=True)
def _ask(experts: Experts, prior: NDArray[np.float64], scratch: Scratch) -> None:
    """Ask every expert about the row in ``scratch``."""
    scores, said = scratch.scores, scratch.said
    last_label.predict(experts.last_label, prior, said[LAST_LABEL])
    class_means.predict(experts.class_means, scratch.z_labelled, prior, scores, said[CLASS_MEANS])
    sgd.predict(experts.sgd, scratch.z_labelled, prior, scores, said[SGD])
    logistic.predict(experts.logistic_rows, scratch.z_row, prior, scores, said[LOGISTIC_ROWS])
    logistic.predict(experts.logistic_views, scratch.z_view, prior, scores, said[LOGISTIC_VIEWS])
    rbf.predict(experts.rbf_rows, scratch.row_units, prior, scores, said[RBF_ROWS])
    rbf.predict(experts.rbf_views, scratch.view_units, prior, scores, said[RBF_VIEWS])


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
    decisions: NDArray[np.int64],
    said: NDArray[np.uint8],
    contexts: NDArray[np.float32],
) -> None:
    """Predict each row, writing its memory to the last four; then, if ``observing``, observe it."""
    scratch = _scratch(state)
    # Handing the whole state on would cost more than the predictions: Numba counts references array by array.
    moments, experts, prior, averages = state.moments, state.experts, state.prior, state.context
    weights, rule = state.hedge.weights, state.decision
    any_known = class_prior.n_known(prior) > 0
    if not any_known:
        probabilities[:] = 0.0
        decisions[:] = -1
        said[:] = 0
    for i in range(len(rows)):
        row = rows[i]
        contexts[i] = averages
        if state.n_observed[0] == 0:
            context.start(contexts[i], row)
        _standardise(moments, row, contexts[i], scratch)
        row_nearest = rbf.activate(experts.rbf_rows, scratch.z_row, scratch.row_distances, scratch.row_units)
        view_nearest = rbf.activate(experts.rbf_views, scratch.z_view, scratch.view_distances, scratch.view_units)
        if any_known:
            _ask(experts, prior, scratch)
            hedge.mix(weights, scratch.said, scratch.probabilities)
            decisions[i] = decision.decide(rule, scratch.probabilities, prior)
            _write(scratch.probabilities, scratch.said, probabilities[i], said[i])
        if observing:
            rbf.observe(experts.rbf_rows, scratch.z_row, scratch.row_distances, row_nearest, state.generator)
            rbf.observe(experts.rbf_views, scratch.z_view, scratch.view_distances, view_nearest, state.generator)
            _observe(moments, averages, state.n_observed, row, scratch.raw_view)


@njit(cache=True, nogil=True)
def _observe(
    moments: Moments,
    averages: NDArray[np.float32],
    n_observed: NDArray[np.int64],
    row: NDArray[np.float32],
    raw_view: NDArray[np.float32],
) -> None:
    """Let a row and its view move the moments and the context."""
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
    decisions: NDArray[np.int64],
    said: NDArray[np.uint8],
    contexts: NDArray[np.float32],
    keys: NDArray[np.int64],
) -> None:
    """Learn each row's label, given its memory; the twin is ``observing`` its rows here."""
    scratch = _scratch(state)
    moments = state.moments
    for i in range(len(rows)):
        row, target, weight = rows[i], targets[i], weights[i]
        if weight == 0.0:
            continue
        _judge(state, target, weight, decisions[i], said[i])
        standardiser.observe(moments.labelled_rows, row)
        _standardise(moments, row, contexts[i], scratch)
        if observing:
            _move_centres(state, scratch)
            _observe(moments, state.context, state.n_observed, row, scratch.raw_view)
            _standardise(moments, row, contexts[i], scratch)
        _teach(state, row, target, weight, scratch)
        _replay(state, scratch)
        labelled.add(state.recent, row, contexts[i], target, weight, keys[i])


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
def _move_centres(state: State, scratch: Scratch) -> None:
    experts = state.experts
    nearest = rbf.activate(experts.rbf_rows, scratch.z_row, scratch.row_distances, scratch.row_units)
    rbf.observe(experts.rbf_rows, scratch.z_row, scratch.row_distances, nearest, state.generator)
    nearest = rbf.activate(experts.rbf_views, scratch.z_view, scratch.view_distances, scratch.view_units)
    rbf.observe(experts.rbf_views, scratch.z_view, scratch.view_distances, nearest, state.generator)


@njit(cache=True, nogil=True)
def _teach(
    state: State, row: NDArray[np.float32], target: NDArray[np.float32], weight: float, scratch: Scratch
) -> None:
    """Show the label of the row in ``scratch`` to every expert."""
    experts, labelled_rows, prior = state.experts, state.moments.labelled_rows, state.prior
    z_labelled, scores, spare = scratch.z_labelled, scratch.scores, scratch.probabilities
    last_label.learn(experts.last_label, target, weight)
    class_means.learn(experts.class_means, labelled_rows, row, z_labelled, target, weight, prior, scores, spare)
    sgd.learn(experts.sgd, z_labelled, target, weight, prior, scores, spare)
    logistic.learn(experts.logistic_rows, scratch.z_row, target, weight, prior, scores, spare)
    logistic.learn(experts.logistic_views, scratch.z_view, target, weight, prior, scores, spare)
    rbf.activate(experts.rbf_rows, scratch.z_row, scratch.row_distances, scratch.row_units)
    rbf.learn(experts.rbf_rows, scratch.row_units, target, weight, scratch.gain, scratch.scale)
    rbf.activate(experts.rbf_views, scratch.z_view, scratch.view_distances, scratch.view_units)
    rbf.learn(experts.rbf_views, scratch.view_units, target, weight, scratch.gain, scratch.scale)


@njit(cache=True, nogil=True)
def _replay(state: State, scratch: Scratch) -> None:
    """Let the logistic experts learn some recent labels again."""
    recent, experts, prior = state.recent, state.experts, state.prior
    scores, spare = scratch.scores, scratch.probabilities
    n = labelled.size(recent)
    for _ in range(logistic.REPLAYS if n > 0 else 0):
        slot = randomness.below(state.generator, n)
        target, weight = recent.targets[slot], recent.weights[slot]
        if weight > 0.0:
            _standardise(state.moments, recent.rows[slot], recent.contexts[slot], scratch)
            logistic.learn(experts.logistic_rows, scratch.z_row, target, weight, prior, scores, spare)
            logistic.learn(experts.logistic_views, scratch.z_view, target, weight, prior, scores, spare)


@njit(cache=True, nogil=True)
def forget(state: State, keys: NDArray[np.int64]) -> None:
    """Drop the examples of these keys from the recent ones, and from the class means where nothing has faded."""
    recent = state.recent
    for key in keys:
        for slot in range(labelled.size(recent)):
            if recent.keys[slot] == key and recent.weights[slot] > 0.0:
                class_means.forget(
                    state.experts.class_means,
                    state.moments.labelled_rows,
                    recent.rows[slot],
                    recent.targets[slot],
                    recent.weights[slot],
                )
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
