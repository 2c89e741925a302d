"""Test, then train: every event is predicted before it, or its label, is learnt.

The protocol for partial and late labels is that of Gomes et al., "A survey on semi-supervised learning for delayed
partially labelled data streams" (ACM Computing Surveys 2022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamssl.evaluation.schedule import arrivals

if TYPE_CHECKING:
    # The model brings its mixture, and with it Numba: who only reads files need not wait for that.
    from streamssl.learners.mixture import Mixture

BLOCK = 4096
"""Rows from one call of ``progress`` to the next, unless said otherwise; of no influence on the result."""


class HasMixture(Protocol):
    """A classifier with the array interface underneath."""

    @property
    def mixture(self) -> Mixture:
        """The learner of rows."""


@dataclass(frozen=True, slots=True)
class PrequentialResult:
    """What a prequential run gave."""

    predictions: NDArray[np.int64]
    """(n,) made before the row was learnt; -1 while no class is known."""
    probabilities: NDArray[np.float32]
    """(n, k) columns as in `classes`; all 0 while no class is known."""
    classes: NDArray[np.int64]
    """(k,) sorted."""
    events_per_second: float
    """Learning and predicting, without compilation."""


def prequential(
    model: HasMixture,
    X: ArrayLike,
    y: ArrayLike,
    delay: ArrayLike = 0,
    *,
    progress: Callable[[int], None] | None = None,
    every: int = BLOCK,
) -> PrequentialResult:
    """Run a model over a stream in which some labels are hidden and the others come late.

    Parameters
    ----------
    model
        A `SemiSupervisedClassifier` that has seen nothing yet.
    X
        (n, d) finite.
    y
        (n,) integers from 0, -1 = unlabelled.
    delay
        The label of row t is learnt after row t + delay has been predicted; labels that would come after the
        last row are never learnt. The row itself is observed as an unlabelled one when it passes. One integer, or
        (n,) one for each row: see `streamssl.evaluation.label_delays`.
    progress
        Called with the number of rows done, after every ``every`` of them and at the end.

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, a class or a delay is negative, or the model is not new.

    Notes
    -----
    One compiled loop: the cost is that of the model. Memory: 4 k + 8 bytes a row for the result, and for each label
    that waits 8 d bytes and one byte for each expert and class.

    Examples
    --------
    >>> from streamssl import SemiSupervisedClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 2))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> shown = np.where(rng.random(1000) < 0.1, y, -1)
    >>> result = prequential(SemiSupervisedClassifier(seed=0), X, shown, delay=10)
    >>> bool(np.mean(result.predictions == y) > 0.8)
    True
    """
    rows, labels = checked(X, y)
    arriving, after = arrivals(labels, delay)
    if every < 1:
        raise ValueError(f"every must be at least 1, not {every}")
    classes = np.unique(labels[labels >= 0])
    mixture = model.mixture
    if mixture.n_features or mixture.n_classes:
        raise ValueError("model has learnt from a stream before: give prequential a new one")
    mixture.grow(rows.shape[1], len(classes))
    mixture.warm_up()
    targets = np.eye(len(classes), dtype=np.float32)[np.searchsorted(classes, labels[arriving])]
    probabilities = np.zeros((len(rows), len(classes)), np.float32)
    decisions = np.full(len(rows), -1)

    done = 0
    started = perf_counter()
    for memory in mixture.test_then_train(rows, arriving, targets, after, every):
        begin, done = done, done + len(memory.decisions)
        probabilities[begin:done] = memory.probabilities
        decisions[begin:done] = memory.decisions
        if progress is not None:
            progress(done)
    seconds = perf_counter() - started

    return PrequentialResult(
        predictions=np.append(classes, -1)[decisions],
        probabilities=probabilities,
        classes=classes,
        events_per_second=len(rows) / max(seconds, 1e-9),
    )


def checked(X: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return a stream as rows (n, d) and labels (n,), or say what is wrong with it.

    Raises
    ------
    ValueError
        If a shape is wrong, a value is not finite, or a label is no integer from -1.
    """
    rows = np.ascontiguousarray(X, np.float32)
    labels = np.asarray(y)
    if rows.ndim != 2:
        raise ValueError(f"X must have shape (n, d), not {rows.shape}")
    if labels.shape != (len(rows),):
        raise ValueError(f"y must have shape ({len(rows)},), one label a row of X, not {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer) or (len(labels) and labels.min() < -1):
        raise ValueError("y must hold integers from 0, and -1 for unlabelled")
    if not np.isfinite(rows).all():
        raise ValueError("X holds NaN or infinity")
    return rows, labels.astype(np.int64)
