"""Which of a classifier's own predictions may serve as labels."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Threshold = Literal["fixed", "top_share", "per_class"]


def trusted(
    probabilities: NDArray[np.float64], threshold: Threshold, confidence: float, top: float
) -> NDArray[np.bool_]:
    """Return which rows' likeliest class is trusted.

    Parameters
    ----------
    probabilities
        (n, k) of each class.
    threshold
        ``"fixed"``: as likely as ``confidence`` (Yarowsky, ACL 1995); ``"top_share"``: among the ``top`` share of
        rows that are surest; ``"per_class"``: the same within each class that rows are taken for, so that rare
        and hard classes get theirs (class-balanced self-training: Zou et al., ECCV 2018).
    confidence
        Probability, for ``"fixed"``.
    top
        Share of the rows, for the others; rounded up.

    Returns
    -------
    (n,) booleans. Of equally sure rows the earlier ones come first. O(n log n).

    Examples
    --------
    >>> said = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.45, 0.55]])
    >>> trusted(said, "fixed", confidence=0.8, top=0.5).tolist()
    [True, False, True, False]
    >>> trusted(said, "top_share", confidence=0.8, top=0.25).tolist()
    [True, False, False, False]
    >>> trusted(said, "per_class", confidence=0.8, top=0.5).tolist()
    [True, False, True, False]
    """
    sureness: NDArray[np.float64] = probabilities.max(axis=1)
    if threshold == "fixed":
        return np.greater_equal(sureness, confidence)
    likeliest = probabilities.argmax(axis=1)
    groups = likeliest if threshold == "per_class" else np.zeros_like(likeliest)
    chosen = np.zeros(len(sureness), np.bool_)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        surest = rows[np.argsort(-sureness[rows], kind="stable")]
        chosen[surest[: int(np.ceil(top * len(rows)))]] = True
    return chosen
