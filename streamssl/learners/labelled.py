"""The last labelled events, kept as they came: what replay learns from again, and what can be forgotten."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.context import HORIZONS
from streamssl.learners.copying import copy
from streamssl.learners.padding import pad

CAPACITY = 500

NO_KEY = np.iinfo(np.int64).min
"""The key of an event that nobody will ask to forget."""


class Labelled(NamedTuple):
    """A ring of raw rows, first in first out; 500 (12 d + 4 k + 12) bytes."""

    n_added: NDArray[np.int64]
    """(1,) examples so far; the next one goes to this place, modulo the capacity."""
    rows: NDArray[np.float32]
    """(500, d)."""
    contexts: NDArray[np.float32]
    """(500, 2, d) moving averages before the event."""
    targets: NDArray[np.float32]
    """(500, k)."""
    weights: NDArray[np.float32]
    """(500,) 0 marks an empty place."""
    keys: NDArray[np.int64]
    """(500,) `NO_KEY` for none."""


def new(n_features: int, n_classes: int) -> Labelled:
    """Return an empty ring."""
    return Labelled(
        n_added=np.zeros(1, np.int64),
        rows=np.zeros((CAPACITY, n_features), np.float32),
        contexts=np.zeros((CAPACITY, len(HORIZONS), n_features), np.float32),
        targets=np.zeros((CAPACITY, n_classes), np.float32),
        weights=np.zeros(CAPACITY, np.float32),
        keys=np.full(CAPACITY, NO_KEY),
    )


def grow(state: Labelled, n_features: int, n_classes: int) -> Labelled:
    """Make room for more columns (0 in the rows kept) and classes."""
    return state._replace(
        rows=pad(state.rows, CAPACITY, n_features),
        contexts=pad(state.contexts, CAPACITY, len(HORIZONS), n_features),
        targets=pad(state.targets, CAPACITY, n_classes),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def add(
    state: Labelled,
    row: NDArray[np.float32],
    context: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    key: int,
) -> None:
    """Keep an example, in place of the oldest one."""
    slot = state.n_added[0] % CAPACITY
    copy(row, state.rows[slot])
    for h in range(len(context)):
        copy(context[h], state.contexts[slot, h])
    copy(target, state.targets[slot])
    state.weights[slot] = weight
    state.keys[slot] = key
    state.n_added[0] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def size(state: Labelled) -> int:
    """Return how many places have been filled, forgotten ones included."""
    return int(min(state.n_added[0], CAPACITY))
