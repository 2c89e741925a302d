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

EXPERT_NAMES = (
    "last_label",
    "class_means",
    "sgd",
    "logistic_rows",
    "logistic_views",
    "rbf_rows",
    "rbf_views",
)
LAST_LABEL, CLASS_MEANS, SGD, LOGISTIC_ROWS, LOGISTIC_VIEWS, RBF_ROWS, RBF_VIEWS = range(len(EXPERT_NAMES))
EARLY = (0.2, 3.0, 1.0, 1.0, 2.0, 0.3, 0.3)
LATE = (1.0, 0.3, 1.0, 0.5, 1.0, 1.0, 1.0)
ROW_CENTRES = 96
VIEW_CENTRES = 64


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
    rows: Standardiser
    """Of the rows of all events."""
    views: Standardiser
    """Of their views."""
    labelled_rows: Standardiser
    """Of the rows of labelled events."""
    recent: Labelled
    hedge: Hedge
    decision: Decision
    last_label: LastLabel
    class_means: ClassMeans
    sgd: Sgd
    logistic_rows: Logistic
    logistic_views: Logistic
    rbf_rows: Rbf
    rbf_views: Rbf


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
        rows=standardiser.new(n_features),
        views=standardiser.new(width),
        labelled_rows=standardiser.new(n_features),
        recent=labelled.new(n_features, n_classes),
        hedge=hedge.new(np.array(EARLY), np.array(LATE)),
        decision=decision.new(metric, n_classes),
        last_label=last_label.new(),
        class_means=class_means.new(n_features, n_classes),
        sgd=sgd.new(n_features, n_classes),
        logistic_rows=logistic.new(n_features, n_classes),
        logistic_views=logistic.new(width, n_classes),
        rbf_rows=rbf.new(n_features, n_classes, ROW_CENTRES),
        rbf_views=rbf.new(width, n_classes, VIEW_CENTRES),
    )


def grow(state: State, n_features: int, n_classes: int) -> State:
    """Return the state with room for more columns and classes: what it would be had they been 0 and unnamed."""
    width = context.view_width(n_features)
    return state._replace(
        prior=class_prior.grow(state.prior, n_classes),
        context=context.grow(state.context, n_features),
        rows=standardiser.grow(state.rows, n_features),
        views=standardiser.grow(state.views, width),
        labelled_rows=standardiser.grow(state.labelled_rows, n_features),
        recent=labelled.grow(state.recent, n_features, n_classes),
        decision=decision.grow(state.decision, n_classes),
        class_means=class_means.grow(state.class_means, n_features, n_classes),
        sgd=sgd.grow(state.sgd, n_features, n_classes),
        logistic_rows=logistic.grow(state.logistic_rows, n_features, n_classes),
        logistic_views=logistic.grow(state.logistic_views, width, n_classes),
        rbf_rows=rbf.grow(state.rbf_rows, n_features, n_classes),
        rbf_views=rbf.grow(state.rbf_views, width, n_classes),
    )


@njit(cache=True, nogil=True)
def _scratch(state: State) -> Scratch:
    n_features, n_classes = len(state.rows.mean), len(state.prior)
    width = len(state.views.mean)
    n_row_units, n_view_units = len(state.rbf_rows.weights), len(state.rbf_views.weights)
    n_units = max(n_row_units, n_view_units)
    return Scratch(
        np.empty(width, np.float32),
        np.empty(n_features, np.float32),
        np.empty(width, np.float32),
        np.empty(n_features, np.float32),
        np.empty(n_classes),
        np.empty(n_classes),
        np.empty((len(state.hedge.weights), n_classes)),
        np.empty(len(state.rbf_rows.use), np.float32),
        np.empty(n_row_units),
        np.empty(len(state.rbf_views.use), np.float32),
        np.empty(n_view_units),
        np.empty(n_units),
        np.empty(n_units),
    )


@njit(cache=True, nogil=True)
def _standardise(state: State, row: NDArray[np.float32], averages: NDArray[np.float32], scratch: Scratch) -> None:
    context.write_view(averages, row, scratch.raw_view)
    standardiser.standardise(state.rows, row, scratch.z_row)
    standardiser.standardise(state.views, scratch.raw_view, scratch.z_view)
    standardiser.standardise(state.labelled_rows, row, scratch.z_labelled)


