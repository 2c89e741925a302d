"""Test, then train: every event is predicted before it, or its label, is learnt.

The protocol for partial and late labels is that of Gomes et al., "A survey on semi-supervised learning for delayed
partially labelled data streams" (ACM Computing Surveys 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamssl.learners.mixture import Memory, Mixture

BLOCK = 4096
"""Longest run of rows handed over at once; of no influence on the result."""


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


def label_mask(y: ArrayLike, rate: float, seed: int) -> NDArray[np.bool_]:
    """Choose which labels are shown: each with probability ``rate``, and the first two of every class.

    Parameters
    ----------
    y
        (n,) true classes.
    rate
        In [0, 1].
    seed
        Of NumPy's default generator.

    Examples
    --------
    >>> label_mask([0, 0, 0, 1], rate=0.0, seed=0).tolist()
    [True, True, False, True]
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must lie in [0, 1], not {rate}")
    y = np.asarray(y)
    mask = np.random.default_rng(seed).random(len(y)) < rate
    for label in np.unique(y):
        mask[np.flatnonzero(y == label)[:2]] = True
    return mask


def prequential(model: HasMixture, X: ArrayLike, y: ArrayLike, delay: int = 0) -> PrequentialResult:
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
        last row are never learnt. The row itself is observed as an unlabelled one when it passes.

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, or a class or the delay is negative.

    Examples
    --------
    >>> from streamssl import SemiSupervisedClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 2))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> shown = np.where(label_mask(y, rate=0.1, seed=0), y, -1)
    >>> result = prequential(SemiSupervisedClassifier(seed=0), X, shown, delay=10)
    >>> bool(np.mean(result.predictions == y) > 0.8)
    True
    """
    rows = np.ascontiguousarray(X, np.float32)
    labels = np.asarray(y)
    _check(rows, labels, delay)
    classes = np.unique(labels[labels >= 0]).astype(np.int64)
    targets = np.eye(len(classes), dtype=np.float32)
    mixture = model.mixture
    if mixture.n_features or mixture.n_classes:
        raise ValueError("model has learnt from a stream before: give prequential a new one")
    mixture.grow(rows.shape[1], len(classes))
    mixture.warm_up()
    probabilities = np.zeros((len(rows), len(classes)), np.float32)
    decisions = np.full(len(rows), -1)
    waiting: dict[int, Memory] = {}

    started = perf_counter()
    position = 0
    for end in _block_ends(np.flatnonzero(labels >= 0), len(rows), delay):
        memory = mixture.process(rows[position:end])
        probabilities[position:end] = memory.probabilities
        decisions[position:end] = memory.decisions
        for i in np.flatnonzero(labels[position:end] >= 0):
            waiting[position + int(i)] = memory.take(slice(i, i + 1))
        position = end
        due = end - 1 - delay
        if due in waiting:
            row = slice(due, due + 1)
            target = targets[np.searchsorted(classes, labels[row])]
            mixture.learn(rows[row], target, np.ones(1, np.float32), waiting.pop(due))
    seconds = perf_counter() - started

    return PrequentialResult(
        predictions=np.append(classes, -1)[decisions],
        probabilities=probabilities,
        classes=classes,
        events_per_second=len(rows) / max(seconds, 1e-9),
    )


def _block_ends(labelled: NDArray[np.int64], n_rows: int, delay: int) -> list[int]:
    """Return where blocks end: after each row that makes a label due, every `BLOCK` rows, and at the end."""
    due = labelled + delay + 1
    return sorted({*due[due <= n_rows].tolist(), *range(BLOCK, n_rows, BLOCK), n_rows} - {0})


def _check(rows: NDArray[np.float32], labels: NDArray[np.int64], delay: int) -> None:
    if rows.ndim != 2:
        raise ValueError(f"X must have shape (n, d), not {rows.shape}")
    if labels.shape != (len(rows),):
        raise ValueError(f"y must have shape ({len(rows)},), one label a row of X, not {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer) or (len(labels) and labels.min() < -1):
        raise ValueError("y must hold integers from 0, and -1 for unlabelled")
    if delay < 0:
        raise ValueError(f"delay must not be negative, got {delay}")
    if not np.isfinite(rows).all():
        raise ValueError("X holds NaN or infinity")
