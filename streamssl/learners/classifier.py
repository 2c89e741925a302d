"""The public classifier: River's interface, and one method for unlabelled events."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from river import base

from streamssl.learners import frames, names
from streamssl.learners.columns import Columns
from streamssl.learners.mixture import Memory, Mixture
from streamssl.learners.padding import pad


class Passed(NamedTuple):
    """An event that has passed, as its late label will need it; see `learn_late_one`."""

    row: NDArray[np.float32]
    """(1, d)."""
    memory: Memory


class Explanation(NamedTuple):
    """What the decision rests on."""

    weights: dict[str, float]
    """Expert -> its share in the decision; they sum to 1."""
    unlabelled_gain: float
    """Nats a label that the experts who know unlabelled events have lately added to those who do not."""


class SemiSupervisedClassifier(base.MiniBatchClassifier):
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
        Which experts take part: ``"default"``, ``"full"``, ``"lite"`` or ``"tiny"``; or their names.

    Notes
    -----
    Features are numbers, truth values or strings (one-hot, 32 values a feature); one that is absent, None or NaN
    counts as the mean of its column. Features and classes may appear at any time.

    For d columns and k classes an event costs O(d k) and the distances to 160 centres and 256 labelled rows, a
    label O(d^2) and O(256^2); see `Mixture`. Memory is less than 2.8 MB + .46 MB k + .065 MB d; 2048 columns are
    used at most. The experts name their sources, see `streamssl.learners.experts`;
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
        preset: str | Sequence[str] = "default",
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
        """Learn from an event that comes with its label, which counts ``w`` times; None: it has none."""
        passed = self.learn_unlabelled_one(x)
        if y is not None:
            self.learn_late_one(passed, y, w)

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
            If probabilities are negative or do not sum to 1, ``w`` is negative, or there is no label.
        """
        if y is None:
            raise ValueError("y must be a class: an event whose label is not known has nothing more to teach")
        shares = y if isinstance(y, Mapping) else {y: 1.0}
        if min(shares.values(), default=-1) < 0 or abs(sum(shares.values()) - 1) > 1e-6:
            raise ValueError(f"y must hold probabilities that sum to 1, got {dict(shares)}")
        labels = [self._classes.setdefault(name, len(self._classes)) for name in shares]
        target = np.zeros(len(self._classes), np.float32)
        target[labels] = list(shares.values())
        self._learn(passed, target, w)

    def learn_negative_one(self, event: Passed | Mapping[Hashable, Any], *not_y: Hashable) -> None:
        """Learn that an event is of none of these classes.

        It is learnt as the label that was to be expected: what was said when it passed, without these classes.
        Its weight is the probability they had, so it never counts more than a label, and little where it tells
        little. Where no other class was thought possible, nothing is learnt.

        Parameters
        ----------
        event
            What `learn_unlabelled_one` returned; or a new event, which is learnt as unlabelled first.
        not_y
            Classes; those never seen are ignored.

        Examples
        --------
        >>> model = SemiSupervisedClassifier()
        >>> for size, y in [(1.0, "small"), (9.0, "large")] * 5:
        ...     model.learn_one({"size": size}, y)
        >>> model.learn_negative_one({"size": 9.0}, "small")
        >>> model.predict_one({"size": 9.0})
        'large'
        """
        passed = event if isinstance(event, Passed) else self.learn_unlabelled_one(event)
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

    # River's mini-batches are of pandas in its types, and of whatever Narwhals knows in its code; so here.
    def predict_many(self, X: Any) -> Any:
        """Return the classes of the rows of a frame, as a series like it; see `predict_one`."""
        decisions = self._predicted_many(X).decisions.tolist()
        classes = list(self._classes)
        return frames.series_like(X, [None if decision < 0 else classes[decision] for decision in decisions])

    def predict_proba_many(self, X: Any) -> Any:
        """Return the probabilities of the rows of a frame, as a frame like it with one column a class.

        There are no columns before the first label; see `predict_proba_one`.
        """
        probabilities = self._predicted_many(X).probabilities.astype(np.float64)
        totals = probabilities.sum(axis=1, keepdims=True)
        if (totals == 0).any():
            return frames.like(X, {})
        return frames.like(X, dict(zip(self._classes, (probabilities / totals).T, strict=True)))

    def learn_many(self, X: Any, y: Any) -> None:
        """Learn from the rows of a frame, in their order; the same, bit for bit, as one call a row.

        Columns of numbers are not taken apart in Python. Where values are missing, or a feature seen earlier has
        no column, a row must wait for the ones before it, which move the means it is completed with: then it
        costs what `learn_one` does.

        Parameters
        ----------
        X
            A frame of pandas, Polars, PyArrow or another library that Narwhals knows; values as in `learn_one`.
        y
            A series: the class of each row; None, NaN or NA = unlabelled.

        Raises
        ------
        ValueError
            If X and y are not of the same length.

        Examples
        --------
        >>> import pandas as pd
        >>> X = pd.DataFrame({"size": [1.0, 9.0, 2.0, 8.0], "colour": ["red", "blue", "red", None]})
        >>> model = SemiSupervisedClassifier()
        >>> model.learn_many(X, pd.Series(["small", "large", None, "large"]))
        >>> model.predict_many(X).tolist()
        ['small', 'large', 'small', 'large']
        """
        labels = frames.to_labels(y)
        if len(labels) != frames.length(X):
            raise ValueError(f"X has {frames.length(X)} rows, y has {len(labels)}")
        labelled = np.array([i for i, label in enumerate(labels) if label is not None], np.int64)
        table = self._checked_table(X)
        known = [self._classes.setdefault(labels[i], len(self._classes)) for i in labelled.tolist()]
        targets = np.eye(len(self._classes), dtype=np.float32)[known]
        for begin, rows in self._stretches(table, len(labels)):
            due = slice(*np.searchsorted(labelled, (begin, begin + len(rows))))
            here = labelled[due] - begin
            deque(self.mixture.test_then_train(rows, here, targets[due], here), maxlen=0)

    def learn_unlabelled_many(self, X: Any) -> list[Passed]:
        """Learn from the rows of a frame without labels; see `learn_many` and `learn_unlabelled_one`."""
        passed = []
        for _, rows in self._stretches(self._checked_table(X), frames.length(X)):
            memory = self.mixture.process(rows)
            each = (slice(i, i + 1) for i in range(len(rows)))
            passed += [Passed(rows[i].copy(), memory.take(i)) for i in each]
        return passed

    def _checked_table(self, X: Any) -> frames.Table:
        table = frames.to_table(X)
        self._columns.rows(table, frames.length(X))  # refuses a value before anything has been learnt
        return table

    def _stretches(self, table: frames.Table, n: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield where each stretch of rows begins, and the rows; to be learnt before the next is asked for.

        A row that brings something new begins a stretch, and one in which something is missing is alone in its
        own, since the rows before decide what it is completed with.
        """
        firsts = self._columns.firsts(table)
        for begin, end in itertools.pairwise(sorted({0, n, *firsts})):
            self._columns.register(firsts.get(begin, {}))
            self.mixture.grow(len(self._columns), len(self._classes))
            part = {name: column[begin:end] for name, column in table.items()}
            rows = self._columns.rows(part, end - begin)
            is_missing = np.isnan(rows)
            incomplete = np.flatnonzero(is_missing.any(axis=1))
            bounds = np.unique(np.concatenate([[0, len(rows)], incomplete, incomplete + 1]))
            for a, b in itertools.pairwise(bounds.tolist()):
                np.copyto(rows[a:b], self.mixture.column_means, where=is_missing[a:b])
                yield begin + a, rows[a:b]

    def _predicted_many(self, X: Any) -> Memory:
        rows = self._columns.rows(frames.to_table(X), frames.length(X))
        np.copyto(rows, self.mixture.column_means, where=np.isnan(rows))
        return self.mixture.predict(rows)

    def explain(self) -> Explanation:
        """Return which experts carry the decision, and what unlabelled events have been worth so far.

        Examples
        --------
        >>> SemiSupervisedClassifier().explain().unlabelled_gain
        0.0
        """
        return Explanation(self.mixture.explain(), self.mixture.unlabelled_gain)

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
        unknown = {n for n in arrays if not n.startswith("mixture.")} - {"classes", "preset", "columns.owners"}
        if unknown:
            raise ValueError(f"the state has unknown arrays {sorted(unknown)}")
        own = {n.removeprefix("mixture."): arrays[n] for n in arrays if n.startswith("mixture.")}
        mixture = Mixture.from_arrays(own)
        model = cls(mixture.seed, mixture.learn_from_unlabelled, mixture.metric, arrays["preset"].tolist())
        model.mixture = mixture
        model._columns = Columns.from_arrays(arrays)
        model._classes = {name: i for i, name in enumerate(names.from_text(str(arrays["classes"])))}
        return model

    def _row(self, x: Mapping[Hashable, Any]) -> NDArray[np.float32]:
        return self._columns.row(x, self.mixture.column_means)[np.newaxis]
