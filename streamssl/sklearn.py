"""The classifier at home in scikit-learn; importing `streamssl` does not import it."""

from __future__ import annotations

from collections import deque
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from streamssl.learners.mixture import Memory, Mixture

UNLABELLED = -1

SIGNS = (-1, 1)
"""The old way to write two classes, which scikit-learn still asks for."""


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
    A label -1 means unlabelled, also among strings in an array of objects. The one exception is the old way to
    write two classes: where the labels given to `fit`, or the ``classes`` given to `partial_fit`, are -1 and 1 and
    nothing else, both are classes and no row is unlabelled. (With one class there would be nothing to learn.)

    `fit` takes no weights: a row that comes twice in a stream is not one row of twice the weight, since what comes
    in between, and before, is different. `partial_fit` takes them; there they say how much a label counts.

    PyTorch's and TensorFlow's tensors are taken as arrays; they must be in the computer's own memory.
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

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Forget everything and learn the rows in their order, once; ``y`` (n,) is -1 where unlabelled."""
        for name in ("mixture_", "classes_"):
            self.__dict__.pop(name, None)
        return self.partial_fit(
            X, y, classes=SIGNS if set(np.ravel(np.asarray(y)).tolist()) == set(SIGNS) else None
        )

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
            All classes there will be, at the first call; if not given, those in its ``y``. -1 among them is left
            out, unless they are -1 and 1.
        sample_weight
            (n,) at least 0: how much each label counts.

        Raises
        ------
        ValueError
            If ``y`` holds a class that is not among the classes, no class is known, or a weight is negative.
        """
        first = not hasattr(self, "mixture_")
        checked: tuple[NDArray[np.float32], NDArray[Any]] = validate_data(self, X, y, dtype=np.float32, reset=first)
        rows, given = checked[0], column_or_1d(checked[1])
        weights = _check_sample_weight(sample_weight, rows, dtype=np.float32, ensure_non_negative=True)
        if first:
            self._begin(rows, given if classes is None else np.asarray(classes), by_sign=classes is not None)
        labelled = np.flatnonzero((given != UNLABELLED) | (UNLABELLED in self.classes_))
        labels = given[labelled]
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"y holds classes that are not among the classes: {unknown.tolist()}")
        targets = np.eye(len(self.classes_), dtype=np.float32)[np.searchsorted(self.classes_, labels)]
        said = self.mixture_.test_then_train(rows, labelled, targets, labelled, weights=weights[labelled])
        deque(said, maxlen=0)
        return self

    def _begin(self, rows: NDArray[np.float32], classes: NDArray[Any], *, by_sign: bool) -> None:
        named = classes[classes != UNLABELLED]
        if by_sign and set(classes.tolist()) == set(SIGNS):
            named = classes
        if len(named) == 0:
            raise ValueError("no class is known: y holds no label and classes is not given")
        check_classification_targets(named)
        self.classes_ = np.unique(named)
        self.mixture_ = Mixture(
            rows.shape[1],
            len(self.classes_),
            seed=self.seed,
            learn_from_unlabelled=self.learn_from_unlabelled,
            metric=self.metric,
            preset=self.preset,
        )

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
