"""The panel of experts at work: what it is shown of an event, what it says, and what it learns.

Parts of the mixture's kernel, inlined there: each expert is called by name, if it takes part.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import class_prior, context, row_kind, standardiser
from streamssl.learners.copying import copy
from streamssl.learners.experts import (
    cauchy,
    class_means,
    correlation,
    forest,
    graph,
    last_label,
    logistic,
    neighbours,
    persistence,
    rbf,
    soft_means,
)
from streamssl.learners.panel import (
    CAUCHY,
    CLASS_MEANS,
    CORRELATION,
    FOREST_ROWS,
    FOREST_TIMES,
    FOREST_VIEWS,
    GRAPH_POISSON,
    GRAPH_WALK,
    LAST_LABEL,
    LOGISTIC_ROWS,
    LOGISTIC_VIEWS,
    NEIGHBOURS,
    PERSISTENCE,
    RBF_ROWS,
    RBF_VIEWS,
    ROW_CENTRES,
    SOFT_MEANS,
    TIMES,
    VIEW_CENTRES,
    Experts,
    Roles,
)
from streamssl.learners.row_kind import RowKind
from streamssl.learners.standardiser import Standardiser

REPLAYS = logistic.REPLAYS
"""Recent labels that those experts see again at each label which learn each several times."""


class Moments(NamedTuple):
    """What brings rows and views to one scale, and what kind of rows they are."""

    rows: Standardiser
    """Of the rows of all events."""
    views: Standardiser
    """Of their views."""
    labelled_rows: Standardiser
    """Of the rows of labelled events."""
    kind: RowKind
    """Of the rows of all events."""


class Shown(NamedTuple):
    """One event as the experts are shown it."""

    raw_view: NDArray[np.float32]
    timed: NDArray[np.float32]
    """(3 + d,) the event's position in the stream, three times, and the row."""
    z_row: NDArray[np.float32]
    z_view: NDArray[np.float32]
    z_labelled: NDArray[np.float32]
    vector: NDArray[np.float32]
    """The row itself where rows are vectors of length 1, else as `z_labelled`."""
    unit: NDArray[np.bool_]
    """(1,) whether they are."""
    dense: NDArray[np.bool_]
    """(1,) whether they are embeddings."""
    row_distances: NDArray[np.float32]
    row_units: NDArray[np.float64]
    view_distances: NDArray[np.float32]
    view_units: NDArray[np.float64]
    nearest: NDArray[np.int64]
    """(2,) the centres nearest to the row and to the view."""


class Scratch(NamedTuple):
    """Where one event is worked on."""

    shown: Shown
    said: NDArray[np.float64]
    """(e, k)."""
    heard: NDArray[np.float64]
    """(k,) what `persistence` hears."""
    standing: NDArray[np.float64]
    """(e,)."""
    scores: NDArray[np.float64]
    """(k,)."""
    probabilities: NDArray[np.float64]
    """(k,)."""
    gain: NDArray[np.float64]
    scale: NDArray[np.float64]
    forest: forest.Scratch
    cauchy: cauchy.Scratch
    correlation: correlation.Scratch
    neighbours: NDArray[np.float32]
    """(512,)."""
    graph: graph.Scratch


