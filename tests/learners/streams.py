"""Small streams that the learner's tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamssl.learners.mixture import Mixture


def drifting(
    n: int, *, n_features: int = 3, n_classes: int = 3, seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Classes as clusters that move together: rows (n, d) and classes (n,)."""
    rng = np.random.default_rng(seed)
    centres = 2 * rng.normal(size=(n_classes, n_features))
    classes = rng.integers(n_classes, size=n)
    drift = np.cumsum(0.05 * rng.normal(size=(n, n_features)), axis=0)
    rows = centres[classes] + drift + 0.5 * rng.normal(size=(n, n_features))
    return rows.astype(np.float32), classes


def one_hot(classes: NDArray[Any], n_classes: int = 2) -> NDArray[np.float32]:
    return np.eye(n_classes, dtype=np.float32)[classes]


def run(
    mixture: Mixture, rows: NDArray[Any], classes: NDArray[Any], ends: list[int], every: int = 7
) -> NDArray[Any]:
    """Process blocks that end at ``ends``; every seventh label comes when its row has passed."""
    probabilities, start = [], 0
    for end in sorted({*ends, *range(every, len(rows), every), len(rows)} - {0}):
        memory = mixture.process(rows[start:end])
        probabilities.append(memory.probabilities)
        if end % every == 0:
            last = slice(end - 1, end)
            target = one_hot(classes[last], mixture.n_classes)
            mixture.learn(rows[last], target, np.ones(1), memory.take(slice(-1, None)), np.array([end]))
        start = end
    return np.concatenate(probabilities)


def assert_same_state(one: Mixture, other: Mixture) -> None:
    mine, theirs = one.to_arrays(), other.to_arrays()
    assert mine.keys() == theirs.keys()
    for name in mine:
        np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name, strict=True)
