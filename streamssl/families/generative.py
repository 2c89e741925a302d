"""Generative models that learn unlabelled events by EM: naive Bayes, and a mixture of Gaussians.

Both say how rows come about, so a row without a label says something as well: it belongs to each class, or to each
Gaussian, in part (Dempster, Laird and Rubin, JRSS B 1977), here event by event (Cappé and Moulines, JRSS B 2009).
"""

from __future__ import annotations

import abc
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from river import base

from streamssl.families import gaussians
from streamssl.families.gaussians import Gaussians
from streamssl.families.guard import Guard
from streamssl.families.guarded import GuardedClassifier
from streamssl.families.rows import OnRows
from streamssl.learners import standardiser
from streamssl.learners.columns import Columns
from streamssl.learners.padding import pad
from streamssl.learners.standardiser import Standardiser

SMOOTHING = 0.02
"""Share of the class frequencies in what a model says: columns are not independent, and it is too sure."""
SEEDING = 10
"""Events from which the next Gaussian of a mixture is chosen."""


class _Model(NamedTuple):
    """Gaussians, which class their rows were of, and the scale of the columns."""

    moments: Standardiser
    parts: Gaussians
    """m of them; naive Bayes has one a class."""
    labels: NDArray[np.float64]
    """(m, k) weights of the labels that each has taken in."""
    counts: NDArray[np.float64]
    """(k,) weights of the labels."""
    n_alike: int
    """Gaussians that share one space: those of a mixture, but each class of naive Bayes has its own."""


class _Scratch(NamedTuple):
    shares: NDArray[np.float64]
    """(m,) of a row that belong to each Gaussian."""
    out: NDArray[np.float64]
    """(k,)."""


@njit(cache=True, nogil=True, error_model="numpy")
def _share_out(model: _Model, row: NDArray[np.float32], scratch: _Scratch) -> float:
    """Write how much of a row belongs to each Gaussian; return the logarithm of its density.

    Each begins as wide as it takes for all of them to fill the space of the rows.
    """
    first = model.n_alike ** (-2.0 / max(len(row), 1))
    gaussians.log_densities(model.parts, row, model.moments.variance, first, scratch.shares)
    for i in range(len(scratch.shares)):
        scratch.shares[i] += np.log(max(model.parts.masses[i], 1e-300))
    return gaussians.normalise(scratch.shares)


@njit(cache=True, nogil=True, error_model="numpy")
def _class_share(model: _Model, i: int, c: int) -> float:
    """Return P(class | Gaussian): its labels, and one more that is spread as all labels are."""
    return float((model.labels[i, c] + model.counts[c] / model.counts.sum()) / (model.labels[i].sum() + 1.0))


@njit(cache=True, nogil=True, error_model="numpy")
def _predict(model: _Model, row: NDArray[np.float32], scratch: _Scratch) -> None:
    """Write class probabilities to ``scratch.out``."""
    _share_out(model, row, scratch)
    out, total = scratch.out, model.counts.sum()
    for c in range(len(out)):
        said = 0.0
        for i in range(len(scratch.shares)):
            said += scratch.shares[i] * _class_share(model, i, c)
        out[c] = said
    said = out.sum()
    for c in range(len(out)):
        frequency = model.counts[c] / total
        out[c] = (1.0 - SMOOTHING) * out[c] / said + SMOOTHING * frequency if said > 0.0 else frequency


@njit(cache=True, nogil=True, error_model="numpy")
def _observe(model: _Model, row: NDArray[np.float32], weight: float, memory: float, scratch: _Scratch) -> None:
    """Let a row without a label move every Gaussian by its share."""
    standardiser.observe(model.moments, row)
    _share_out(model, row, scratch)
    for i in range(len(scratch.shares)):
        gaussians.take_in(model.parts, i, row, weight * scratch.shares[i], memory)


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(
    model: _Model, row: NDArray[np.float32], label: int, weight: float, memory: float, scratch: _Scratch
) -> None:
    """Let a labelled row move the Gaussians that stand for its class, by their shares."""
    standardiser.observe(model.moments, row)
    model.counts[label] += weight
    _share_out(model, row, scratch)
    total = 0.0
    for i in range(len(scratch.shares)):
        scratch.shares[i] *= _class_share(model, i, label)
        total += scratch.shares[i]
    for i in range(len(scratch.shares)):
        if total > 0.0:
            share = weight * scratch.shares[i] / total
            gaussians.take_in(model.parts, i, row, share, memory)
            model.labels[i, label] += share


