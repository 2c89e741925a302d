"""When the labels of a stream arrive: out of labels and delays, the order in which they are learnt."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def arrivals(labels: NDArray[np.int64], delay: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows whose labels arrive, in that order, and after which row each does.

    Parameters
    ----------
    labels
        (n,) classes; -1 = there is no label.
    delay
        Rows from an event to its label: one for all, or (n,). A label that would come after the last row never
        arrives. Labels that arrive together keep the order of their rows.

    Returns
    -------
    rows, after
        (l,) each; ``after`` never falls.

    Raises
    ------
    ValueError
        If a delay is negative, is no integer, or there is not one a row.

    Examples
    --------
    >>> rows, after = arrivals(np.array([0, -1, 1, 0, 1]), [3, 0, 0, 0, 1])
    >>> rows.tolist(), after.tolist()
    ([2, 0, 3], [2, 3, 3])
    """
    delay = np.asarray(delay)
    if delay.shape not in ((), labels.shape):
        raise ValueError(f"delay must be one number or have shape {labels.shape}, not {delay.shape}")
    if delay.size and not np.issubdtype(delay.dtype, np.integer):
        raise ValueError(f"delay must be an integer, not {delay.dtype}")
    if delay.size and delay.min() < 0:
        raise ValueError(f"delay must not be negative, got {delay.min()}")
    rows = np.flatnonzero(labels >= 0)
    after = rows + np.broadcast_to(delay, labels.shape)[rows]
    rows, after = rows[after < len(labels)], after[after < len(labels)]
    order = np.argsort(after, kind="stable")
    return rows[order], after[order]