@njit(cache=True, nogil=True)
def _ask(state: State, scratch: Scratch) -> None:
    """Ask every expert about the row in ``scratch``, and pool what they say."""
    prior, scores, said = state.prior, scratch.scores, scratch.said
    last_label.predict(state.last_label, prior, said[LAST_LABEL])
    class_means.predict(state.class_means, scratch.z_labelled, prior, scores, said[CLASS_MEANS])
    sgd.predict(state.sgd, scratch.z_labelled, prior, scores, said[SGD])
    logistic.predict(state.logistic_rows, scratch.z_row, prior, scores, said[LOGISTIC_ROWS])
    logistic.predict(state.logistic_views, scratch.z_view, prior, scores, said[LOGISTIC_VIEWS])
    rbf.predict(state.rbf_rows, scratch.row_units, prior, scores, said[RBF_ROWS])
    rbf.predict(state.rbf_views, scratch.view_units, prior, scores, said[RBF_VIEWS])
    hedge.mix(state.hedge, said, scratch.probabilities)


@njit(cache=True, nogil=True)
def _note(
    state: State,
    scratch: Scratch,
    probabilities: NDArray[np.float32],
    experts: NDArray[np.uint8],
) -> int:
    """Predict the row in ``scratch``: write what a late label will need, return the decision."""
    if class_prior.n_known(state.prior) == 0:
        probabilities[:] = 0.0
        experts[:] = 0
        return -1
    _ask(state, scratch)
    for c in range(len(probabilities)):
        probabilities[c] = scratch.probabilities[c]
        for e in range(len(experts)):
            experts[e, c] = np.uint8(255.0 * scratch.said[e, c] + 0.5)
    return decision.decide(state.decision, scratch.probabilities, state.prior)


@njit(cache=True, nogil=True)
def _observe(state: State, row: NDArray[np.float32], row_nearest: int, view_nearest: int, scratch: Scratch) -> None:
    """Let the row in ``scratch`` move all that is learnt without labels."""
    rbf.observe(state.rbf_rows, scratch.z_row, scratch.row_distances, row_nearest, state.generator)
    rbf.observe(state.rbf_views, scratch.z_view, scratch.view_distances, view_nearest, state.generator)
    standardiser.observe(state.rows, row)
    standardiser.observe(state.views, scratch.raw_view)
    context.advance(state.context, row)
    state.n_observed[0] += 1


@njit(cache=True, nogil=True)
def process(
    state: State,
    observing: bool,
    rows: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    decisions: NDArray[np.int64],
    experts: NDArray[np.uint8],
    contexts: NDArray[np.float32],
) -> None:
    """Predict each row, writing its memory to the last four; then, if ``observing``, observe it."""
    scratch = _scratch(state)
    for i in range(len(rows)):
        row = rows[i]
        contexts[i] = state.context
        if state.n_observed[0] == 0:
            context.start(contexts[i], row)
            if observing:
                context.start(state.context, row)
        _standardise(state, row, contexts[i], scratch)
        row_nearest = rbf.activate(state.rbf_rows, scratch.z_row, scratch.row_distances, scratch.row_units)
        view_nearest = rbf.activate(state.rbf_views, scratch.z_view, scratch.view_distances, scratch.view_units)
        decisions[i] = _note(state, scratch, probabilities[i], experts[i])
        if observing:
            _observe(state, row, row_nearest, view_nearest, scratch)


@njit(cache=True, nogil=True)
def learn(
    state: State,
    observing: bool,
    rows: NDArray[np.float32],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32],
    decisions: NDArray[np.int64],
    experts: NDArray[np.uint8],
    contexts: NDArray[np.float32],
    keys: NDArray[np.int64],
) -> None:
    """Learn each row's label, given its memory; the twin is ``observing`` its rows here."""
    scratch = _scratch(state)
    for i in range(len(rows)):
        if weights[i] > 0.0:
            _learn_one(
                state,
                observing,
                rows[i],
                targets[i],
                weights[i],
                decisions[i],
                experts[i],
                contexts[i],
                keys[i],
                scratch,
            )


