"""When the labels of a stream arrive: out of labels and delays, the order in which they are learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from streamssl.learners.kernels import Schedule


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


def schedule(classes: NDArray[np.int64], rows: NDArray[np.int64], after: NDArray[np.int64]) -> tuple[Schedule, int]:
    """Give each label that arrives a place that keeps what was said of its event until then.

    Parameters
    ----------
    classes
        (n,) number of each row's class; of no meaning where there is no label.
    rows, after
        As `arrivals` gives them.

    Returns
    -------
    Schedule, int
        And how many places there are: as many as labels wait at once, at the most.
    """
    from streamssl.learners.kernels import Schedule

    slots = np.full(len(classes), -1)
    free: list[int] = []
    n_slots = n_arrived = 0
    for row in np.sort(rows):
        # A place is read after the prediction of row `after`, so that row itself cannot have it yet.
        while after[n_arrived] < row:
            free.append(slots[rows[n_arrived]])
            n_arrived += 1
        if not free:
            free.append(n_slots)
            n_slots += 1
        slots[row] = free.pop()
    return Schedule(classes, slots, rows, after), n_slots
