"""The public classifier: River's interface, and one method for unlabelled events."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from river import base

from streamssl.learners.columns import Columns
from streamssl.learners.mixture import Memory, Mixture
from streamssl.learners.padding import pad


class Passed(NamedTuple):
    """An event that has passed, as its late label will need it; see `learn_late_one`."""

    row: NDArray[np.float32]
    """(1, d)."""
    memory: Memory


class SemiSupervisedClassifier(base.Classifier):
    """A classifier that learns from every event of a stream, labelled or not.

    A mixture of label-efficient experts, weighted by how well they foresaw the labels that arrived. Unlabelled
    events teach it the scale of the columns, the clusters in them, and above all where the stream has been
    lately. Experts that know labelled events only are among them, so it is never much worse than its twin, the
    same classifier with ``learn_from_unlabelled=False``.

    Parameters
    ----------
    seed
        Same seed, same events: same predictions, bit for bit.
    learn_from_unlabelled
        False makes the twin.
    metric
        What `predict_one` is to maximise over the stream: ``"kappa"`` (Cohen's) or ``"accuracy"``.

    Notes
    -----
    Features are numbers, truth values or strings (one-hot, 32 values a feature); one that is absent, None or NaN
    counts as the mean of its column. Features and classes may appear at any time.

    For d columns and k classes an event costs O(d k) plus some 290 d operations for the distances to 160
    centres, a label O(d^2), no more beyond 480 columns. Memory is some 7 KB and 120 k bytes a column and at most
    8 MB beside; 2048 columns are used at most. The experts name their sources, see `streamssl.learners.experts`;
    the weights are Hedge (Freund and Schapire, "A decision-theoretic generalization of on-line learning and an
    application to boosting", JCSS 1997).

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from streamssl import SemiSupervisedClassifier
    >>> model = SemiSupervisedClassifier(seed=0)
    >>> metric = metrics.CohenKappa()
    >>> for i, (x, y) in enumerate(datasets.Phishing()):
    ...     metric.update(y, model.predict_one(x)) if i else None
    ...     if i % 20 == 0:
    ...         model.learn_one(x, y)
    ...     else:
    ...         passed = model.learn_unlabelled_one(x)
    >>> metric.get() > 0.5
    True
    """

    def __init__(self, seed: int = 0, learn_from_unlabelled: bool = True, metric: str = "kappa") -> None:
        self.seed = seed
        self.learn_from_unlabelled = learn_from_unlabelled
        self.metric = metric
        self.mixture = Mixture(seed=seed, learn_from_unlabelled=learn_from_unlabelled, metric=metric)
        self._columns = Columns()
        self._classes: dict[Hashable, int] = {}

    @property
    def _multiclass(self) -> bool:
        return True

    # River lets keywords through and names three types of class; here are neither.
    def predict_proba_one(  # type: ignore[override]
        self, x: Mapping[Hashable, Any]
    ) -> dict[Hashable, float]:
        """Return the probability of every class seen so far; empty before the first label."""
        probabilities = self.mixture.predict(self._row(x)).probabilities[0].astype(np.float64)
        total = probabilities.sum()
        if total == 0:
            return {}
        return dict(zip(self._classes, (probabilities / total).tolist(), strict=True))

    def predict_one(self, x: Mapping[Hashable, Any]) -> Hashable | None:  # type: ignore[override]
        """Return the class that serves the metric best, None before the first label."""
        decision = self.mixture.predict(self._row(x)).decisions[0]
        return None if decision < 0 else list(self._classes)[decision]

    def learn_one(self, x: Mapping[Hashable, Any], y: Hashable) -> None:
        """Learn from an event that comes with its label."""
        self.learn_late_one(self.learn_unlabelled_one(x), y)

    def learn_unlabelled_one(self, x: Mapping[Hashable, Any]) -> Passed:
        """Learn from an event without a label.

        Returns
        -------
        Passed
            To be kept, by those who expect the label later, for `learn_late_one`; some 12 d bytes.

        Examples
        --------
        >>> model = SemiSupervisedClassifier()
        >>> waiting = {"a": model.learn_unlabelled_one({"size": 1.0})}
        >>> model.learn_late_one(waiting.pop("a"), "small")
        >>> model.predict_one({"size": 1.0})
        'small'
        """
        self._columns.register(x)
        self.mixture.grow(len(self._columns), len(self._classes))
        row = self._row(x)
        return Passed(row, self.mixture.process(row))

    def learn_late_one(self, passed: Passed, y: Hashable) -> None:
        """Learn the label of an event that passed earlier.

        The event is not observed again, and the experts are scored with what they said when it passed.
        """
        label = self._classes.setdefault(y, len(self._classes))
        self.mixture.grow(len(self._columns), len(self._classes))
        target = np.zeros((1, len(self._classes)), np.float32)
        target[0, label] = 1
        row = pad(passed.row, 1, self.mixture.n_features)
        self.mixture.learn(row, target, np.ones(1, np.float32), passed.memory)

    def _row(self, x: Mapping[Hashable, Any]) -> NDArray[np.float32]:
        return self._columns.row(x, self.mixture.column_means)[np.newaxis]
