"""Softmax regression on kernels: a base for the families where speed matters."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from river import base

from streamssl.families.rows import OnRows
from streamssl.learners import class_prior, standardiser
from streamssl.learners.columns import Columns
from streamssl.learners.experts import logistic
from streamssl.learners.experts.logistic import Logistic
from streamssl.learners.standardiser import Standardiser


class _State(NamedTuple):
    moments: Standardiser
    """Of labelled rows."""
    regression: Logistic
    prior: NDArray[np.float64]
    """(k,)."""


class _Scratch(NamedTuple):
    z: NDArray[np.float32]
    """(d,)."""
    scores: NDArray[np.float64]
    """(k,)."""
    out: NDArray[np.float64]
    """(k,)."""


@njit(cache=True, nogil=True, error_model="numpy")
def _predict(state: _State, row: NDArray[np.float32], scratch: _Scratch) -> None:
    standardiser.standardise(state.moments, row, scratch.z)
    logistic.predict(state.regression, scratch.z, state.prior, scratch.scores, scratch.out)


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(
    state: _State, row: NDArray[np.float32], target: NDArray[np.float32], weight: float, scratch: _Scratch
) -> None:
    standardiser.observe(state.moments, row)
    class_prior.learn(state.prior, target, weight)
    standardiser.standardise(state.moments, row, scratch.z)
    logistic.learn(state.regression, scratch.z, target, weight, state.prior, scratch.scores, scratch.out)


class SoftmaxRegression(OnRows, base.Classifier):
    """Softmax regression by Adagrad on columns that it standardises itself.

    The equations are in `streamssl.learners.experts.logistic`; features are as in
    `streamssl.SemiSupervisedClassifier`. O(d k) an event and a label; 28 d k bytes.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from streamssl.families import SoftmaxRegression
    >>> model = SoftmaxRegression()
    >>> kappa = metrics.CohenKappa()
    >>> for x, y in datasets.Phishing():
    ...     kappa.update(y, bool(model.predict_one(x)))
    ...     model.learn_one(x, y)
    >>> print(f"{kappa.get():.2f}")
    0.79
    """

    def __init__(self) -> None:
        self._columns = Columns()
        self._classes: dict[Hashable, int] = {}
        self._state = _State(standardiser.new(0), logistic.new(0, 0), class_prior.new(0))
        self._mean = np.zeros(0, np.float32)
        self._scratch = _Scratch(np.zeros(0, np.float32), np.zeros(0), np.zeros(0))

    @property
    def _multiclass(self) -> bool:
        return True

    def predict_proba_one(  # type: ignore[override]
        self, x: Mapping[Hashable, Any]
    ) -> dict[Hashable, float]:
        """Return the probability of each class named so far; {} before the first label."""
        if not self._classes:
            return {}
        _predict(self._state, self._row(x), self._scratch)
        return dict(zip(self._classes, self._scratch.out.tolist(), strict=True))

    def learn_one(self, x: Mapping[Hashable, Any], y: Hashable, w: float = 1.0) -> None:
        """Learn an event with its label, which counts ``w`` times; 0 teaches nothing."""
        if w <= 0:
            return
        row = self._register(x)
        label = self._number(y)
        target = np.zeros(len(self._classes), np.float32)
        target[label] = 1.0
        _learn(self._state, row, target, w, self._scratch)
        self._mean[:] = self._state.moments.mean

    def _means(self) -> NDArray[np.float32]:
        return self._mean  # in 32 bits once a label, not once an event

    def _make_room(self) -> None:
        n_columns, n_classes = len(self._columns), len(self._classes)
        if (n_columns, n_classes) == (len(self._mean), len(self._state.prior)):
            return
        self._state = _State(
            standardiser.grow(self._state.moments, n_columns),
            logistic.grow(self._state.regression, n_columns, n_classes),
            class_prior.grow(self._state.prior, n_classes),
        )
        self._mean = self._state.moments.mean.astype(np.float32)
        self._scratch = _Scratch(np.zeros(n_columns, np.float32), np.zeros(n_classes), np.zeros(n_classes))
