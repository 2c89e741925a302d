"""The panel of experts: who sits on it, what each is shown of an event, and what each learns from a label.

Experts are called by name, one line each. Which of them take part is the preset's choice; the others have no
columns and are never called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import context, row_kind, standardiser
from streamssl.learners.copying import copy
from streamssl.learners.experts import (
    cauchy,
    class_means,
    correlation,
    forest,
    last_label,
    logistic,
    persistence,
    rbf,
    sgd,
)
from streamssl.learners.experts.cauchy import Cauchy
from streamssl.learners.experts.class_means import ClassMeans
from streamssl.learners.experts.correlation import Correlation
from streamssl.learners.experts.forest import Forest
from streamssl.learners.experts.last_label import LastLabel
from streamssl.learners.experts.logistic import Logistic
from streamssl.learners.experts.persistence import Persistence
from streamssl.learners.experts.rbf import Rbf
from streamssl.learners.experts.sgd import Sgd
from streamssl.learners.row_kind import RowKind
from streamssl.learners.standardiser import Standardiser

ROW_CENTRES = 96
VIEW_CENTRES = 64
REPLAYS = logistic.REPLAYS
TIMES = 3
"""So many times the trees are shown when an event came, or they would hardly ever ask."""


class Character(NamedTuple):
    """What kind of expert one is."""

    early: float
    """Prior weight at the first label."""
    late: float
    """Prior weight after many."""
    sees_context: bool = False
    """Whether it looks at other events than the one it judges: if so, `persistence` does not listen to it."""
    needs_unlabelled: bool = False
    """Whether unlabelled events make a difference to it."""
    rows: str = "any"
    """Of what kind the rows must be: ``"any"``, ``"unit"`` (of length 1), or ``"dense"`` (that, and embeddings)."""


EXPERTS = {
    "last_label": Character(0.2, 1.0, sees_context=True),
    "class_means": Character(1.0, 1.0),
    "sgd": Character(1.0, 1.0),
    "logistic_rows": Character(1.0, 1.0, needs_unlabelled=True),
    "logistic_views": Character(0.2, 1.0, sees_context=True, needs_unlabelled=True),
    "rbf_rows": Character(0.2, 1.0, needs_unlabelled=True),
    "rbf_views": Character(0.2, 1.0, sees_context=True, needs_unlabelled=True),
    "forest_rows": Character(0.2, 1.0),
    "forest_times": Character(0.2, 1.0),
    "forest_views": Character(0.2, 1.0, sees_context=True, needs_unlabelled=True),
    "cauchy": Character(1.0, 1.0),
    "correlation": Character(3.0, 2.0, needs_unlabelled=True, rows="unit"),
    "persistence": Character(0.2, 1.0, sees_context=True, needs_unlabelled=True),
}
(
    LAST_LABEL,
    CLASS_MEANS,
    SGD,
    LOGISTIC_ROWS,
    LOGISTIC_VIEWS,
    RBF_ROWS,
    RBF_VIEWS,
    FOREST_ROWS,
    FOREST_TIMES,
    FOREST_VIEWS,
    CAUCHY,
    CORRELATION,
    PERSISTENCE,
) = range(len(EXPERTS))

PRESETS: dict[str, tuple[str, ...]] = {
    "default": tuple(EXPERTS),
    "full": tuple(EXPERTS),
    "lite": (
        *("last_label", "class_means", "sgd", "logistic_rows", "rbf_views"),
        *("forest_times", "forest_views", "persistence"),
    ),
    "tiny": ("last_label", "logistic_rows", "rbf_rows", "forest_views", "persistence"),
}


class Roles(NamedTuple):
    """Who takes part."""

    places: NDArray[np.int64]
    """(all experts,) place of each among those that take part, -1 for the others."""
    context_free: NDArray[np.bool_]
    """(e,) whom `persistence` listens to."""
    labelled_only: NDArray[np.bool_]
    """(e,) who would say the same had there been no unlabelled events."""
    needs_unit: NDArray[np.bool_]
    """(e,) who can be asked about rows of length 1 only."""
    needs_dense: NDArray[np.bool_]
    """(e,) who can be asked about embeddings only."""


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


class Experts(NamedTuple):
    """What each of them knows."""

    last_label: LastLabel
    class_means: ClassMeans
    sgd: Sgd
    logistic_rows: Logistic
    logistic_views: Logistic
    rbf_rows: Rbf
    rbf_views: Rbf
    forest_rows: Forest
    forest_times: Forest
    forest_views: Forest
    cauchy: Cauchy
    correlation: Correlation
    persistence: Persistence


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
    usable: NDArray[np.bool_]
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


def members(preset: str | Sequence[str]) -> tuple[str, ...]:
    """Return the experts of a preset, or those named, in the panel's order.

    Raises
    ------
    ValueError
        If there is no such preset or expert, or none is named.
    """
    if isinstance(preset, str):
        if preset not in PRESETS:
            raise ValueError(f"preset must be one of {sorted(PRESETS)}, not {preset!r}")
        preset = PRESETS[preset]
    unknown = set(preset) - EXPERTS.keys()
    if unknown or not preset:
        raise ValueError(f"experts must be some of {sorted(EXPERTS)}, not {sorted(preset)}")
    return tuple(name for name in EXPERTS if name in preset)


def roles(names: Sequence[str]) -> Roles:
    """Return who does what when these experts take part."""
    chosen = [EXPERTS[name] for name in names]
    return Roles(
        places=np.array([names.index(name) if name in names else -1 for name in EXPERTS]),
        context_free=np.array([not each.sees_context for each in chosen]),
        labelled_only=np.array([not each.needs_unlabelled for each in chosen]),
        needs_unit=np.array([each.rows != "any" for each in chosen]),
        needs_dense=np.array([each.rows == "dense" for each in chosen]),
    )


def new(names: Sequence[str], n_features: int, n_classes: int) -> Experts:
    """Return the experts before any event."""
    row = {name: n_features if name in names else 0 for name in EXPERTS}
    view = {name: context.view_width(width) for name, width in row.items()}
    return Experts(
        last_label.new(),
        class_means.new(row["class_means"], n_classes),
        sgd.new(row["sgd"], n_classes),
        logistic.new(row["logistic_rows"], n_classes),
        logistic.new(view["logistic_views"], n_classes),
        rbf.new(row["rbf_rows"], n_classes, ROW_CENTRES),
        rbf.new(view["rbf_views"], n_classes, VIEW_CENTRES),
        forest.new(row["forest_rows"], n_classes),
        forest.new(TIMES + row["forest_times"], n_classes),
        forest.new(view["forest_views"], n_classes),
        cauchy.new(row["cauchy"], n_classes),
        correlation.new(row["correlation"], n_classes),
        persistence.new(n_classes),
    )


def grow(experts: Experts, names: Sequence[str], n_features: int, n_classes: int) -> Experts:
    """Make room for more columns and classes."""
    row = {name: n_features if name in names else 0 for name in EXPERTS}
    view = {name: context.view_width(width) for name, width in row.items()}
    return Experts(
        experts.last_label,
        class_means.grow(experts.class_means, row["class_means"], n_classes),
        sgd.grow(experts.sgd, row["sgd"], n_classes),
        logistic.grow(experts.logistic_rows, row["logistic_rows"], n_classes),
        logistic.grow(experts.logistic_views, view["logistic_views"], n_classes),
        rbf.grow(experts.rbf_rows, row["rbf_rows"], n_classes),
        rbf.grow(experts.rbf_views, view["rbf_views"], n_classes),
        forest.grow(experts.forest_rows, row["forest_rows"], n_classes),
        forest.grow(experts.forest_times, TIMES + row["forest_times"], n_classes),
        forest.grow(experts.forest_views, view["forest_views"], n_classes),
        cauchy.grow(experts.cauchy, row["cauchy"], n_classes),
        correlation.grow(experts.correlation, row["correlation"], n_classes),
        persistence.grow(experts.persistence, n_classes),
    )


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
        np.empty(len(roles.context_free), np.bool_),
        np.empty(n_classes),
        np.empty(n_classes),
        np.empty(n_units),
        np.empty(n_units),
        forest.scratch(n_classes),
        cauchy.scratch(n_features),
        correlation.scratch(n_features),
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
    copy(row if shown.unit[0] else shown.z_labelled, shown.vector)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def activate(roles: Roles, experts: Experts, shown: Shown) -> None:
    """Let the nets look at the event: for what follows, whichever it is."""
    places, nearest = roles.places, shown.nearest
    if places[RBF_ROWS] >= 0:
        nearest[0] = rbf.activate(experts.rbf_rows, shown.z_row, shown.row_distances, shown.row_units)
    if places[RBF_VIEWS] >= 0:
        nearest[1] = rbf.activate(experts.rbf_views, shown.z_view, shown.view_distances, shown.view_units)


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
    if places[SGD] >= 0:
        sgd.predict(experts.sgd, shown.z_labelled, prior, scores, said[places[SGD]])
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
def find_usable(roles: Roles, kind: RowKind, n_columns: int, out: NDArray[np.bool_]) -> None:
    """Write to ``out`` (e,) who can be asked about rows such as have come."""
    unit = row_kind.are_unit(kind, n_columns)
    dense = unit and row_kind.are_dense(kind)
    for e in range(len(out)):
        out[e] = (unit or not roles.needs_unit[e]) and (dense or not roles.needs_dense[e])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def observe(
    roles: Roles, experts: Experts, row: NDArray[np.float32], generator: NDArray[np.uint64], scratch: Scratch
) -> None:
    """Let the experts learn from the event that `activate` looked at, whatever its class."""
    places, shown, nearest = roles.places, scratch.shown, scratch.shown.nearest
    if places[RBF_ROWS] >= 0:
        rbf.observe(experts.rbf_rows, shown.z_row, shown.row_distances, nearest[0], generator)
    if places[RBF_VIEWS] >= 0:
        rbf.observe(experts.rbf_views, shown.z_view, shown.view_distances, nearest[1], generator)
    if places[CORRELATION] >= 0 and shown.unit[0]:
        correlation.observe(experts.correlation, row, generator, scratch.correlation)


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
    labelled_rows: Standardiser,
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
            experts.class_means, labelled_rows, unit, row, shown.vector, target, weight, prior, scores, spare
        )
    if places[SGD] >= 0:
        sgd.learn(experts.sgd, shown.z_labelled, target, weight, prior, scores, spare)
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


def forget_key(roles: Roles, experts: Experts, key: int) -> None:
    """Take back the label of this key from the experts that keep rows."""
    for place, trees in (
        (FOREST_ROWS, experts.forest_rows),
        (FOREST_TIMES, experts.forest_times),
        (FOREST_VIEWS, experts.forest_views),
    ):
        if roles.places[place] >= 0:
            forest.forget(trees, key)
    if roles.places[CAUCHY] >= 0:
        cauchy.forget(experts.cauchy, key)
    if roles.places[CORRELATION] >= 0:
        correlation.forget(experts.correlation, key)
