"""How a leaf of the forest is split, and what a leaf says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import randomness

if TYPE_CHECKING:
    from streamssl.learners.experts.forest import Forest, Scratch

SMOOTHING = np.float32(0.2)
THRESHOLDS = 3
NONE = -1


@njit(cache=True, nogil=True, error_model="numpy")
def settle(state: Forest, t: int, leaf: int, parent: int, prior: NDArray[np.float64]) -> None:
    """Compute what a leaf says from its rows and from its parent, or from the class prior if it is the root."""
    n_classes = state.targets.shape[1]
    said = state.said[t, leaf]
    total = prior.sum()
    for c in range(n_classes):
        said[c] = SMOOTHING * (state.said[t, parent, c] if parent != NONE else np.float32(prior[c] / total))
    size = SMOOTHING
    slot = state.links[t, leaf]
    while slot != NONE:
        weight = state.weights[slot]
        size += weight
        for c in range(n_classes):
            said[c] += weight * state.targets[slot, c]
        slot = state.following[t, slot]
    for c in range(n_classes):
        said[c] /= size


@njit(cache=True, nogil=True, error_model="numpy")
def split(
    state: Forest,
    t: int,
    leaf: int,
    prior: NDArray[np.float64],
    generator: NDArray[np.uint64],
    scratch: Scratch,
) -> None:
    """Split a leaf until the labels in each agree."""
    rows, pending = scratch.rows, scratch.pending
    n, agree = 0, True
    slot = state.links[t, leaf]
    while slot != NONE:
        rows[n] = slot
        agree &= state.labels[slot] == state.labels[rows[0]]
        n += 1
        slot = state.following[t, slot]
    if agree:
        return
    pending[0, 0], pending[0, 1], pending[0, 2] = leaf, 0, n
    n_pending = 1
    while n_pending > 0:
        n_pending -= 1
        node, begin, end = pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2]
        column, threshold = _choose(state, t, rows[begin:end], generator, scratch)
        if column == NONE:
            continue
        middle = _part(state, rows, begin, end, column, threshold)
        left = _pair(state, t)
        state.columns[t, node] = column
        state.thresholds[t, node] = threshold
        state.links[t, node] = left
        for side in range(2):
            child, first, last = left + side, middle if side else begin, end if side else middle
            agree = _link(state, t, child, rows[first:last])
            settle(state, t, child, node, prior)
            if not agree:
                pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2] = child, first, last
                n_pending += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _link(state: Forest, t: int, leaf: int, rows: NDArray[np.int32]) -> bool:
    """Make a leaf of some rows; tell whether their labels agree."""
    state.columns[t, leaf] = NONE
    state.links[t, leaf] = NONE
    agree = True
    for slot in rows:
        state.following[t, slot] = state.links[t, leaf]
        state.links[t, leaf] = slot
        agree &= state.labels[slot] == state.labels[rows[0]]
    return agree


@njit(cache=True, nogil=True, error_model="numpy")
def _pair(state: Forest, t: int) -> int:
    """Return the first of two free nodes."""
    left = state.free[t, 0]
    if left != NONE:
        state.free[t, 0] = state.links[t, left]
        return int(left)
    state.free[t, 1] += 2
    return int(state.free[t, 1] - 2)


@njit(cache=True, nogil=True, error_model="numpy")
def _part(state: Forest, rows: NDArray[np.int32], begin: int, end: int, column: int, threshold: float) -> int:
    """Bring the rows that go left to the front; return where the others begin."""
    middle = begin
    for i in range(begin, end):
        slot = rows[i]
        if state.rows[column, slot] <= threshold:
            rows[i] = rows[middle]
            rows[middle] = slot
            middle += 1
    return middle


@njit(cache=True, nogil=True, error_model="numpy")
def _choose(
    state: Forest, t: int, rows: NDArray[np.int32], generator: NDArray[np.uint64], scratch: Scratch
) -> tuple[int, float]:
    """Return the column and threshold of the best of some random splits; `NONE` if all rows are the same."""
    n, n_varying = len(rows), state.n_varying[0]
    values, labels, weights, counts = scratch.values, scratch.labels, scratch.weights, scratch.counts
    for r in range(n):
        labels[r] = state.labels[rows[r]]
        weights[r] = state.weights[rows[r]]
        counts[0, labels[r]] += weights[r]
    n_tries = np.sqrt(n_varying) * (6.0 if t % 2 else 2.0)
    best, best_column, best_threshold = -1.0, NONE, 0.0
    for i in range(n_varying):
        if i >= n_tries and best_column != NONE:
            break
        other = i + randomness.below(generator, n_varying - i)
        column = state.varying[other]
        state.varying[other] = state.varying[i]
        state.varying[i] = column
        least = most = values[0] = state.rows[column, rows[0]]
        for r in range(1, n):
            value = state.rows[column, rows[r]]
            values[r] = value
            least, most = min(least, value), max(most, value)
        if least == most:
            continue
        a = _threshold(values, n, least, most, generator)
        b = _threshold(values, n, least, most, generator)
        c = _threshold(values, n, least, most, generator)
        gain, threshold = _purest(n, a, b, c, scratch)
        if gain > best:
            best, best_column, best_threshold = gain, column, threshold
    for r in range(n):
        counts[0, labels[r]] = 0.0
    return best_column, best_threshold


@njit(cache=True, nogil=True, error_model="numpy")
def _threshold(
    values: NDArray[np.float32], n: int, least: float, most: float, generator: NDArray[np.uint64]
) -> float:
    """Return a value between two random ones, at least ``least`` and below ``most``."""
    a = values[randomness.below(generator, n)]
    b = values[randomness.below(generator, n)]
    if a == b:
        a, b = least, most
    share = np.float32(randomness.below(generator, 1 << 24)) * np.float32(2.0**-24)
    threshold = a + share * (b - a)
    return threshold if least <= threshold < most else least


@njit(cache=True, nogil=True, error_model="numpy")
def _purest(n: int, a: float, b: float, c: float, scratch: Scratch) -> tuple[float, float]:
    """Return how pure the sides of the best of three thresholds are, and that threshold.

    Pure: the sum of the squared class weights over the weight of each side. The squares are summed while counting,
    for the three side by side: a class's count waits for the one before it.
    """
    values, labels, weights, counts = scratch.values, scratch.labels, scratch.weights, scratch.counts
    in_all, squares = 0.0, 0.0
    in_a, in_b, in_c = 0.0, 0.0, 0.0
    squares_a, squares_b, squares_c = 0.0, 0.0, 0.0
    shared_a, shared_b, shared_c = 0.0, 0.0, 0.0
    for r in range(n):
        label, weight, value = labels[r], weights[r], values[r]
        total = counts[0, label]
        in_all += weight
        squares += weight * total
        left = weight * (value <= a)
        in_a += left
        shared_a += left * total
        squares_a += left * (2.0 * counts[1, label] + left)
        counts[1, label] += left
        left = weight * (value <= b)
        in_b += left
        shared_b += left * total
        squares_b += left * (2.0 * counts[2, label] + left)
        counts[2, label] += left
        left = weight * (value <= c)
        in_c += left
        shared_c += left * total
        squares_c += left * (2.0 * counts[3, label] + left)
        counts[3, label] += left
    for r in range(n):
        for i in range(1, 1 + THRESHOLDS):
            counts[i, labels[r]] = 0.0
    gain_a = _purity(in_a, squares_a, in_all - in_a, squares - 2.0 * shared_a + squares_a)
    gain_b = _purity(in_b, squares_b, in_all - in_b, squares - 2.0 * shared_b + squares_b)
    gain_c = _purity(in_c, squares_c, in_all - in_c, squares - 2.0 * shared_c + squares_c)
    if gain_a >= gain_b and gain_a >= gain_c:
        return gain_a, a
    return (gain_b, b) if gain_b >= gain_c else (gain_c, c)


@njit(cache=True, nogil=True, error_model="numpy")
def _purity(in_left: float, left_squares: float, in_right: float, right_squares: float) -> float:
    return left_squares / max(in_left, 1e-9) + right_squares / max(in_right, 1e-9)
