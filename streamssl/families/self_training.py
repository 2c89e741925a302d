"""Self-training: a classifier's own confident predictions as further labels."""

from __future__ import annotations

import heapq
import inspect
from collections import deque
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
from river import base, compose

from streamssl.families.guard import Guard
from streamssl.families.guarded import GuardedClassifier, teach
from streamssl.families.trust import Threshold, trusted


class Passed(NamedTuple):
    """An event that has passed without a label, as its late label will need it."""

    number: int
    """Of the event in the stream."""
    x: Mapping[Hashable, Any]
    alone: Mapping[Hashable, float]
    """What the classifier said when it passed."""
    student: Mapping[Hashable, float]
    """What the student said when it passed."""


class _Example(NamedTuple):
    number: int
    x: Mapping[Hashable, Any]
    y: Hashable
    w: float


class SelfTraining(GuardedClassifier):
    """Self-training around any classifier of River.

    The classifier learns the labels. A student, a fresh copy of it, learns the last labels and the *pseudo-labels*
    of the last unlabelled events: the classes that both together are sure of (Scudder, IEEE Transactions on
    Information Theory 1965; Yarowsky, ACL 1995). It is made anew every so many labels, and pseudo-labels with it.
    So one that later labels refute, its own above all, leaves no trace from then on. What the student says counts
    as much as arrived labels show that it is worth.

    Parameters
    ----------
    classifier
        Learns labelled events only. `SoftmaxRegression` is the fast one.
    threshold
        Which predictions become pseudo-labels: ``"fixed"``, ``"top_share"`` or ``"per_class"``; see
        `streamssl.families.trust`.
    confidence
        The probability that ``"fixed"`` asks for, 0 to 1.
    top
        The share of the unlabelled events that the other two take, 0 to 1.
    pseudo_weight
        How much a pseudo-label counts beside a label, 0 to 1. A classifier that knows no weights gets this share
        of them in full.
    window
        So many unlabelled events are remembered, and as many labelled ones.
    interval
        Labels from one student to the next.
    share
        How much the student counts before labels have shown what it is worth, between 0 and 1.

    Raises
    ------
    ValueError
        If a parameter is not in its range.

    Notes
    -----
    An unlabelled event costs two predictions; every ``interval`` labels cost ``window`` predictions and up to twice
    as many lessons. Memory: the events of the window.

    Examples
    --------
    >>> from river import datasets, metrics, naive_bayes
    >>> from streamssl.families import SelfTraining
    >>> alone = naive_bayes.GaussianNB()
    >>> model = SelfTraining(alone.clone())
    >>> kappas = {"alone": metrics.CohenKappa(), "self-trained": metrics.CohenKappa()}
    >>> for i, (x, y) in enumerate(datasets.Phishing()):
    ...     kappas["alone"].update(y, bool(alone.predict_one(x)))
    ...     kappas["self-trained"].update(y, bool(model.predict_one(x)))
    ...     if i % 20 == 0:
    ...         alone.learn_one(x, y)
    ...         model.learn_one(x, y)
    ...     else:
    ...         passed = model.learn_unlabelled_one(x)
    >>> for name, kappa in kappas.items():
    ...     print(f"{name}: {kappa.get():.2f}")
    alone: 0.33
    self-trained: 0.39
    """

    def __init__(
        self,
        classifier: base.Classifier,
        threshold: Threshold = "per_class",
        confidence: float = 0.95,
        top: float = 0.5,
        pseudo_weight: float = 0.5,
        window: int = 500,
        interval: int = 10,
        share: float = 0.5,
    ) -> None:
        if threshold not in ("fixed", "top_share", "per_class"):
            raise ValueError(f"threshold must be 'fixed', 'top_share' or 'per_class', got {threshold!r}")
        for name, value in (("confidence", confidence), ("top", top), ("pseudo_weight", pseudo_weight)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {value}")
        for name, count in (("window", window), ("interval", interval)):
            if count < 1:
                raise ValueError(f"{name} must be at least 1, got {count}")
        self.classifier = classifier
        self.threshold = threshold
        self.confidence = confidence
        self.top = top
        self.pseudo_weight = pseudo_weight
        self.window = window
        self.interval = interval
        self.share = share
        self._guard = Guard(share)
        self._n_events = 0
        self._n_labels = 0
        self._labelled: deque[_Example] = deque(maxlen=window)
        self._unlabelled: dict[int, Mapping[Hashable, Any]] = {}
        self._student: Any = classifier.clone()

    def _family_proba_one(self, x: Mapping[Hashable, Any]) -> Mapping[Hashable, float]:
        return dict(self._student.predict_proba_one(x))

    def _family_learn_one(self, x: Mapping[Hashable, Any], y: Hashable, w: float) -> None:
        self._n_events += 1
        self._teach_student(_Example(self._n_events, dict(x), y, w))

    def learn_unlabelled_one(self, x: Mapping[Hashable, Any]) -> Passed:
        """Remember an event without a label, of which the wrapped classifier hears nothing.

        Returns
        -------
        Passed
            For `learn_late_one`, if a label may still come.
        """
        self._n_events += 1
        x = dict(x)
        self._unlabelled[self._n_events] = x
        if len(self._unlabelled) > self.window:
            del self._unlabelled[next(iter(self._unlabelled))]
        return Passed(self._n_events, x, self.classifier.predict_proba_one(x), self._family_proba_one(x))

    def learn_late_one(self, passed: Passed, y: Hashable, w: float = 1.0) -> None:
        """Learn the label of an event that passed earlier; a pseudo-label it may have had is refuted.

        What the classifier and the student are judged by is what they said when the event passed.
        """
        self._guard.learn(passed.alone, passed.student, y, w)
        teach(self.classifier, passed.x, y, w)
        self._unlabelled.pop(passed.number, None)
        self._teach_student(_Example(passed.number, passed.x, y, w))

    def _teach_student(self, example: _Example) -> None:
        self._labelled.append(example)
        self._n_labels += 1
        if self._n_labels % self.interval == 0:
            self._retrain()
        else:
            teach(self._student, example.x, example.y, example.w)

    def _retrain(self) -> None:
        pseudo = self._pseudo_labelled()
        self._student = self.classifier.clone()
        for example in heapq.merge(sorted(self._labelled), pseudo, key=lambda example: example.number):
            teach(self._student, example.x, example.y, example.w)

    def _pseudo_labelled(self) -> list[_Example]:
        """Return the unlabelled events that are trusted now, in their order, at the weight that they count."""
        said = [self.predict_proba_one(x) for x in self._unlabelled.values()]
        classes = list(dict.fromkeys(y for each in said for y in each))
        if not classes:
            return []
        table = np.array([[each.get(y, 0.0) for y in classes] for each in said])
        is_trusted = trusted(table, self.threshold, self.confidence, self.top)
        pseudo = [
            _Example(number, x, classes[c], self.pseudo_weight)
            for (number, x), c, chosen in zip(
                self._unlabelled.items(), table.argmax(axis=1).tolist(), is_trusted.tolist(), strict=True
            )
            if chosen
        ]
        if takes_weights(self.classifier):
            return pseudo
        return [each._replace(w=1.0) for i, each in enumerate(pseudo) if _is_due(i, self.pseudo_weight)]


def takes_weights(classifier: base.Classifier) -> bool:
    """Return whether a label can be given a weight; a pipeline is as its last step."""
    last = classifier
    while isinstance(last, compose.Pipeline):
        last = last._last_step
    return "w" in inspect.signature(last.learn_one).parameters


def _is_due(i: int, share: float) -> bool:
    """Return whether the i-th is among this share of all, evenly spread."""
    return int((i + 1) * share) > int(i * share)
