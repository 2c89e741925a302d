r"""Where a stream has been lately: what unlabelled events are worth most for.

Two moving averages of the rows run over all events, labelled or not,

.. math:: m_\tau \leftarrow m_\tau + (x - m_\tau) / \tau, \qquad \tau \in \{30, 300\}

and the *view* of an event is its row beside its differences from them, taken before the event itself is used.
A learner that sees labelled events only cannot have it: its averages would run on the time-scale of the labels.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.copying import copy
from streamssl.learners.padding import pad

HORIZONS = (30, 300)
"""Time constants of the averages, in events."""

WIDEST = 160
"""The view takes the first so many columns, which bounds what its experts cost on wide rows."""

_RATES = np.array([1.0 / horizon for horizon in HORIZONS], dtype=np.float32)


def new(n_features: int) -> NDArray[np.float32]:
    """Return averages of shape (2, d), to be started with the first row."""
    return np.zeros((len(HORIZONS), n_features), np.float32)


def grow(context: NDArray[np.float32], n_features: int) -> NDArray[np.float32]:
    """Make room for more columns, as if they had been 0 so far."""
    return pad(context, len(HORIZONS), n_features)


def view_width(n_features: int) -> int:
    """Return how many columns the view of a row of ``n_features`` has."""
    return (1 + len(HORIZONS)) * min(n_features, WIDEST)


@njit(cache=True, nogil=True, error_model="numpy")
def start(context: NDArray[np.float32], row: NDArray[np.float32]) -> None:
    """Set the averages to the first row of a stream, before it is used."""
    for i in range(len(context)):
        copy(row, context[i])


@njit(cache=True, nogil=True, error_model="numpy")
def advance(context: NDArray[np.float32], row: NDArray[np.float32]) -> None:
    """Move the averages (2, d) by one row (d,), in place, after the row was used.

    The averages before any row follow bit for bit from those before an earlier one and the rows between.

    Examples
    --------
    >>> context = np.zeros((2, 1), np.float32)
    >>> advance(context, np.array([30.0], np.float32))
    >>> context.tolist()
    [[1.0], [0.10000000149011612]]
    """
    for i in range(len(_RATES)):
        for j in range(len(row)):
            context[i, j] += (row[j] - context[i, j]) * _RATES[i]


@njit(cache=True, nogil=True, error_model="numpy")
def write_view(context: NDArray[np.float32], row: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write the view of ``row`` to ``out``: value and both differences of one column side by side.

    Column by column, so that a new column of the row comes last in the view too.
    """
    for j in range(len(out) // 3):
        out[3 * j] = row[j]
        out[3 * j + 1] = row[j] - context[0, j]
        out[3 * j + 2] = row[j] - context[1, j]
