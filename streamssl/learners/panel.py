"""The panel of experts: who sits on it, what each is shown of an event, and what each learns from a label.

Experts are called by name, one line each. Which of them take part is the preset's choice; the others have no
columns and are never called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamssl.learners import context, row_kind
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
from streamssl.learners.experts.cauchy import Cauchy
from streamssl.learners.experts.class_means import ClassMeans
from streamssl.learners.experts.correlation import Correlation
from streamssl.learners.experts.forest import Forest
from streamssl.learners.experts.graph import Graph
from streamssl.learners.experts.last_label import LastLabel
from streamssl.learners.experts.logistic import Logistic
from streamssl.learners.experts.neighbours import Neighbours
from streamssl.learners.experts.persistence import Persistence
from streamssl.learners.experts.rbf import Rbf
from streamssl.learners.experts.soft_means import SoftMeans

ROW_CENTRES = 96
VIEW_CENTRES = 64
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
    """What rows must be like: ``"any"``, ``"unit"`` (of length 1) or ``"dense"`` (that, and mostly filled)."""
    for_embeddings: float = 1.0
    """What is left of its prior weight where rows are of length 1 and mostly filled."""


EXPERTS = {
    "last_label": Character(0.2, 1.0, sees_context=True, for_embeddings=0.3),
    "class_means": Character(1.0, 1.0),
    "logistic_rows": Character(1.0, 1.0, needs_unlabelled=True, for_embeddings=0.3),
    "logistic_views": Character(0.2, 1.0, sees_context=True, needs_unlabelled=True, for_embeddings=0.3),
    "rbf_rows": Character(0.2, 1.0, needs_unlabelled=True, for_embeddings=0.3),
    "rbf_views": Character(0.2, 1.0, sees_context=True, needs_unlabelled=True, for_embeddings=0.3),
    "forest_rows": Character(0.4, 2.0, for_embeddings=0.3),
    "forest_times": Character(0.4, 2.0, for_embeddings=0.3),
    "forest_views": Character(0.4, 2.0, sees_context=True, needs_unlabelled=True, for_embeddings=0.3),
    "cauchy": Character(1.0, 1.0),
    "neighbours": Character(0.3, 0.7, needs_unlabelled=True),
    "correlation": Character(6.0, 4.0, needs_unlabelled=True, rows="unit", for_embeddings=0.5),
    "soft_means": Character(3.0, 1.0, needs_unlabelled=True, rows="dense"),
    "graph_poisson": Character(2.0, 2.0, needs_unlabelled=True, rows="dense"),
    "graph_walk": Character(2.0, 2.0, needs_unlabelled=True, rows="dense"),
    "persistence": Character(0.2, 1.0, sees_context=True, needs_unlabelled=True, for_embeddings=0.3),
}
NAMES = tuple(EXPERTS)
(
    LAST_LABEL,
    CLASS_MEANS,
    LOGISTIC_ROWS,
    LOGISTIC_VIEWS,
    RBF_ROWS,
    RBF_VIEWS,
    FOREST_ROWS,
    FOREST_TIMES,
    FOREST_VIEWS,
    CAUCHY,
    NEIGHBOURS,
    CORRELATION,
    SOFT_MEANS,
    GRAPH_POISSON,
    GRAPH_WALK,
    PERSISTENCE,
) = range(len(NAMES))

FOR_VECTORS = ("correlation", "soft_means", "graph_poisson", "graph_walk")
"""Who is asked only where rows have length 1, and costs nothing elsewhere."""

PRESETS: dict[str, tuple[str, ...]] = {
    "default": tuple(name for name in NAMES if name != "neighbours"),
    "full": NAMES,
    "lite": (
        *("last_label", "class_means", "logistic_rows", "rbf_views", "forest_times", "forest_views"),
        *("persistence", *FOR_VECTORS),
    ),
    "tiny": ("last_label", "logistic_rows", "forest_views", "persistence", "correlation"),
}
"""Mean kappa over thirty streams and four ways of labelling: full .589, default .589, lite .585, tiny .573."""


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
    for_embeddings: NDArray[np.float64]
    """(e,) what is left of their prior weights there."""


class Experts(NamedTuple):
    """What each of them knows."""

    last_label: LastLabel
    class_means: ClassMeans
    logistic_rows: Logistic
    logistic_views: Logistic
    rbf_rows: Rbf
    rbf_views: Rbf
    forest_rows: Forest
    forest_times: Forest
    forest_views: Forest
    cauchy: Cauchy
    neighbours: Neighbours
    correlation: Correlation
    soft_means: SoftMeans
    graph: Graph
    persistence: Persistence


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
        for_embeddings=np.array([each.for_embeddings for each in chosen]),
    )


def _if_vectors(n_columns: int) -> int:
    return n_columns if n_columns >= row_kind.NARROWEST else 0


def _new_graph(names: Sequence[str], n_features: int, n_classes: int) -> Graph:
    wanted = {"graph_poisson", "graph_walk"} & set(names) and n_features >= row_kind.NARROWEST
    return graph.new(n_features, n_classes) if wanted else graph.new(0, n_classes, capacity=0)


def _grow_graph(state: Graph, names: Sequence[str], n_features: int, n_classes: int) -> Graph:
    """Make room; rows that have been too narrow so far left no nodes."""
    is_empty = len(state.weights) == 0
    return _new_graph(names, n_features, n_classes) if is_empty else graph.grow(state, n_features, n_classes)


def new(names: Sequence[str], n_features: int, n_classes: int) -> Experts:
    """Return the experts before any event."""
    row = {name: n_features if name in names else 0 for name in EXPERTS}
    view = {name: context.view_width(width) for name, width in row.items()}
    trees = {name: forest.TREES if name in names else 0 for name in EXPERTS}
    return Experts(
        last_label.new(),
        class_means.new(row["class_means"], n_classes),
        logistic.new(row["logistic_rows"], n_classes),
        logistic.new(view["logistic_views"], n_classes),
        rbf.new(row["rbf_rows"], n_classes, ROW_CENTRES),
        rbf.new(view["rbf_views"], n_classes, VIEW_CENTRES),
        forest.new(row["forest_rows"], n_classes, trees["forest_rows"]),
        forest.new(TIMES + row["forest_times"], n_classes, trees["forest_times"]),
        forest.new(view["forest_views"], n_classes, trees["forest_views"]),
        cauchy.new(row["cauchy"], n_classes),
        neighbours.new(row["neighbours"], n_classes),
        correlation.new(row["correlation"], n_classes),
        soft_means.new(_if_vectors(row["soft_means"]), n_classes),
        _new_graph(names, n_features, n_classes),
        persistence.new(n_classes),
    )


def grow(experts: Experts, names: Sequence[str], n_features: int, n_classes: int) -> Experts:
    """Make room for more columns and classes."""
    row = {name: n_features if name in names else 0 for name in EXPERTS}
    view = {name: context.view_width(width) for name, width in row.items()}
    return Experts(
        experts.last_label,
        class_means.grow(experts.class_means, row["class_means"], n_classes),
        logistic.grow(experts.logistic_rows, row["logistic_rows"], n_classes),
        logistic.grow(experts.logistic_views, view["logistic_views"], n_classes),
        rbf.grow(experts.rbf_rows, row["rbf_rows"], n_classes),
        rbf.grow(experts.rbf_views, view["rbf_views"], n_classes),
        forest.grow(experts.forest_rows, row["forest_rows"], n_classes),
        forest.grow(experts.forest_times, TIMES + row["forest_times"], n_classes),
        forest.grow(experts.forest_views, view["forest_views"], n_classes),
        cauchy.grow(experts.cauchy, row["cauchy"], n_classes),
        neighbours.grow(experts.neighbours, row["neighbours"], n_classes),
        correlation.grow(experts.correlation, row["correlation"], n_classes),
        soft_means.grow(experts.soft_means, _if_vectors(row["soft_means"]), n_classes),
        _grow_graph(experts.graph, names, n_features, n_classes),
        persistence.grow(experts.persistence, n_classes),
    )
