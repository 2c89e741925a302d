"""The classifier at home in scikit-learn; importing `streamssl` does not import it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from streamssl.learners.mixture import Memory, Mixture


class SemiSupervisedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """`streamssl.SemiSupervisedClassifier` for arrays: rows are learnt in their order, in one pass.

    Parameters
    ----------
    seed
        Same seed, same rows: same predictions, bit for bit.
    learn_from_unlabelled
        False learns from labelled rows only.
    metric
        What `predict` is to maximise: ``"kappa"`` (Cohen's) or ``"accuracy"``.
    preset
        Which experts take part: ``"default"``, ``"full"``, ``"lite"`` or ``"tiny"``.

    Notes
    -----
    A label -1 means unlabelled, also among strings in an array of objects. So -1 cannot be a class.
    Cost and memory are those of `streamssl.SemiSupervisedClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> masked = np.where(np.arange(500) % 10 == 0, y, -1)
    >>> SemiSupervisedClassifier().fit(X, masked).score(X, y) > 0.8
    True
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        learn_from_unlabelled: bool = True,
        metric: str = "kappa",
        preset: str = "default",
    ) -> None:
        self.seed = seed
        self.learn_from_unlabelled = learn_from_unlabelled
        self.metric = metric
        self.preset = preset

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Forget everything and learn the rows in their order; ``y`` (n,) is -1 where unlabelled."""
        for name in ("mixture_", "classes_"):
            self.__dict__.pop(name, None)
        return self.partial_fit(X, y, sample_weight=sample_weight)

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn further rows.

        Parameters
        ----------
        X
            (n, d) finite.
        y
            (n,) classes, -1 = unlabelled.
        classes
            All classes there will be; needed at the first call only, and if not given, those in its ``y``.
        sample_weight
            (n,) how much each label counts.

        Raises
        ------
        ValueError
            If ``y`` holds a class that is not among the classes, or no class is known.
        """
        first = not hasattr(self, "mixture_")
        checked: tuple[NDArray[np.float32], NDArray[Any]] = validate_data(self, X, y, dtype=np.float32, reset=first)
        rows, given = checked[0], column_or_1d(checked[1])
        labelled = np.flatnonzero(given != -1)
        labels = given[labelled]
        weights = _check_sample_weight(sample_weight, rows, dtype=np.float32)
        if first:
            check_classification_targets(labels if len(labels) else np.zeros(1, int))
            self.classes_ = np.unique(labels if classes is None else np.asarray(classes))
            if len(self.classes_) == 0:
                raise ValueError("no class is known: y holds no label and classes is not given")
            self.mixture_ = Mixture(
                rows.shape[1],
                len(self.classes_),
                seed=self.seed,
                learn_from_unlabelled=self.learn_from_unlabelled,
                metric=self.metric,
                preset=self.preset,
            )
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"y holds classes that are not among the classes: {unknown.tolist()}")
        targets = np.eye(len(self.classes_), dtype=np.float32)[np.searchsorted(self.classes_, labels)]
        begin = 0
        for row, target in zip(labelled.tolist(), targets, strict=True):
            memory = self.mixture_.process(rows[begin : row + 1]).take(slice(-1, None))
            begin = row + 1
            self.mixture_.learn(rows[row:begin], target[np.newaxis], weights[row:begin], memory)
        self.mixture_.process(rows[begin:])
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return (n,) the class of each row that serves the metric best; the first one before any label."""
        known = np.maximum(self._predicted(X).decisions, 0)
        decisions: NDArray[Any] = self.classes_[known]
        return decisions

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, k) probabilities, columns as in ``classes_``; all alike before any label."""
        probabilities = self._predicted(X).probabilities.astype(np.float64)
        totals = probabilities.sum(axis=1, keepdims=True)
        even = np.full_like(probabilities, 1 / len(self.classes_))
        shares: NDArray[np.float64] = np.divide(probabilities, totals, out=even, where=totals > 0)
        return shares

    def _predicted(self, X: ArrayLike) -> Memory:
        check_is_fitted(self, "mixture_")
        rows: NDArray[np.float32] = validate_data(self, X, dtype=np.float32, reset=False)
        return self.mixture_.predict(rows)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return state | ({"mixture_": self.mixture_.to_arrays()} if "mixture_" in state else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "mixture_" in state:  # joblib may bring read-only arrays; the kernels need their own
            state = state | {"mixture_": Mixture.from_arrays(state["mixture_"])}
        super().__setstate__(state)