@njit(cache=True, nogil=True)
def _learn_one(
    state: State,
    observing: bool,
    row: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    decided: int,
    said: NDArray[np.uint8],
    averages: NDArray[np.float32],
    key: int,
    scratch: Scratch,
) -> None:
    if state.n_labelled[0] > 0:
        n_known = class_prior.n_known(state.prior)
        hedge.learn(state.hedge, said, target, weight, state.n_labelled[0], n_known)
        decision.learn(state.decision, decided, target, weight)
    state.n_labelled[0] += 1
    class_prior.learn(state.prior, target, weight)
    standardiser.observe(state.labelled_rows, row)
    _standardise(state, row, averages, scratch)
    if observing:
        if state.n_observed[0] == 0:
            context.start(state.context, row)
        row_nearest = rbf.activate(state.rbf_rows, scratch.z_row, scratch.row_distances, scratch.row_units)
        view_nearest = rbf.activate(state.rbf_views, scratch.z_view, scratch.view_distances, scratch.view_units)
        _observe(state, row, row_nearest, view_nearest, scratch)
        _standardise(state, row, averages, scratch)
    _teach(state, row, target, weight, scratch)
    _replay(state, scratch)
    labelled.add(state.recent, row, averages, target, weight, key)


@njit(cache=True, nogil=True)
def _teach(
    state: State, row: NDArray[np.float32], target: NDArray[np.float32], weight: float, scratch: Scratch
) -> None:
    """Show the label of the row in ``scratch`` to every expert."""
    prior, scores, spare = state.prior, scratch.scores, scratch.probabilities
    z_labelled = scratch.z_labelled
    last_label.learn(state.last_label, target, weight)
    class_means.learn(state.class_means, state.labelled_rows, row, z_labelled, target, weight, prior, scores, spare)
    sgd.learn(state.sgd, z_labelled, target, weight, prior, scores, spare)
    logistic.learn(state.logistic_rows, scratch.z_row, target, weight, prior, scores, spare)
    logistic.learn(state.logistic_views, scratch.z_view, target, weight, prior, scores, spare)
    _teach_net(state.rbf_rows, scratch.z_row, scratch.row_distances, scratch.row_units, target, weight, scratch)
    _teach_net(state.rbf_views, scratch.z_view, scratch.view_distances, scratch.view_units, target, weight, scratch)


@njit(cache=True, nogil=True)
def _teach_net(
    net: Rbf,
    z: NDArray[np.float32],
    distances: NDArray[np.float32],
    units: NDArray[np.float64],
    target: NDArray[np.float32],
    weight: float,
    scratch: Scratch,
) -> None:
    rbf.activate(net, z, distances, units)
    rbf.learn(net, units, target, weight, scratch.gain[: len(units)], scratch.scale[: len(units)])


@njit(cache=True, nogil=True)
def _replay(state: State, scratch: Scratch) -> None:
    """Let the logistic experts learn some recent labels again."""
    recent = state.recent
    n = labelled.size(recent)
    for _ in range(logistic.REPLAYS if n > 0 else 0):
        slot = randomness.below(state.generator, n)
        weight = recent.weights[slot]
        if weight == 0.0:
            continue
        _standardise(state, recent.rows[slot], recent.contexts[slot], scratch)
        target, prior = recent.targets[slot], state.prior
        scores, spare = scratch.scores, scratch.probabilities
        logistic.learn(state.logistic_rows, scratch.z_row, target, weight, prior, scores, spare)
        logistic.learn(state.logistic_views, scratch.z_view, target, weight, prior, scores, spare)


@njit(cache=True, nogil=True)
def forget(state: State, keys: NDArray[np.int64]) -> None:
    """Drop the examples of these keys from the recent ones, and from the class means where nothing has faded."""
    recent = state.recent
    for key in keys:
        for slot in range(labelled.size(recent)):
            if recent.keys[slot] == key and recent.weights[slot] > 0.0:
                class_means.forget(
                    state.class_means,
                    state.labelled_rows,
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
