"""Which labels of a stream are shown, and when they come."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray


def label_mask(y: ArrayLike, rate: float, seed: int) -> NDArray[np.bool_]:
    """Choose which labels are shown: each with probability ``rate``, and the first two of every class.

    Parameters
    ----------
    y
        (n,) true classes; -1 = there is no label to show.
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
    mask: NDArray[np.bool_] = np.random.default_rng(seed).random(len(y)) < rate
    for label in np.unique(y):
        mask[np.flatnonzero(y == label)[:2]] = True
    mask[y == -1] = False
    return mask


def label_delays(
    y: ArrayLike, mean: float | Mapping[int, float], seed: int, *, end: float = 1.0
) -> NDArray[np.int64]:
    """Draw how many rows late the label of each row comes.

    Delays are geometric: at every row, a label that waits is as likely to come as at any other. So labels overtake
    each other, which they never do with one delay for all.

    Parameters
    ----------
    y
        (n,) true classes.
    mean
        Mean delay in rows, at least 0; or one for each class, as where what is harmless is confirmed late.
    seed
        Of NumPy's default generator.
    end
        What the mean has been multiplied by at the last row; it changes linearly over the stream. Above 1 the
        reviewers fall behind.

    Returns
    -------
    (n,) array
        To be handed to `prequential` as ``delay``.

    Raises
    ------
    ValueError
        If a mean or ``end`` is negative, or a class of ``y`` has no mean.

    Examples
    --------
    >>> label_delays([0, 1, 0, 1], {0: 0, 1: 100}, seed=0).tolist()
    [0, 102, 0, 0]
    >>> late = label_delays(np.zeros(100_000, int), 20, seed=0, end=3)
    >>> int(late[:10_000].mean()), int(late[-10_000:].mean())
    (21, 57)
    """
    y = np.asarray(y)
    means = np.full(len(y), np.nan)
    for label in np.unique(y):
        means[y == label] = mean.get(int(label), np.nan) if isinstance(mean, Mapping) else mean
    if np.isnan(means).any():
        raise ValueError(f"mean has none for the classes {np.unique(y[np.isnan(means)]).tolist()}")
    if len(means) and (means.min() < 0 or end < 0):
        raise ValueError("mean and end must not be negative")
    means *= np.linspace(1, end, len(y))
    return np.random.default_rng(seed).geometric(1 / (1 + means)) - 1