@njit(cache=True, nogil=True, error_model="numpy")
def _learn_own(model: _Model, row: NDArray[np.float32], label: int, weight: float, memory: float) -> None:
    """Let a labelled row move the one Gaussian of its class."""
    standardiser.observe(model.moments, row)
    model.counts[label] += weight
    gaussians.take_in(model.parts, label, row, weight, memory)
    model.labels[label, label] += weight


class _Generative(OnRows, GuardedClassifier):
    """A model of rows beside a classifier."""

    unlabelled_weight: float
    memory: int
    _guard: Guard

    def _begin(self, n_parts: int) -> None:
        self._columns = Columns()
        self._classes: dict[Hashable, int] = {}
        self._model = _Model(
            standardiser.new(0), gaussians.new(n_parts, 0), np.zeros((n_parts, 0)), np.zeros(0), max(n_parts, 1)
        )
        self._scratch = _Scratch(np.zeros(n_parts), np.zeros(0))

    def _make_room(self) -> None:
        n_parts, n_columns, n_classes = self._n_parts(), len(self._columns), len(self._classes)
        if (len(self._model.moments.mean), len(self._model.counts)) == (n_columns, n_classes):
            return
        self._model = _Model(
            standardiser.grow(self._model.moments, n_columns),
            gaussians.grow(self._model.parts, n_parts, n_columns),
            pad(self._model.labels, n_parts, n_classes),
            pad(self._model.counts, n_classes),
            self._model.n_alike,
        )
        self._scratch = _Scratch(np.zeros(n_parts), np.zeros(n_classes))

    @abc.abstractmethod
    def _n_parts(self) -> int:
        """Return how many Gaussians there are to be."""

    def _means(self) -> NDArray[np.float64]:
        return self._model.moments.mean

    def _family_proba_one(self, x: Mapping[Hashable, Any]) -> Mapping[Hashable, float]:
        if not self._classes:
            return {}
        _predict(self._model, self._row(x), self._scratch)
        return dict(zip(self._classes, self._scratch.out.tolist(), strict=True))

    def learn_unlabelled_one(self, x: Mapping[Hashable, Any]) -> None:
        """Learn an event without a label, of which the wrapped classifier hears nothing.

        A label that comes later is learnt by `learn_one`, as an event of its own.
        """
        row = self._register(x)
        _observe(self._model, row, self.unlabelled_weight, self.memory, self._scratch)


class NaiveBayesEM(_Generative):
    """Naive Bayes with Gaussian columns that also learns unlabelled events, beside any classifier of River.

    One Gaussian a class. An event without a label moves each of them by its posterior times ``unlabelled_weight``
    (Nigam et al., "Text classification from labeled and unlabeled documents using EM", Machine Learning 2000, who
    found that without such a weight the many unlabelled rows drown the labels).

    Parameters
    ----------
    classifier
        Learns labelled events only.
    unlabelled_weight
        How much an unlabelled event counts beside a labelled one, 0 to 1.
    memory
        Rows after which a Gaussian begins to forget, at least 1.
    share
        How much the model counts before labels have shown what it is worth, between 0 and 1.

    Raises
    ------
    ValueError
        If a parameter is not in its range.

    Notes
    -----
    O(d k) an event, 28 d k bytes.

    Examples
    --------
    >>> from river import datasets, linear_model, metrics, preprocessing
    >>> from streamssl.families import NaiveBayesEM
    >>> alone = preprocessing.StandardScaler() | linear_model.SoftmaxRegression()
    >>> model = NaiveBayesEM(alone.clone())
    >>> kappas = {"alone": metrics.CohenKappa(), "with naive Bayes": metrics.CohenKappa()}
    >>> for i, (x, y) in enumerate(datasets.ImageSegments()):
    ...     if i:
    ...         kappas["alone"].update(y, alone.predict_one(x))
    ...         kappas["with naive Bayes"].update(y, model.predict_one(x))
    ...     if i % 50 == 0:
    ...         alone.learn_one(x, y)
    ...         model.learn_one(x, y)
    ...     else:
    ...         model.learn_unlabelled_one(x)
    >>> for name, kappa in kappas.items():
    ...     print(f"{name}: {kappa.get():.2f}")
    alone: 0.44
    with naive Bayes: 0.34
    """

    def __init__(
        self,
        classifier: base.Classifier,
        unlabelled_weight: float = 0.1,
        memory: int = 1000,
        share: float = 0.5,
    ) -> None:
        _check(unlabelled_weight, memory)
        self.classifier = classifier
        self.unlabelled_weight = unlabelled_weight
        self.memory = memory
        self.share = share
        self._guard = Guard(share)
        self._begin(0)

    def _n_parts(self) -> int:
        return len(self._classes)

    def _family_learn_one(self, x: Mapping[Hashable, Any], y: Hashable, w: float) -> None:
        if w > 0:
            row = self._register(x)
            label = self._number(y)
            _learn_own(self._model, row, label, w, self.memory)