def scratch(roles: Roles, experts: Experts, moments: Moments, n_classes: int) -> Scratch:
    """Return room to work on one event."""
    n_features, width = len(moments.rows.mean), len(moments.views.mean)
    n_row_units, n_view_units = len(experts.rbf_rows.weights), len(experts.rbf_views.weights)
    n_units = max(n_row_units, n_view_units)
    shown = Shown(
        np.empty(width, np.float32),
        np.empty(TIMES + n_features, np.float32),
        np.empty(n_features, np.float32),
        np.empty(width, np.float32),
        np.empty(n_features, np.float32),
        np.empty(n_features, np.float32),
        np.zeros(1, np.bool_),
        np.zeros(1, np.bool_),
        np.empty(ROW_CENTRES, np.float32),
        np.empty(n_row_units),
        np.empty(VIEW_CENTRES, np.float32),
        np.empty(n_view_units),
        np.zeros(2, np.int64),
    )
    return Scratch(
        shown,
        np.empty((len(roles.context_free), n_classes)),
        np.empty(n_classes),
        np.empty(len(roles.context_free)),
        np.empty(n_classes),
        np.empty(n_classes),
        np.empty(n_units),
        np.empty(n_units),
        forest.scratch(n_classes),
        cauchy.scratch(n_features),
        correlation.scratch(n_features),
        np.empty(neighbours.CAPACITY, np.float32),
        graph.scratch(experts.graph),
    )


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def show(
    moments: Moments, row: NDArray[np.float32], averages: NDArray[np.float32], position: int, shown: Shown
) -> None:
    """Prepare an event for the experts: on one scale, and beside where and when it stands in the stream."""
    context.write_view(averages, row, shown.raw_view)
    shown.timed[:TIMES] = position
    copy(row, shown.timed[TIMES:])
    standardiser.standardise(moments.rows, row, shown.z_row)
    standardiser.standardise(moments.views, shown.raw_view, shown.z_view)
    standardiser.standardise(moments.labelled_rows, row, shown.z_labelled)
    shown.unit[0] = row_kind.are_unit(moments.kind, len(row))
    shown.dense[0] = shown.unit[0] and row_kind.are_dense(moments.kind, len(row))
    copy(row if shown.unit[0] else shown.z_labelled, shown.vector)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def activate(roles: Roles, experts: Experts, row: NDArray[np.float32], scratch: Scratch) -> None:
    """Let the nets and the graph look at the event: for what follows, whichever it is."""
    places, shown, nearest = roles.places, scratch.shown, scratch.shown.nearest
    if places[RBF_ROWS] >= 0:
        nearest[0] = rbf.activate(experts.rbf_rows, shown.z_row, shown.row_distances, shown.row_units)
    if places[RBF_VIEWS] >= 0:
        nearest[1] = rbf.activate(experts.rbf_views, shown.z_view, shown.view_distances, shown.view_units)
    if _draws_graph(roles) and shown.dense[0]:
        graph.look(experts.graph, row, scratch.graph)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _draws_graph(roles: Roles) -> bool:
    return bool(roles.places[GRAPH_POISSON] >= 0 or roles.places[GRAPH_WALK] >= 0)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def ask(
    roles: Roles,
    experts: Experts,
    prior: NDArray[np.float64],
    weights: NDArray[np.float64],
    row: NDArray[np.float32],
    scratch: Scratch,
) -> None:
    """Write what every expert says of the event shown to ``scratch.said``."""
    places, shown, scores, said = roles.places, scratch.shown, scratch.scores, scratch.said
    if places[LAST_LABEL] >= 0:
        last_label.predict(experts.last_label, prior, said[places[LAST_LABEL]])
    if places[CLASS_MEANS] >= 0:
        class_means.predict(experts.class_means, shown.vector, prior, scores, said[places[CLASS_MEANS]])
    if places[LOGISTIC_ROWS] >= 0:
        logistic.predict(experts.logistic_rows, shown.z_row, prior, scores, said[places[LOGISTIC_ROWS]])
    if places[LOGISTIC_VIEWS] >= 0:
        logistic.predict(experts.logistic_views, shown.z_view, prior, scores, said[places[LOGISTIC_VIEWS]])
    if places[RBF_ROWS] >= 0:
        rbf.predict(experts.rbf_rows, shown.row_units, prior, scores, said[places[RBF_ROWS]])
    if places[RBF_VIEWS] >= 0:
        rbf.predict(experts.rbf_views, shown.view_units, prior, scores, said[places[RBF_VIEWS]])
    if places[FOREST_ROWS] >= 0:
        forest.predict(experts.forest_rows, row, prior, said[places[FOREST_ROWS]])
    if places[FOREST_TIMES] >= 0:
        forest.predict(experts.forest_times, shown.timed, prior, said[places[FOREST_TIMES]])
    if places[FOREST_VIEWS] >= 0:
        forest.predict(experts.forest_views, shown.raw_view, prior, said[places[FOREST_VIEWS]])
    if places[CAUCHY] >= 0:
        cauchy.predict(experts.cauchy, row, prior, scratch.cauchy, scores, said[places[CAUCHY]])
    if places[CORRELATION] >= 0:
        correlation.predict(experts.correlation, row, prior, scores, said[places[CORRELATION]])
    if places[SOFT_MEANS] >= 0:
        if len(row) >= row_kind.NARROWEST:
            soft_means.predict(experts.soft_means, row, prior, scores, said[places[SOFT_MEANS]])
        else:
            class_prior.shares(prior, said[places[SOFT_MEANS]])
    if _draws_graph(roles):
        poisson = said[places[GRAPH_POISSON]] if places[GRAPH_POISSON] >= 0 else scores
        walk = said[places[GRAPH_WALK]] if places[GRAPH_WALK] >= 0 else scores
        if shown.dense[0]:
            graph.predict(experts.graph, prior, poisson, walk, scratch.graph)
        else:
            class_prior.shares(prior, poisson)
            class_prior.shares(prior, walk)
    if places[NEIGHBOURS] >= 0:
        neighbours.predict(experts.neighbours, row, prior, scratch.neighbours, said[places[NEIGHBOURS]])
    if places[PERSISTENCE] >= 0:
        hear(roles, weights, said, prior, scratch.heard)
        persistence.predict(experts.persistence, scratch.heard, prior, said[places[PERSISTENCE]])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def hear(
    roles: Roles,
    weights: NDArray[np.float64],
    said: NDArray[np.float64],
    prior: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write to ``out`` what the experts that look at single events say together; the prior if there are none."""
    out[:] = 0.0
    total = 0.0
    for e in range(len(weights)):
        if roles.context_free[e]:
            total += weights[e]
            for c in range(len(out)):
                out[c] += weights[e] * said[e, c]
    if total == 0.0:
        copy(prior, out)
        total = prior.sum()
    for c in range(len(out)):
        out[c] /= total


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def find_standing(roles: Roles, kind: RowKind, n_columns: int, out: NDArray[np.float64]) -> None:
    """Write to ``out`` (e,) what rows such as have come leave of prior weights: 0 for who cannot be asked."""
    unit = row_kind.are_unit(kind, n_columns)
    dense = unit and row_kind.are_dense(kind, n_columns)
    for e in range(len(out)):
        can_be_asked = (unit or not roles.needs_unit[e]) and (dense or not roles.needs_dense[e])
        out[e] = (roles.for_embeddings[e] if dense else 1.0) if can_be_asked else 0.0


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def observe(
    roles: Roles,
    experts: Experts,
    moments: Moments,
    prior: NDArray[np.float64],
    row: NDArray[np.float32],
    generator: NDArray[np.uint64],
    scratch: Scratch,
) -> None:
    """Let the experts learn from the event that `activate` looked at, whatever its class."""
    places, shown, nearest = roles.places, scratch.shown, scratch.shown.nearest
    if places[RBF_ROWS] >= 0:
        rbf.observe(experts.rbf_rows, shown.z_row, shown.row_distances, nearest[0], generator)
    if places[RBF_VIEWS] >= 0:
        rbf.observe(experts.rbf_views, shown.z_view, shown.view_distances, nearest[1], generator)
    if places[CORRELATION] >= 0 and shown.unit[0]:
        correlation.observe(experts.correlation, row, generator, scratch.correlation)
    if places[SOFT_MEANS] >= 0 and shown.dense[0]:
        soft_means.observe(experts.soft_means, row, prior, scratch.scores, scratch.probabilities)
    if _draws_graph(roles) and shown.dense[0]:
        graph.observe(experts.graph, row, generator, scratch.graph)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def follow(roles: Roles, experts: Experts, scratch: Scratch) -> None:
    """Let `persistence` go on from what was said of this event to the next one."""
    place = roles.places[PERSISTENCE]
    if place >= 0:
        persistence.observe(experts.persistence, scratch.heard, scratch.said[place])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def teach(
    roles: Roles,
    experts: Experts,
    moments: Moments,
    prior: NDArray[np.float64],
    row: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    key: int,
    is_last: bool,
    generator: NDArray[np.uint64],
    scratch: Scratch,
) -> None:
    """Show the label of the event shown to every expert; ``is_last``: no event has passed since."""
    places, shown, scores, spare = roles.places, scratch.shown, scratch.scores, scratch.probabilities
    gain, scale, unit = scratch.gain, scratch.scale, shown.unit[0]
    if places[LAST_LABEL] >= 0:
        last_label.learn(experts.last_label, target, weight)
    if places[CLASS_MEANS] >= 0:
        class_means.learn(
            experts.class_means,
            moments.labelled_rows,
            unit,
            row,
            shown.vector,
            target,
            weight,
            prior,
            scores,
            spare,
        )
    if places[RBF_ROWS] >= 0:
        rbf.activate(experts.rbf_rows, shown.z_row, shown.row_distances, shown.row_units)
        rbf.learn(experts.rbf_rows, shown.row_units, target, weight, scores, gain, scale)
    if places[RBF_VIEWS] >= 0:
        rbf.activate(experts.rbf_views, shown.z_view, shown.view_distances, shown.view_units)
        rbf.learn(experts.rbf_views, shown.view_units, target, weight, scores, gain, scale)
    if places[FOREST_ROWS] >= 0:
        forest.learn(experts.forest_rows, row, target, weight, prior, key, generator, scratch.forest)
    if places[FOREST_TIMES] >= 0:
        forest.learn(experts.forest_times, shown.timed, target, weight, prior, key, generator, scratch.forest)
    if places[FOREST_VIEWS] >= 0:
        forest.learn(experts.forest_views, shown.raw_view, target, weight, prior, key, generator, scratch.forest)
    if places[CAUCHY] >= 0:
        cauchy.learn(experts.cauchy, row, target, weight, prior, key, unit, scratch.cauchy)
    if places[CORRELATION] >= 0 and unit:
        correlation.learn(experts.correlation, row, target, weight, prior, key)
    if places[SOFT_MEANS] >= 0 and unit:
        soft_means.learn(experts.soft_means, row, target, weight, prior, scores, spare)
    if _draws_graph(roles) and shown.dense[0]:
        graph.learn(experts.graph, row, target, weight, prior, key, generator, scratch.graph)
    if places[NEIGHBOURS] >= 0:
        neighbours.learn(experts.neighbours, moments.rows, unit, row, target, weight, key)
    if places[PERSISTENCE] >= 0 and is_last:
        persistence.learn(experts.persistence, target)
    practise(roles, experts, prior, target, weight, scratch)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def practise(
    roles: Roles,
    experts: Experts,
    prior: NDArray[np.float64],
    target: NDArray[np.float32],
    weight: float,
    scratch: Scratch,
) -> None:
    """Show a label to the experts that learn each several times."""
    places, shown, scores, spare = roles.places, scratch.shown, scratch.scores, scratch.probabilities
    if places[LOGISTIC_ROWS] >= 0:
        logistic.learn(experts.logistic_rows, shown.z_row, target, weight, prior, scores, spare)
    if places[LOGISTIC_VIEWS] >= 0:
        logistic.learn(experts.logistic_views, shown.z_view, target, weight, prior, scores, spare)


def forget(
    roles: Roles,
    experts: Experts,
    moments: Moments,
    row: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
) -> None:
    """Take back the label of a row from the experts that keep no rows and in which that is exact."""
    if roles.places[CLASS_MEANS] >= 0:
        unit = row_kind.are_unit(moments.kind, len(row))
        class_means.forget(experts.class_means, moments.labelled_rows, unit, row, target, weight)
    if roles.places[SOFT_MEANS] >= 0 and row_kind.are_unit(moments.kind, len(row)):
        soft_means.forget(experts.soft_means, row, target, weight, np.empty(len(target)))


def forget_key(roles: Roles, experts: Experts, key: int, prior: NDArray[np.float64]) -> None:
    """Take back the label of this key from the experts that keep rows."""
    for place, trees in (
        (FOREST_ROWS, experts.forest_rows),
        (FOREST_TIMES, experts.forest_times),
        (FOREST_VIEWS, experts.forest_views),
    ):
        if roles.places[place] >= 0:
            forest.forget(trees, key, prior)
    if roles.places[CAUCHY] >= 0:
        cauchy.forget(experts.cauchy, key)
    if roles.places[CORRELATION] >= 0:
        correlation.forget(experts.correlation, key)
    if roles.places[NEIGHBOURS] >= 0:
        neighbours.forget(experts.neighbours, key)
    graph.forget(experts.graph, key)
