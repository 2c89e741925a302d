r"""Extremely random trees over the last thousand labelled rows, kept up to date label by label.

A Hoeffding tree waits for hundreds of labels before it splits. Here labels are few and can all be kept, so every
tree is at any time what it would be had it been grown from the labelled rows of a sliding window:

- a new label goes to its leaf in every tree; a leaf whose labels no longer agree is split at once, until they do;
- the oldest label leaves every tree exactly: a leaf that has become empty gives its parent's place to its sibling;
- one tree, in turn, is grown anew with probability min(1, 75/n) at the n-th label.

A split tries :math:`2\sqrt{D}` columns, in every second tree three times as many, and more while none of them
varies in the node; three thresholds each, between the values of two random rows. It takes the one with the largest

.. math:: \sum_c n_{Lc}^2 / n_L + \sum_c n_{Rc}^2 / n_R

(Gini). A leaf with label weights n_c says :math:`p_c = (n_c + .2\, p'_c)/(n + .2)`, p' being what its parent said
when it was split, and the class prior above the root. Columns are drawn from those that have varied among the
labels.

The trees are the extra-trees of Geurts, Ernst and Wehenkel (Machine Learning 2006) with Laplace-like smoothing
along the path; forgetting a row exactly is that of decremental forests (Brophy and Lowd, "Machine unlearning for
random forests", ICML 2021). O(T depth + T k) an event; a label costs T walks and, on average, 75/n of a tree of n
labels. T M (44 + 8 k) + 4 M (D + k) bytes: 0.9 MB for 16 trees, M = 1000 rows, 8 columns and 2 classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import randomness
from streamssl.learners.copying import copy
from streamssl.learners.labelled import NO_KEY
from streamssl.learners.padding import pad

CAPACITY = 1000
TREES = 16
SMOOTHING = np.float32(0.2)
RENEWALS = 75.0
THRESHOLDS = 3
NONE = -1


class Forest(NamedTuple):
    """The labelled rows and the trees over them. Left and right child of a node lie side by side."""

    n_added: NDArray[np.int64]
    """(1,) labels so far; the next one takes place ``n_added % M``."""
    rows: NDArray[np.float32]
    """(D, M)."""
    targets: NDArray[np.float32]
    """(M, k)."""
    weights: NDArray[np.float32]
    """(M,) 0 marks an empty place."""
    labels: NDArray[np.int32]
    """(M,) most probable class of each target."""
    keys: NDArray[np.int64]
    """(M,) see `labelled`."""
    varying: NDArray[np.int32]
    """(D,) columns that have varied come first, in any order."""
    n_varying: NDArray[np.int64]
    """(2,) how many they are; the tree to be grown anew next."""
    columns: NDArray[np.int32]
    """(T, 2 M) column that a node asks about; `NONE` in a leaf."""
    thresholds: NDArray[np.float32]
    """(T, 2 M) larger values go right."""
    links: NDArray[np.int32]
    """(T, 2 M) left child of a node; first row of a leaf, `NONE` for none; next free pair of a free one."""
    sizes: NDArray[np.float32]
    """(T, 2 M) weight of the labels in a leaf."""
    said: NDArray[np.float32]
    """(T, 2 M, k) class probabilities."""
    following: NDArray[np.int32]
    """(T, M) the next row in the same leaf."""
    free: NDArray[np.int32]
    """(T, 2) first free pair of nodes, and the first never used."""


class Scratch(NamedTuple):
    """Where nodes are split."""

    rows: NDArray[np.int32]
    """(M,) those of the node being grown, from left to right."""
    values: NDArray[np.float32]
    """(M,) of one column."""
    labels: NDArray[np.int32]
    """(M,)."""
    weights: NDArray[np.float64]
    """(M,)."""
    pending: NDArray[np.int32]
    """(M, 3) nodes still to be split, and their part of ``rows``."""
    counts: NDArray[np.float64]
    """(1 + thresholds, k) in the node, and left of each threshold."""


def new(n_columns: int, n_classes: int, n_trees: int = TREES) -> Forest:
    """Return trees without rows."""
    nodes = (n_trees, 2 * CAPACITY)
    return Forest(
        n_added=np.zeros(1, np.int64),
        rows=np.zeros((n_columns, CAPACITY), np.float32),
        targets=np.zeros((CAPACITY, n_classes), np.float32),
        weights=np.zeros(CAPACITY, np.float32),
        labels=np.zeros(CAPACITY, np.int32),
        keys=np.full(CAPACITY, NO_KEY),
        varying=np.arange(n_columns, dtype=np.int32),
        n_varying=np.zeros(2, np.int64),
        columns=np.full(nodes, NONE, np.int32),
        thresholds=np.zeros(nodes, np.float32),
        links=np.full(nodes, NONE, np.int32),
        sizes=np.zeros(nodes, np.float32),
        said=np.zeros((*nodes, n_classes), np.float32),
        following=np.full((n_trees, CAPACITY), NONE, np.int32),
        free=np.full((n_trees, 2), (NONE, 1), np.int32),
    )


def grow(state: Forest, n_columns: int, n_classes: int) -> Forest:
    """Make room for more columns and classes."""
    n_before = len(state.varying)
    return state._replace(
        rows=pad(state.rows, n_columns, CAPACITY),
        targets=pad(state.targets, CAPACITY, n_classes),
        varying=np.append(state.varying, np.arange(n_before, n_columns, dtype=np.int32)),
        said=pad(state.said, *state.said.shape[:2], n_classes),
    )


def scratch(n_classes: int) -> Scratch:
    """Return room to split nodes."""
    return Scratch(
        np.empty(CAPACITY, np.int32),
        np.empty(CAPACITY, np.float32),
        np.empty(CAPACITY, np.int32),
        np.empty(CAPACITY),
        np.empty((CAPACITY, 3), np.int32),
        np.zeros((1 + THRESHOLDS, n_classes)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def predict(state: Forest, row: NDArray[np.float32], prior: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Write the mean of what the trees say of a row to ``out``; the prior before the first label."""
    if state.sizes[0, 0] == 0.0 and state.columns[0, 0] == NONE:
        total = prior.sum()
        for c in range(len(out)):
            out[c] = prior[c] / total
        return
    out[:] = 0.0
    n_trees = len(state.columns)
    for t in range(n_trees):
        leaf = 0
        while state.columns[t, leaf] >= 0:
            leaf = state.links[t, leaf] + (row[state.columns[t, leaf]] > state.thresholds[t, leaf])
        for c in range(len(out)):
            out[c] += state.said[t, leaf, c]
    total = out.sum()
    for c in range(len(out)):
        out[c] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Forest,
    row: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    prior: NDArray[np.float64],
    key: int,
    generator: NDArray[np.uint64],
    scratch: Scratch,
) -> None:
    """Take a labelled row into every tree, in place of the oldest one; ``prior`` knows of the label."""
    slot = state.n_added[0] % CAPACITY
    if state.weights[slot] > 0.0:
        _remove(state, slot)
    _keep(state, slot, row, target, weight, key)
    n_trees = len(state.columns)
    for t in range(n_trees):
        _insert(state, t, slot, prior, generator, scratch)
    n = state.n_added[0]
    if randomness.below(generator, 1 << 24) * n < RENEWALS * (1 << 24):
        t = state.n_varying[1]
        state.n_varying[1] = (t + 1) % n_trees
        _renew(state, t, prior, generator, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def forget(state: Forest, key: int) -> None:
    """Take the example with this key out of every tree, if it is still among the last."""
    for slot in range(CAPACITY):
        if state.keys[slot] == key and state.weights[slot] > 0.0:
            _remove(state, slot)


@njit(cache=True, nogil=True, error_model="numpy")
def _keep(
    state: Forest, slot: int, row: NDArray[np.float32], target: NDArray[np.float32], weight: float, key: int
) -> None:
    copy(target, state.targets[slot])
    state.weights[slot] = weight
    state.labels[slot] = _most(target)
    state.keys[slot] = key
    last = (slot - 1) % CAPACITY
    n = state.n_varying[0]
    for j in range(len(row)):
        state.rows[j, slot] = row[j]
    if state.n_added[0] > 0:
        for i in range(n, len(row)):
            j = state.varying[i]
            if row[j] != state.rows[j, last]:
                state.varying[i] = state.varying[n]
                state.varying[n] = j
                n += 1
        state.n_varying[0] = n
    state.n_added[0] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _most(target: NDArray[np.float32]) -> int:
    most = 0
    for c in range(1, len(target)):
        if target[c] > target[most]:
            most = c
    return most


@njit(cache=True, nogil=True, error_model="numpy")
def _insert(
    state: Forest, t: int, slot: int, prior: NDArray[np.float64], generator: NDArray[np.uint64], scratch: Scratch
) -> None:
    leaf = 0
    while state.columns[t, leaf] >= 0:
        right = state.rows[state.columns[t, leaf], slot] > state.thresholds[t, leaf]
        leaf = state.links[t, leaf] + right
    other = state.links[t, leaf]
    weight, size = state.weights[slot], state.sizes[t, leaf]
    if other == NONE and leaf == 0:
        total = prior.sum()
        for c in range(len(prior)):
            state.said[t, 0, c] = prior[c] / total
    state.following[t, slot] = other
    state.links[t, leaf] = slot
    state.sizes[t, leaf] = size + weight
    for c in range(len(prior)):
        n_class = state.said[t, leaf, c] * (size + SMOOTHING) + weight * state.targets[slot, c]
        state.said[t, leaf, c] = n_class / (size + weight + SMOOTHING)
    if other != NONE and state.labels[other] != state.labels[slot]:
        _split(state, t, leaf, generator, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def _remove(state: Forest, slot: int) -> None:
    """Take a row out of every tree."""
    for t in range(len(state.columns)):
        leaf, parent = 0, NONE
        while state.columns[t, leaf] >= 0:
            parent = leaf
            right = state.rows[state.columns[t, leaf], slot] > state.thresholds[t, leaf]
            leaf = state.links[t, leaf] + right
        _unlink(state, t, leaf, slot)
        if state.links[t, leaf] == NONE and parent != NONE:
            _close(state, t, parent, leaf)
    state.weights[slot] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _unlink(state: Forest, t: int, leaf: int, slot: int) -> None:
    following = state.following[t, slot]
    if state.links[t, leaf] == slot:
        state.links[t, leaf] = following
    else:
        before = state.links[t, leaf]
        while state.following[t, before] != slot:
            before = state.following[t, before]
        state.following[t, before] = following
    size = state.sizes[t, leaf]
    rest = max(size - state.weights[slot], np.float32(0.0)) if state.links[t, leaf] != NONE else np.float32(0.0)
    state.sizes[t, leaf] = rest
    for c in range(state.targets.shape[1]):
        n_class = state.said[t, leaf, c] * (size + SMOOTHING) - state.weights[slot] * state.targets[slot, c]
        state.said[t, leaf, c] = max(n_class, np.float32(0.0)) / (rest + SMOOTHING)


@njit(cache=True, nogil=True, error_model="numpy")
def _close(state: Forest, t: int, parent: int, leaf: int) -> None:
    """Give the place of a parent to the sibling of its empty leaf."""
    left = state.links[t, parent]
    sibling = left + 1 if leaf == left else left
    state.columns[t, parent] = state.columns[t, sibling]
    state.thresholds[t, parent] = state.thresholds[t, sibling]
    state.links[t, parent] = state.links[t, sibling]
    state.sizes[t, parent] = state.sizes[t, sibling]
    copy(state.said[t, sibling], state.said[t, parent])
    state.links[t, left] = state.free[t, 0]
    state.free[t, 0] = left


@njit(cache=True, nogil=True, error_model="numpy")
def _renew(
    state: Forest, t: int, prior: NDArray[np.float64], generator: NDArray[np.uint64], scratch: Scratch
) -> None:
    """Grow a tree from nothing."""
    state.free[t, 0], state.free[t, 1] = NONE, 1
    state.columns[t, 0] = NONE
    head, size = NONE, np.float32(0.0)
    total = prior.sum()
    for c in range(len(prior)):
        state.said[t, 0, c] = SMOOTHING * prior[c] / total
    for slot in range(min(state.n_added[0], CAPACITY)):
        if state.weights[slot] > 0.0:
            state.following[t, slot] = head
            head = slot
            size += state.weights[slot]
            for c in range(len(prior)):
                state.said[t, 0, c] += state.weights[slot] * state.targets[slot, c]
    for c in range(len(prior)):
        state.said[t, 0, c] /= size + SMOOTHING
    state.links[t, 0] = head
    state.sizes[t, 0] = size
    _split(state, t, 0, generator, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def _split(state: Forest, t: int, leaf: int, generator: NDArray[np.uint64], scratch: Scratch) -> None:
    """Split a leaf until the labels in each agree."""
    rows, pending = scratch.rows, scratch.pending
    n = 0
    slot = state.links[t, leaf]
    while slot != NONE:
        rows[n] = slot
        n += 1
        slot = state.following[t, slot]
    pending[0, 0], pending[0, 1], pending[0, 2] = leaf, 0, n
    n_pending = 1
    while n_pending > 0:
        n_pending -= 1
        node, begin, end = pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2]
        if _agree(state, rows[begin:end]):
            continue
        column, threshold = _choose(state, t, rows[begin:end], generator, scratch)
        if column == NONE:
            continue
        middle = _part(state, rows, begin, end, column, threshold)
        left = _pair(state, t)
        state.columns[t, node] = column
        state.thresholds[t, node] = threshold
        state.links[t, node] = left
        _fill(state, t, left, node, rows[begin:middle])
        _fill(state, t, left + 1, node, rows[middle:end])
        pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2] = left, begin, middle
        pending[n_pending + 1, 0], pending[n_pending + 1, 1], pending[n_pending + 1, 2] = left + 1, middle, end
        n_pending += 2


@njit(cache=True, nogil=True, error_model="numpy")
def _agree(state: Forest, rows: NDArray[np.int32]) -> bool:
    first = state.labels[rows[0]]
    agree = True
    for slot in rows:
        agree &= state.labels[slot] == first
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
def _fill(state: Forest, t: int, leaf: int, parent: int, rows: NDArray[np.int32]) -> None:
    """Make a leaf of some rows."""
    n_classes = state.targets.shape[1]
    head, size = NONE, np.float32(0.0)
    for c in range(n_classes):
        state.said[t, leaf, c] = SMOOTHING * state.said[t, parent, c]
    for slot in rows:
        state.following[t, slot] = head
        head = slot
        weight = state.weights[slot]
        size += weight
        for c in range(n_classes):
            state.said[t, leaf, c] += weight * state.targets[slot, c]
    for c in range(n_classes):
        state.said[t, leaf, c] /= size + SMOOTHING
    state.columns[t, leaf] = NONE
    state.links[t, leaf] = head
    state.sizes[t, leaf] = size


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