class GaussianMixtureEM(_Generative):
    """A mixture of Gaussians that also learns unlabelled events, beside any classifier of River.

    Unlabelled events shape the Gaussians, labels say which classes live in each: there may be many for one class
    (Miller and Uyar, "A mixture of experts classifier with learning based on both labelled and unlabelled data",
    NIPS 1996). Each Gaussian begins as the least likely of ten events in a row, one after the other.

    Parameters
    ----------
    classifier
        Learns labelled events only.
    n_components
        Gaussians, at least 1.
    unlabelled_weight
        How much an unlabelled event counts beside a labelled one, 0 to 1.
    memory
        Rows after which a Gaussian begins to forget, at least 1.
    share
        How much the model counts before labels have shown what it is worth, between 0 and 1.

    Raises
    ------
    ValueError
        If a parameter is not in its range.

    Notes
    -----
    O(m (d + k)) an event, m (16 d + 8 k) bytes.

    Examples
    --------
    >>> from river import datasets, linear_model, metrics, preprocessing
    >>> from streamssl.families import GaussianMixtureEM
    >>> alone = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    >>> model = GaussianMixtureEM(alone.clone())
    >>> kappas = {"alone": metrics.CohenKappa(), "with mixture": metrics.CohenKappa()}
    >>> for i, (x, y) in enumerate(datasets.Bananas()):
    ...     kappas["alone"].update(y, bool(alone.predict_one(x)))
    ...     kappas["with mixture"].update(y, bool(model.predict_one(x)))
    ...     if i % 20 == 0:
    ...         alone.learn_one(x, y)
    ...         model.learn_one(x, y)
    ...     else:
    ...         model.learn_unlabelled_one(x)
    >>> for name, kappa in kappas.items():
    ...     print(f"{name}: {kappa.get():.2f}")
    alone: -0.08
    with mixture: 0.40
    """

    def __init__(
        self,
        classifier: base.Classifier,
        n_components: int = 20,
        unlabelled_weight: float = 0.1,
        memory: int = 1000,
        share: float = 0.5,
    ) -> None:
        _check(unlabelled_weight, memory)
        if n_components < 1:
            raise ValueError(f"n_components must be at least 1, got {n_components}")
        self.classifier = classifier
        self.n_components = n_components
        self.unlabelled_weight = unlabelled_weight
        self.memory = memory
        self.share = share
        self._guard = Guard(share)
        self._n_seeded = 0
        self._candidates: list[tuple[float, NDArray[np.float32]]] = []
        self._begin(n_components)

    def _n_parts(self) -> int:
        return self.n_components

    def _family_learn_one(self, x: Mapping[Hashable, Any], y: Hashable, w: float) -> None:
        if w > 0:
            self._seed(x)
            row = self._register(x)
            label = self._number(y)
            _learn(self._model, row, label, w, self.memory, self._scratch)

    def learn_unlabelled_one(self, x: Mapping[Hashable, Any]) -> None:
        """Learn an event without a label; see `NaiveBayesEM.learn_unlabelled_one`."""
        self._seed(x)
        super().learn_unlabelled_one(x)

    def _seed(self, x: Mapping[Hashable, Any]) -> None:
        """Begin the next Gaussian with the least likely of the last few events; the first with the first."""
        if self._n_seeded == self.n_components:
            return
        row = self._register(x)
        self._candidates.append((_share_out(self._model, row, self._scratch), row))
        if len(self._candidates) == SEEDING or self._n_seeded == 0:
            row = min(self._candidates, key=lambda candidate: candidate[0])[1]
            gaussians.take_in(self._model.parts, self._n_seeded, pad(row, len(self._columns)), 1.0, self.memory)
            self._n_seeded += 1
            self._candidates.clear()


def _check(unlabelled_weight: float, memory: int) -> None:
    if not 0 <= unlabelled_weight <= 1:
        raise ValueError(f"unlabelled_weight must be between 0 and 1, got {unlabelled_weight}")
    if memory < 1:
        raise ValueError(f"memory must be at least 1, got {memory}")
