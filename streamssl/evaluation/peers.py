"""Learners of other libraries on the same stream, with the same labels at the same time.

========================  =====================================================================================
``river:MODULE.CLASS``    learns from labelled events only
``sklearn:MODULE.CLASS``  one with ``partial_fit``; learns from labelled events only
``capymoa:CLASS``         needs Java and ``pip install capymoa``; its semi-supervised learners are also given the
                          unlabelled events
========================  =====================================================================================

Models keep the defaults of their library. Where scale matters to a model of River's or scikit-learn's (linear ones,
nearest neighbours, neural nets), a ``StandardScaler`` of the same library stands before it and learns what the
model learns: labelled events.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from importlib.util import find_spec
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamssl.evaluation.prequential import PrequentialResult, checked
from streamssl.evaluation.schedule import arrivals
from streamssl.learners.mixture import warm_up

SCALED = {"linear_model", "neighbors", "neural_net", "neural_network"}
"""Modules of River and scikit-learn whose models depend on the scale of the columns."""


class Peer(Protocol):
    """A learner of another library behind one interface; classes are numbers from 0."""

    def start(self, n_features: int, n_classes: int) -> None:
        """Begin anew, with a model that has seen nothing."""

    def predict(self, row: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """Return (k,) scores of the classes, not below 0; None where the model says nothing."""

    def learn(self, row: NDArray[np.float32], label: int) -> None:
        """Learn a label."""

    def observe(self, row: NDArray[np.float32]) -> None:
        """Learn from an event whose label is not there, if the model is of that kind."""


def prequential_peer(learner: Peer, X: ArrayLike, y: ArrayLike, delay: ArrayLike = 0) -> PrequentialResult:
    """Run a learner of another library as `prequential` runs streamssl's.

    Parameters
    ----------
    learner
        From `peer`; it begins anew.
    X
        (n, d) finite.
    y
        (n,) integers from 0, -1 = unlabelled.
    delay
        As in `prequential`. An event whose label does not come at once passes as an unlabelled one first.

    Returns
    -------
    PrequentialResult
        Where the model says nothing, or nothing finite, its prediction is the commonest class among the labels
        it has learnt.

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, or a class or a delay is negative.

    Notes
    -----
    A loop in Python, one event at a time: some 5 us an event beside what the model takes. The time that making
    the model takes does not count.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 2))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> shown = np.where(rng.random(1000) < 0.1, y, -1)
    >>> result = prequential_peer(peer("river:naive_bayes.GaussianNB"), X, shown, delay=10)
    >>> bool(np.mean(result.predictions == y) > 0.8)
    True
    """
    rows, labels = checked(X, y)
    arriving, after = arrivals(labels, delay)
    classes = np.unique(labels[labels >= 0])
    numbers = np.searchsorted(classes, labels)
    at_once = np.zeros(len(rows), np.bool_)
    at_once[arriving[after == arriving]] = True
    probabilities = np.zeros((len(rows), len(classes)))
    counts = np.zeros(len(classes), np.int64)
    learner.start(rows.shape[1], len(classes))

    n_learnt = 0
    started = perf_counter()
    for t, row in enumerate(rows):
        if n_learnt:
            probabilities[t] = _shares(learner.predict(row), counts)
        if not at_once[t]:
            learner.observe(row)
        while n_learnt < len(arriving) and after[n_learnt] == t:
            label = int(numbers[arriving[n_learnt]])
            learner.learn(rows[arriving[n_learnt]], label)
            counts[label] += 1
            n_learnt += 1
    seconds = perf_counter() - started

    decisions = np.full(len(rows), -1)
    known = probabilities.any(axis=1)
    decisions[known] = probabilities[known].argmax(axis=1)
    return PrequentialResult(
        predictions=np.append(classes, -1)[decisions],
        probabilities=probabilities.astype(np.float32),
        classes=classes,
        events_per_second=len(rows) / max(seconds, 1e-9),
    )


def _shares(scores: NDArray[np.float64] | None, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return scores as probabilities; the commonest class where there are none."""
    if scores is not None:
        total = scores.sum()
        if 0 < total < np.inf:
            shares: NDArray[np.float64] = scores / total
            return shares
    shares = np.zeros(len(counts))
    shares[counts.argmax()] = 1.0
    return shares


