r"""The five nearest of the last 512 labelled rows.

A neighbour at squared distance :math:`d_i` votes with :math:`.05 + 1 - d_i/d_5` times the weight of its label, and
the class prior with .5 (Dudani, IEEE SMC 1976, has the distance weights). Rows are kept raw and are standardised
again, all of them, at every label up to 32, then at 64, 128, 256, 512 and every 512 after: moments taken from few
rows would otherwise rule the distances for as long as a row stays. Rows and queries share one standardisation.

O(512 d) an event, O(d) a label and 512 d at each renewal; 512 (8 d + 4 k + 12) bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.labelled import NO_KEY
from streamssl.learners.padding import pad
from streamssl.learners.standardiser import LIMIT, Standardiser

CAPACITY = 512
N_NEIGHBOURS = 5
FLOOR = 0.05
PRIOR_WEIGHT = 0.5
FIRST_RENEWAL = 32


class Neighbours(NamedTuple):
    """A ring of labelled rows, one column an example, so that all distances are summed side by side."""

    n_added: NDArray[np.int64]
    """(1,) examples so far; the next one goes to this place, modulo the capacity."""
    rows: NDArray[np.float32]
    """(d, 512) raw."""
    standardised: NDArray[np.float32]
    """(d, 512)."""
    targets: NDArray[np.float32]
    """(512, k)."""
    weights: NDArray[np.float32]
    """(512,) 0 marks an empty place."""
    keys: NDArray[np.int64]
    """(512,)."""
    mean: NDArray[np.float64]
    """(d,) as of the last renewal."""
    scale: NDArray[np.float32]
    """(d,)."""
    unit: NDArray[np.bool_]
    """(1,) whether rows are vectors of length 1, compared as they are."""


def new(n_columns: int, n_classes: int) -> Neighbours:
    """Return the expert before any label."""
    return Neighbours(
        n_added=np.zeros(1, np.int64),
        rows=np.zeros((n_columns, CAPACITY), np.float32),
        standardised=np.zeros((n_columns, CAPACITY), np.float32),
        targets=np.zeros((CAPACITY, n_classes), np.float32),
        weights=np.zeros(CAPACITY, np.float32),
        keys=np.full(CAPACITY, NO_KEY),
        mean=np.zeros(n_columns),
        scale=np.zeros(n_columns, np.float32),
        unit=np.zeros(1, np.bool_),
    )


def grow(state: Neighbours, n_columns: int, n_classes: int) -> Neighbours:
    """Make room for more columns (0 in the rows kept) and classes."""
    return state._replace(
        rows=pad(state.rows, n_columns, CAPACITY),
        standardised=pad(state.standardised, n_columns, CAPACITY),
        targets=pad(state.targets, CAPACITY, n_classes),
        mean=pad(state.mean, n_columns),
        scale=pad(state.scale, n_columns, fill=float(state.unit[0])),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _standardise(state: Neighbours, j: int, value: float) -> np.float32:
    z = np.float32(value - state.mean[j]) * state.scale[j]
    return min(max(z, -LIMIT), LIMIT)


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: Neighbours,
    row: NDArray[np.float32],
    prior: NDArray[np.float64],
    distances: NDArray[np.float32],
    out: NDArray[np.float64],
) -> None:
    """Write class probabilities of a raw row to ``out``; ``distances`` (512,) is scratch."""
    n = min(state.n_added[0], CAPACITY)
    distances[:n] = 0.0
    for j in range(len(row)):
        z = _standardise(state, j, row[j])
        for i in range(n):
            difference = z - state.standardised[j, i]
            distances[i] += difference * difference
    total = 0.0
    for c in range(len(prior)):
        total += prior[c]
    for c in range(len(prior)):
        out[c] = PRIOR_WEIGHT * prior[c] / total
    _vote(state, distances[:n], out)
    total = 0.0
    for c in range(len(prior)):
        out[c] = out[c] if prior[c] > 0.0 else 0.0
        total += out[c]
    for c in range(len(prior)):
        out[c] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def _vote(state: Neighbours, distances: NDArray[np.float32], out: NDArray[np.float64]) -> None:
    """Add the votes of the nearest rows. The search is begun anew for each, from the distance of the one before."""
    last, last_slot = np.float32(-1.0), -1
    fifth = _nth_distance(state, distances)
    for _ in range(N_NEIGHBOURS):
        last, last_slot = _next(state, distances, last, last_slot)
        if last_slot < 0:
            return
        ratio = last / fifth if fifth > 0.0 else np.float32(0.0)
        vote = state.weights[last_slot] * (FLOOR + 1.0 - ratio)
        for c in range(len(out)):
            out[c] += vote * state.targets[last_slot, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _nth_distance(state: Neighbours, distances: NDArray[np.float32]) -> np.float32:
    """Return the distance of the fifth neighbour, or of the last one if there are fewer."""
    nth, slot = np.float32(-1.0), -1
    for _ in range(N_NEIGHBOURS):
        distance, slot = _next(state, distances, nth, slot)
        if slot < 0:
            break
        nth = distance
    return nth


@njit(cache=True, nogil=True, error_model="numpy")
def _next(
    state: Neighbours, distances: NDArray[np.float32], last: np.float32, last_slot: int
) -> tuple[np.float32, int]:
    """Return distance and place of the nearest row after the last one, equal ones by place; or place -1."""
    nearest, slot = np.float32(np.inf), -1
    for i in range(len(distances)):
        distance = distances[i]
        beyond = distance > last or (distance == last and i > last_slot)
        if beyond and distance < nearest and state.weights[i] > 0.0:
            nearest, slot = distance, i
    return nearest, slot


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Neighbours,
    moments: Standardiser,
    unit: bool,
    row: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    key: int,
) -> None:
    """Keep a raw labelled row in place of the oldest.

    ``moments`` standardise all of them when it is time, unless rows are vectors of length 1 (``unit``).
    """
    slot = state.n_added[0] % CAPACITY
    for j in range(len(row)):
        state.rows[j, slot] = row[j]
        state.standardised[j, slot] = _standardise(state, j, row[j])
    for c in range(len(target)):
        state.targets[slot, c] = target[c]
    state.weights[slot] = weight
    state.keys[slot] = key
    state.n_added[0] += 1
    if _is_renewal(state.n_added[0]):
        _renew(state, moments, unit)


@njit(cache=True, nogil=True, error_model="numpy")
def _is_renewal(n: int) -> bool:
    if n <= FIRST_RENEWAL:
        return True
    # The schedule's doublings are the powers of two between the first renewal and the capacity.
    return n % CAPACITY == 0 if n > CAPACITY else n & (n - 1) == 0


@njit(cache=True, nogil=True, error_model="numpy")
def _renew(state: Neighbours, moments: Standardiser, unit: bool) -> None:
    state.unit[0] = unit
    for j in range(len(state.mean)):
        state.mean[j] = 0.0 if unit else moments.mean[j]
        state.scale[j] = 1.0 if unit else moments.scale[j]
        for i in range(min(state.n_added[0], CAPACITY)):
            state.standardised[j, i] = _standardise(state, j, state.rows[j, i])


@njit(cache=True, nogil=True, error_model="numpy")
def forget(state: Neighbours, key: int) -> None:
    """Empty the place of the example with this key, if it is still kept. Exact."""
    if key == NO_KEY:
        return
    for i in range(CAPACITY):
        if state.keys[i] == key:
            state.weights[i] = 0.0
            state.keys[i] = NO_KEY
