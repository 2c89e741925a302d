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
labels. T M (36 + 8 k) + 4 M (D + k) bytes: 0.9 MB for 16 trees, M = 1000 rows, 8 columns and 2 classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import class_prior, randomness
from streamssl.learners.copying import copy
from streamssl.learners.experts.forest_growth import NONE, THRESHOLDS, settle, split
from streamssl.learners.labelled import NO_KEY
from streamssl.learners.padding import pad

CAPACITY = 1000
TREES = 16
RENEWALS = 75.0


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
    """Return trees without rows, a multiple of four."""
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
    if state.links[0, 0] == NONE:
        class_prior.shares(prior, out)
        return
    out[:] = 0.0
    for t in range(0, len(state.columns), 4):
        i, j, k, m = _leaves(state, t, row)
        for c in range(len(out)):
            out[c] += (state.said[t, i, c] + state.said[t + 1, j, c]) + (
                state.said[t + 2, k, c] + state.said[t + 3, m, c]
            )
    total = out.sum()
    for c in range(len(out)):
        out[c] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def _leaves(state: Forest, t: int, row: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """Return the leaves of a row in four trees, walked side by side: each step waits for the one before it."""
    columns, links, thresholds = state.columns, state.links, state.thresholds
    i, j, k, m = 0, 0, 0, 0
    a, b, c, d = columns[t, 0], columns[t + 1, 0], columns[t + 2, 0], columns[t + 3, 0]
    while max(max(a, b), max(c, d)) >= 0:
        below_i = links[t, i] + (row[max(a, 0)] > thresholds[t, i])
        below_j = links[t + 1, j] + (row[max(b, 0)] > thresholds[t + 1, j])
        below_k = links[t + 2, k] + (row[max(c, 0)] > thresholds[t + 2, k])
        below_m = links[t + 3, m] + (row[max(d, 0)] > thresholds[t + 3, m])
        i = below_i if a >= 0 else i
        j = below_j if b >= 0 else j
        k = below_k if c >= 0 else k
        m = below_m if d >= 0 else m
        a, b, c, d = columns[t, i], columns[t + 1, j], columns[t + 2, k], columns[t + 3, m]
    return i, j, k, m


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
        _remove(state, slot, prior)
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
def forget(state: Forest, key: int, prior: NDArray[np.float64]) -> None:
    """Take the example with this key out of every tree, if it is still among the last."""
    for slot in range(CAPACITY):
        if state.keys[slot] == key and state.weights[slot] > 0.0:
            _remove(state, slot, prior)


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
    leaf, parent = _find(state, t, slot)
    state.following[t, slot] = state.links[t, leaf]
    state.links[t, leaf] = slot
    settle(state, t, leaf, parent, prior)
    split(state, t, leaf, prior, generator, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def _find(state: Forest, t: int, slot: int) -> tuple[int, int]:
    """Return the leaf of a row and its parent, `NONE` for the root's."""
    leaf, parent = 0, NONE
    while state.columns[t, leaf] >= 0:
        parent = leaf
        leaf = state.links[t, leaf] + (state.rows[state.columns[t, leaf], slot] > state.thresholds[t, leaf])
    return leaf, parent


@njit(cache=True, nogil=True, error_model="numpy")
def _remove(state: Forest, slot: int, prior: NDArray[np.float64]) -> None:
    """Take a row out of every tree."""
    for t in range(len(state.columns)):
        leaf, parent = _find(state, t, slot)
        following = state.following[t, slot]
        if state.links[t, leaf] == slot:
            state.links[t, leaf] = following
        else:
            before = state.links[t, leaf]
            while state.following[t, before] != slot:
                before = state.following[t, before]
            state.following[t, before] = following
        if state.links[t, leaf] == NONE and parent != NONE:
            _close(state, t, parent, leaf)
        else:
            settle(state, t, leaf, parent, prior)
    state.weights[slot] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _close(state: Forest, t: int, parent: int, leaf: int) -> None:
    """Give the place of a parent to the sibling of its empty leaf."""
    left = state.links[t, parent]
    sibling = left + 1 if leaf == left else left
    state.columns[t, parent] = state.columns[t, sibling]
    state.thresholds[t, parent] = state.thresholds[t, sibling]
    state.links[t, parent] = state.links[t, sibling]
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
    state.links[t, 0] = NONE
    for slot in range(min(state.n_added[0], CAPACITY)):
        if state.weights[slot] > 0.0:
            state.following[t, slot] = state.links[t, 0]
            state.links[t, 0] = slot
    settle(state, t, 0, NONE, prior)
    split(state, t, 0, prior, generator, scratch)
