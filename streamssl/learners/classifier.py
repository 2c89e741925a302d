"""The public classifier: River's interface, and one method for unlabelled events."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from river import base

from streamssl.learners import names
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
    preset
        Which experts take part: ``"default"``, ``"full"``, ``"lite"`` or ``"tiny"``.

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

    def __init__(
        self,
        seed: int = 0,
        learn_from_unlabelled: bool = True,
        metric: str = "kappa",
        preset: str = "default",
    ) -> None:
        self.seed = seed
        self.learn_from_unlabelled = learn_from_unlabelled
        self.metric = metric
        self.preset = preset
        self.mixture = Mixture(seed=seed, learn_from_unlabelled=learn_from_unlabelled, metric=metric, preset=preset)
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

    def learn_one(self, x: Mapping[Hashable, Any], y: Hashable, w: float = 1.0) -> None:
        """Learn from an event that comes with its label, which counts ``w`` times."""
        self.learn_late_one(self.learn_unlabelled_one(x), y, w)

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

    def learn_late_one(self, passed: Passed, y: Hashable | Mapping[Hashable, float], w: float = 1.0) -> None:
        """Learn the label of an event that passed earlier.

        The event is not observed again, and the experts are scored with what they said when it passed.

        Parameters
        ----------
        passed
            What `learn_unlabelled_one` returned.
        y
            The class; or, where the label is in doubt, the probability of each class, which sum to 1.
        w
            How much the label counts; 0 teaches nothing.

        Raises
        ------
        ValueError
            If probabilities are negative or do not sum to 1, or ``w`` is negative.
        """
        shares = y if isinstance(y, Mapping) else {y: 1.0}
        if min(shares.values(), default=-1) < 0 or abs(sum(shares.values()) - 1) > 1e-6:
            raise ValueError(f"y must hold probabilities that sum to 1, got {dict(shares)}")
        labels = [self._classes.setdefault(name, len(self._classes)) for name in shares]
        target = np.zeros(len(self._classes), np.float32)
        target[labels] = list(shares.values())
        self._learn(passed, target, w)

    def learn_negative_one(self, passed: Passed, *not_y: Hashable) -> None:
        """Learn that an event that passed earlier is of none of these classes.

        It is learnt as the label that was to be expected: what was said when it passed, without these classes.
        Its weight is the probability they had, so it never counts more than a label, and little where it tells
        little. Where no other class was thought possible, nothing is learnt.

        Examples
        --------
        >>> model = SemiSupervisedClassifier()
        >>> for size, y in [(1.0, "small"), (9.0, "large")] * 5:
        ...     model.learn_one({"size": size}, y)
        >>> model.learn_negative_one(model.learn_unlabelled_one({"size": 9.0}), "small")
        >>> model.predict_one({"size": 9.0})
        'large'
        """
        expected = np.zeros(len(self._classes), np.float32)
        said = passed.memory.probabilities[0]
        expected[: len(said)] = said[: len(expected)]
        excluded = [self._classes[name] for name in not_y if name in self._classes]
        before = float(expected.sum())
        expected[excluded] = 0
        left = float(expected.sum())
        if left > 0:
            self._learn(passed, expected / np.float32(left), max(0.0, before - left))

    def _learn(self, passed: Passed, target: NDArray[np.float32], weight: float) -> None:
        self.mixture.grow(len(self._columns), len(self._classes))
        row = pad(passed.row, 1, self.mixture.n_features)
        self.mixture.learn(row, target[np.newaxis], np.array([weight], np.float32), passed.memory)

    def explain(self) -> dict[str, float]:
        """Return the present weight of each expert in the decision; they sum to 1."""
        return self.mixture.explain()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return a copy of the whole state as plain arrays, for `numpy.savez`; no pickle is needed.

        Raises
        ------
        TypeError
            If a class or feature is named by other than str, int, float, bool, None, or a tuple of these.
        """
        arrays = {f"mixture.{name}": array for name, array in self.mixture.to_arrays().items()}
        arrays["classes"] = np.array(names.to_text(list(self._classes)))
        arrays["preset"] = np.array(self.preset)
        return arrays | self._columns.to_arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return a classifier that continues bit for bit from `to_arrays`.

        Raises
        ------
        ValueError
            If an array is missing, unknown, or of another shape or dtype; the message names it.
        """
        for name in ("classes", "preset", "columns.owners"):
            if name not in arrays:
                raise ValueError(f"the state lacks the array {name!r}")
        own = {n.removeprefix("mixture."): arrays[n] for n in arrays if n.startswith("mixture.")}
        mixture = Mixture.from_arrays(own)
        model = cls(mixture.seed, mixture.learn_from_unlabelled, mixture.metric, str(arrays["preset"]))
        model.mixture = mixture
        model._columns = Columns.from_arrays(arrays)
        model._classes = {name: i for i, name in enumerate(names.from_text(str(arrays["classes"])))}
        return model

    def _row(self, x: Mapping[Hashable, Any]) -> NDArray[np.float32]:
        return self._columns.row(x, self.mixture.column_means)[np.newaxis]
