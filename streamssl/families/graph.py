"""Label propagation and label spreading online, beside any classifier of River.

The wrapped classifier learns labelled events only. A graph over the last events, labelled or not, has an opinion of
its own, and a guard decides by the labels that arrive how much that counts beside the classifier's: nothing, if it
harms. The equations are in `streamssl.families.graph_window`.

It helps where classes are clusters that the classifier does not part and near means alike; a good part of that is
what nearest neighbours do with labels alone. Where columns matter very differently, a graph that weighs all of them
alike is worse than most classifiers. docs/families.md has figures.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base

from streamssl.families import graph_window
from streamssl.families.graph_window import CLAMPED, UNLABELLED
from streamssl.families.guard import Guard
from streamssl.families.guarded import GuardedClassifier
from streamssl.families.rows import OnRows
from streamssl.learners.columns import Columns

SMOOTHING = 0.02
"""Share of the class frequencies in what the graph says: it may be wrong where it is certain."""


class _Graph(OnRows):
    """A window of events as dicts, and what spreads over it."""

    def __init__(self, size: int, n_sweeps: int, interval: int, alpha: float) -> None:
        self._n_sweeps, self._interval, self._alpha = n_sweeps, interval, alpha
        self._columns = Columns()
        self._classes: dict[Hashable, int] = {}
        self._counts: list[int] = []
        self._n_events = 0
        self._window = graph_window.new(size)
        self._scratch = graph_window.scratch(self._window)

    def probabilities(self, x: Mapping[Hashable, Any]) -> dict[Hashable, float]:
        """Return the probability of each class, {} before the first label."""
        if not self._classes:
            return {}
        beliefs = np.empty(len(self._classes))
        graph_window.estimate(self._window, self._row(x), self._alpha, beliefs, self._scratch)
        shares = np.array(self._counts) / sum(self._counts)
        total = beliefs.sum()
        spread = beliefs / total if total > 0 else shares
        smooth = (1 - SMOOTHING) * spread + SMOOTHING * shares
        return dict(zip(self._classes, smooth.tolist(), strict=True))

    def add(self, x: Mapping[Hashable, Any]) -> None:
        """Make an event a node without a label."""
        self._put(self._register(x), UNLABELLED)

    def add_labelled(self, x: Mapping[Hashable, Any], y: Hashable) -> None:
        """Make a labelled event a node."""
        row = self._register(x)
        label = self._number(y)
        if label == len(self._counts):
            self._counts.append(0)
        self._counts[label] += 1
        self._put(row, label)

    def _put(self, row: NDArray[np.float32], label: int) -> None:
        """Make a row a node; a label spreads at once, and every so many events all of them."""
        self._n_events += 1
        graph_window.add(self._window, row, label, self._n_events, self._alpha, self._scratch)
        if label != UNLABELLED or (self._classes and self._n_events % self._interval == 0):
            graph_window.sweep(self._window, self._n_sweeps, self._alpha, self._scratch)

    def _make_room(self) -> None:
        n_columns, n_classes = len(self._columns), len(self._classes)
        if (n_columns, n_classes) != (len(self._window.moments.mean), self._window.beliefs.shape[1]):
            self._window = graph_window.grow(self._window, n_columns, n_classes)
            self._scratch = graph_window.scratch(self._window)

    def _means(self) -> NDArray[np.float64]:
        return self._window.moments.mean


class _GuardedGraph(GuardedClassifier):
    _graph: _Graph

    def _family_proba_one(self, x: Mapping[Hashable, Any]) -> Mapping[Hashable, float]:
        return self._graph.probabilities(x)

    def _family_learn_one(self, x: Mapping[Hashable, Any], y: Hashable, w: float) -> None:
        if w > 0:
            self._graph.add_labelled(x, y)

    def learn_unlabelled_one(self, x: Mapping[Hashable, Any]) -> None:
        """Learn an event without a label, of which the wrapped classifier hears nothing.

        A label that comes later is learnt by `learn_one`, as an event of its own.
        """
        self._graph.add(x)


class LabelPropagation(_GuardedGraph):
    """Label propagation (Zhu and Ghahramani 2002) over recent events, beside any classifier of River.

    Labels stay as they are, every other event is the mean of its neighbours: see `streamssl.families.graph_window`.

    Parameters
    ----------
    classifier
        Learns labelled events only.
    window
        So many unlabelled events are remembered, and as many labelled ones.
    sweeps
        Passes over the graph at each label.
    interval
        Events between passes when no label comes.
    share
        How much the graph counts before labels have shown what it is worth, 0 to 1.

    Raises
    ------
    ValueError
        If ``window``, ``sweeps`` or ``interval`` is below 1.

    Examples
    --------
    Bananas are two curved clusters; one label in twenty is shown.

    >>> from river import datasets, linear_model, metrics, preprocessing
    >>> from streamssl.families.graph import LabelPropagation
    >>> alone = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    >>> model = LabelPropagation(alone.clone())
    >>> kappas = {"alone": metrics.CohenKappa(), "with graph": metrics.CohenKappa()}
    >>> for i, (x, y) in enumerate(datasets.Bananas()):
    ...     kappas["alone"].update(y, bool(alone.predict_one(x)))
    ...     kappas["with graph"].update(y, bool(model.predict_one(x)))
    ...     if i % 20 == 0:
    ...         alone.learn_one(x, y)
    ...         model.learn_one(x, y)
    ...     else:
    ...         model.learn_unlabelled_one(x)
    >>> for name, kappa in kappas.items():
    ...     print(f"{name}: {kappa.get():.2f}")
    alone: -0.08
    with graph: 0.65
    """

    def __init__(
        self,
        classifier: base.Classifier,
        window: int = 500,
        sweeps: int = 5,
        interval: int = 50,
        share: float = 0.5,
    ) -> None:
        _check_positive(window=window, sweeps=sweeps, interval=interval)
        self.classifier = classifier
        self.window = window
        self.sweeps = sweeps
        self.interval = interval
        self.share = share
        self._graph = _Graph(window, sweeps, interval, CLAMPED)
        self._guard = Guard(share)


class LabelSpreading(_GuardedGraph):
    """Label spreading (Zhou et al. 2003) over recent events, beside any classifier of River.

    Labels are softer than in `LabelPropagation`: neighbours may outvote one.

    Parameters
    ----------
    classifier
        Learns labelled events only.
    window
        So many unlabelled events are remembered, and as many labelled ones.
    alpha
        How much of a node's belief comes from its neighbours, between 0 and 1; the rest is its own label.
    sweeps
        Passes over the graph at each label.
    interval
        Events between passes when no label comes.
    share
        How much the graph counts before labels have shown what it is worth, 0 to 1.

    Raises
    ------
    ValueError
        If ``window``, ``sweeps`` or ``interval`` is below 1, or ``alpha`` is not between 0 and 1.

    Examples
    --------
    Bananas are two curved clusters; one label in twenty is shown.

    >>> from river import datasets, linear_model, metrics, preprocessing
    >>> from streamssl.families.graph import LabelSpreading
    >>> alone = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    >>> model = LabelSpreading(alone.clone())
    >>> kappas = {"alone": metrics.CohenKappa(), "with graph": metrics.CohenKappa()}
    >>> for i, (x, y) in enumerate(datasets.Bananas()):
    ...     kappas["alone"].update(y, bool(alone.predict_one(x)))
    ...     kappas["with graph"].update(y, bool(model.predict_one(x)))
    ...     if i % 20 == 0:
    ...         alone.learn_one(x, y)
    ...         model.learn_one(x, y)
    ...     else:
    ...         model.learn_unlabelled_one(x)
    >>> for name, kappa in kappas.items():
    ...     print(f"{name}: {kappa.get():.2f}")
    alone: -0.08
    with graph: 0.66
    """

    def __init__(
        self,
        classifier: base.Classifier,
        window: int = 500,
        alpha: float = 0.9,
        sweeps: int = 5,
        interval: int = 50,
        share: float = 0.5,
    ) -> None:
        _check_positive(window=window, sweeps=sweeps, interval=interval)
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must be between 0 and 1, got {alpha}")
        self.classifier = classifier
        self.window = window
        self.alpha = alpha
        self.sweeps = sweeps
        self.interval = interval
        self.share = share
        self._graph = _Graph(window, sweeps, interval, alpha)
        self._guard = Guard(share)


def _check_positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