def peer(spec: str, seed: int = 0) -> Peer:
    """Return the learner of that name.

    Parameters
    ----------
    spec
        Library and class: ``river:forest.ARFClassifier``, ``sklearn:linear_model.SGDClassifier``,
        ``capymoa:SLEADE``.
    seed
        Handed to models that take one.

    Raises
    ------
    ValueError
        If there is no such library or class, or it is no classifier that learns event by event.
    ImportError
        If the library is not installed, or lacks what the class needs.

    Examples
    --------
    >>> peer("river:forest.RandomForest")
    Traceback (most recent call last):
    ...
    ValueError: river.forest has no RandomForest
    """
    library, colon, name = spec.partition(":")
    if not colon or library not in _LIBRARIES:
        raise ValueError(
            f"a peer is written as one of {', '.join(f'{each}:NAME' for each in _LIBRARIES)}, not {spec!r}"
        )
    return _LIBRARIES[library](name, seed)


class RiverPeer:
    """A classifier of River's.

    Parameters
    ----------
    new
        Makes one that has seen nothing.
    scaled
        Whether to put a ``StandardScaler`` before it.

    Notes
    -----
    One that knows two classes only learns more of them by one against the rest.
    """

    def __init__(self, new: Callable[[], Any], *, scaled: bool = False) -> None:
        self._new = new
        self._scaled = scaled

    def start(self, n_features: int, n_classes: int) -> None:
        """Make the model."""
        from river import multiclass, preprocessing

        model = self._new()
        if n_classes > 2 and not model._multiclass:
            model = multiclass.OneVsRestClassifier(model)
        self._model = preprocessing.StandardScaler() | model if self._scaled else model
        self._n_classes = n_classes

    def predict(self, row: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """Ask for probabilities, or for the class of models that have none."""
        x = dict(enumerate(row.tolist()))
        try:
            scores = self._model.predict_proba_one(x)
        except NotImplementedError:
            scores = {self._model.predict_one(x): 1.0}
        # Models of two classes speak of False and True, which as keys are 0 and 1.
        return np.array([scores.get(c, 0.0) for c in range(self._n_classes)])

    def learn(self, row: NDArray[np.float32], label: int) -> None:
        """Learn one."""
        self._model.learn_one(dict(enumerate(row.tolist())), label)

    def observe(self, row: NDArray[np.float32]) -> None:
        """Nothing: `learn_one` needs a label."""


class SklearnPeer:
    """A classifier of scikit-learn's with ``partial_fit``; parameters as in `RiverPeer`."""

    def __init__(self, new: Callable[[], Any], *, scaled: bool = False) -> None:
        self._new = new
        self._scaled = scaled

    def start(self, n_features: int, n_classes: int) -> None:
        """Make the model."""
        from sklearn.preprocessing import StandardScaler

        self._model = self._new()
        self._scaler = StandardScaler() if self._scaled else None
        self._classes = np.arange(n_classes)

    def predict(self, row: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """Ask for probabilities, or for the class of models that have none."""
        x = row[None] if self._scaler is None else self._scaler.transform(row[None])
        if not hasattr(self._model, "predict_proba"):
            scores = np.zeros(len(self._classes))
            scores[self._model.predict(x)[0]] = 1.0
            return scores
        # Naive Bayes divides by variances, which are 0 as long as it knows one row of a class.
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self._model.predict_proba(x)[0], np.float64)

    def learn(self, row: NDArray[np.float32], label: int) -> None:
        """Fit to one row; all classes are said at the first."""
        x = row[None] if self._scaler is None else self._scaler.partial_fit(row[None]).transform(row[None])
        self._model.partial_fit(x, [label], classes=self._classes)

    def observe(self, row: NDArray[np.float32]) -> None:
        """Nothing: `partial_fit` needs a label."""


class CapyMOAPeer:
    """A classifier of CapyMOA's; ``new`` makes one for a schema."""

    def __init__(self, new: Callable[[Any], Any]) -> None:
        self._new = new

    def start(self, n_features: int, n_classes: int) -> None:
        """Describe the stream to Java and make the model; all columns are numbers there."""
        from capymoa.stream import Schema

        columns = [f"x{i}" for i in range(n_features)]
        # MOA takes no nominal attribute of less than two values.
        names = [str(c) for c in range(max(n_classes, 2))]
        self._schema = Schema.from_custom([*columns, "class"], "class", {"class": names})
        self._model = self._new(self._schema)
        self._n_classes = n_classes
        self._has_learnt = False

    def predict(self, row: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """Ask for its votes."""
        scores = self._model.predict_proba(self._unlabelled(row))
        return None if scores is None else np.asarray(scores, np.float64)[: self._n_classes]

    def learn(self, row: NDArray[np.float32], label: int) -> None:
        """Train on one."""
        from capymoa.core import LabeledInstance

        self._model.train(LabeledInstance.from_array(self._schema, row.astype(np.float64), label))
        self._has_learnt = True

    def observe(self, row: NDArray[np.float32]) -> None:
        """Train on it if the model is semi-supervised; SLEADE breaks on any before its first label."""
        if self._has_learnt and hasattr(self._model, "train_on_unlabeled"):
            self._model.train_on_unlabeled(self._unlabelled(row))

    def _unlabelled(self, row: NDArray[np.float32]) -> Any:
        from capymoa.core import Instance

        return Instance.from_array(self._schema, row.astype(np.float64))


def _river(name: str, seed: int) -> Peer:
    kind = _class("river", name)
    if not all(hasattr(kind, method) for method in ("predict_proba_one", "learn_one")) or inspect.isabstract(kind):
        raise ValueError(f"river:{name} is no classifier")
    return RiverPeer(_with_seed(kind, "seed", seed), scaled=name.split(".")[0] in SCALED)


def _sklearn(name: str, seed: int) -> Peer:
    from sklearn.base import ClassifierMixin

    kind = _class("sklearn", name)
    if not (isinstance(kind, type) and issubclass(kind, ClassifierMixin) and hasattr(kind, "partial_fit")):
        raise ValueError(f"sklearn:{name} is no classifier with partial_fit")
    return SklearnPeer(_with_seed(kind, "random_state", seed), scaled=name.split(".")[0] in SCALED)


def _capymoa(name: str, seed: int) -> Peer:
    # Importing CapyMOA starts Java in this process, and LLVM crashes when it compiles after that.
    if find_spec("capymoa") is not None:
        warm_up()
    for module in ("capymoa.ssl", "capymoa.classifier"):
        try:
            kind = getattr(importlib.import_module(module), name)
        except AttributeError:
            continue
        except ImportError as error:
            reason = " ".join(str(error).split())
            raise ImportError(f"capymoa:{name} needs Java and `pip install capymoa`: {reason}") from error
        return CapyMOAPeer(_with_seed(kind, "random_seed", seed))
    raise ValueError(f"capymoa has no {name}")


_LIBRARIES: dict[str, Callable[[str, int], Peer]] = {"river": _river, "sklearn": _sklearn, "capymoa": _capymoa}


def _class(library: str, name: str) -> Any:
    """Return the class ``name`` (MODULE.CLASS) of a library."""
    module, _, kind = name.rpartition(".")
    path = f"{library}.{module}" if module else library
    try:
        return getattr(importlib.import_module(path), kind)
    except ModuleNotFoundError as error:
        raise ValueError(f"there is no module {path}") from error
    except AttributeError as error:
        raise ValueError(f"{path} has no {kind}") from error


def _with_seed(kind: Any, parameter: str, seed: int) -> Callable[..., Any]:
    """Return what makes a new model, with the seed under the name that the library gives it."""
    seeded = {parameter: seed} if parameter in inspect.signature(kind).parameters else {}
    return lambda *arguments: kind(*arguments, **seeded)
