r"""A graph of rows: each is linked to its ten nearest, link by link as rows come and go.

A row at squared distance D from a node whose tenth neighbour is at R has there the strength

.. math:: w = \exp(-4 D / R) + 10^{-4}

which adapts to the density (Zelnik-Manor and Perona, NIPS 2004); both directions of a link are added. A new node
takes the place of the farthest neighbour wherever it is nearer than that. A node that leaves is cut out of the
others' lists, whose places stay empty until a row comes within their old reach: lists are those of a search from
nothing as long as nobody leaves.

O(N d) to find neighbours among N nodes, O(N K) to put a node in place of another; N (4 d + 12 K + 4) bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners.padding import pad

N_NEIGHBOURS = 10
FALL = np.float32(4.0)
FLOOR = np.float32(1e-4)
STRIDE = 4
"""So many columns are compared in one pass over the nodes."""


class Nodes(NamedTuple):
    """Rows, one column a node, so that distances to all of them are summed side by side; and their links."""

    n_nodes: NDArray[np.int64]
    """(1,)."""
    rows: NDArray[np.float32]
    """(d, rounded up to a multiple of `STRIDE`; N)."""
    links: NDArray[np.int32]
    """(N, 10) the nearest nodes, in no order; -1 for an empty place."""
    distances: NDArray[np.float32]
    """(N, 10) squared."""
    strengths: NDArray[np.float32]
    """(N, 10) 0 for an empty place."""
    reach: NDArray[np.float32]
    """(N,) squared distance of the tenth neighbour when there last was one, infinite before."""


class Scratch(NamedTuple):
    """What searches and sweeps write to."""

    distances: NDArray[np.float32]
    """(N,) squared, of the row last looked for to every node."""
    nearest: NDArray[np.int64]
    """(10,) the nodes nearest to it, the nearest first; -1 where there are fewer."""
    nearest_distances: NDArray[np.float32]
    """(10,)."""
    nearest_strengths: NDArray[np.float32]
    """(10,)."""
    starts: NDArray[np.int64]
    """(N + 1,) where the joined links of each node begin; see `join`."""
    ends: NDArray[np.int64]
    """(N,)."""
    others: NDArray[np.int32]
    """(20 N,) the node at the other end."""
    strengths: NDArray[np.float32]
    """(20 N,)."""
    degrees: NDArray[np.float32]
    """(N,) sums of the strengths of each node."""


def _padded(n_columns: int) -> int:
    return -(-n_columns // STRIDE) * STRIDE


def new(n_columns: int, capacity: int) -> Nodes:
    """Return room for ``capacity`` nodes."""
    return Nodes(
        n_nodes=np.zeros(1, np.int64),
        rows=np.zeros((_padded(n_columns), capacity), np.float32),
        links=np.full((capacity, N_NEIGHBOURS), -1, np.int32),
        distances=np.full((capacity, N_NEIGHBOURS), np.inf, np.float32),
        strengths=np.zeros((capacity, N_NEIGHBOURS), np.float32),
        reach=np.full(capacity, np.inf, np.float32),
    )


def grow(nodes: Nodes, n_columns: int) -> Nodes:
    """Make room for more columns, 0 in the rows so far."""
    return nodes._replace(rows=pad(nodes.rows, _padded(n_columns), len(nodes.reach)))


@njit(cache=True, nogil=True, error_model="numpy")
def scratch(nodes: Nodes) -> Scratch:
    """Return something to scribble on for nodes of this capacity."""
    capacity = len(nodes.reach)
    return Scratch(
        np.empty(capacity, np.float32),
        np.full(N_NEIGHBOURS, -1, np.int64),
        np.empty(N_NEIGHBOURS, np.float32),
        np.empty(N_NEIGHBOURS, np.float32),
        np.zeros(capacity + 1, np.int64),
        np.zeros(capacity, np.int64),
        np.empty(2 * N_NEIGHBOURS * capacity, np.int32),
        np.empty(2 * N_NEIGHBOURS * capacity, np.float32),
        np.empty(capacity, np.float32),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def find(nodes: Nodes, z: NDArray[np.float32], skipped: int, scratch: Scratch) -> None:
    """Write the ten nodes nearest to a row to ``scratch``, never node ``skipped`` (-1: none is left out)."""
    _measure(nodes, z, scratch.distances)
    if skipped >= 0:
        scratch.distances[skipped] = np.inf
    nearest, distances = scratch.nearest, scratch.nearest_distances
    nearest[:] = -1
    distances[:] = np.inf
    farthest = distances[N_NEIGHBOURS - 1]
    for i in range(nodes.n_nodes[0]):
        distance = scratch.distances[i]
        if distance < farthest:
            place = N_NEIGHBOURS - 1
            while place > 0 and distances[place - 1] > distance:
                distances[place] = distances[place - 1]
                nearest[place] = nearest[place - 1]
                place -= 1
            distances[place] = distance
            nearest[place] = i
            farthest = distances[N_NEIGHBOURS - 1]
    _weigh(distances, farthest, scratch.nearest_strengths)


@njit(cache=True, nogil=True, error_model="numpy")
def _measure(nodes: Nodes, z: NDArray[np.float32], distances: NDArray[np.float32]) -> None:
    """Write squared distances; zeros appended to the rows change no order of additions."""
    n, rows, width = nodes.n_nodes[0], nodes.rows, len(z)
    zero = np.float32(0.0)
    distances[:n] = zero
    for j in range(0, width, STRIDE):
        a = z[j]
        b = z[j + 1] if j + 1 < width else zero
        c = z[j + 2] if j + 2 < width else zero
        d = z[j + 3] if j + 3 < width else zero
        for i in range(n):
            p, q, r, s = a - rows[j, i], b - rows[j + 1, i], c - rows[j + 2, i], d - rows[j + 3, i]
            distances[i] += (p * p + q * q) + (r * r + s * s)


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(distances: NDArray[np.float32], reach: np.float32, strengths: NDArray[np.float32]) -> None:
    """Write the strengths of links of these lengths. While there is no reach the longest link stands for it."""
    if reach == np.inf:
        reach = np.float32(0.0)
        for m in range(N_NEIGHBOURS):
            if distances[m] < np.inf:
                reach = max(reach, distances[m])
    for m in range(N_NEIGHBOURS):
        if distances[m] == np.inf:
            strengths[m] = 0.0
        else:
            ratio = distances[m] / reach if reach > 0.0 else np.float32(0.0)
            strengths[m] = np.exp(-FALL * ratio) + FLOOR


@njit(cache=True, nogil=True, error_model="numpy")
def put(nodes: Nodes, z: NDArray[np.float32], slot: int, scratch: Scratch) -> None:
    """Make the row that `find` was last called with a node: a further one, or one in place of node ``slot``.

    ``slot`` is the number of nodes so far, or that of a node that leaves.
    """
    n = nodes.n_nodes[0]
    if slot < n:
        _cut(nodes, slot)
        if slot in scratch.nearest:
            find(nodes, z, slot, scratch)
        scratch.distances[slot] = np.inf
    else:
        nodes.n_nodes[0] = n + 1
    for j in range(len(z)):
        nodes.rows[j, slot] = z[j]
    _welcome(nodes, slot, n, scratch.distances)
    for m in range(N_NEIGHBOURS):
        nodes.links[slot, m] = scratch.nearest[m]
        nodes.distances[slot, m] = scratch.nearest_distances[m]
    nodes.reach[slot] = _longest(nodes.distances[slot])
    _weigh(nodes.distances[slot], nodes.reach[slot], nodes.strengths[slot])


@njit(cache=True, nogil=True, error_model="numpy")
def _cut(nodes: Nodes, slot: int) -> None:
    """Take a node out of every list."""
    for i in range(nodes.n_nodes[0]):
        for m in range(N_NEIGHBOURS):
            if nodes.links[i, m] == slot:
                nodes.links[i, m] = -1
                nodes.distances[i, m] = np.inf
                nodes.strengths[i, m] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _welcome(nodes: Nodes, slot: int, n: int, distances: NDArray[np.float32]) -> None:
    """Put a new node on the lists of those within whose reach it is."""
    for i in range(n):
        if distances[i] < nodes.reach[i] and i != slot:
            place = np.argmax(nodes.distances[i])
            was_full = nodes.distances[i, place] < np.inf
            nodes.links[i, place] = slot
            nodes.distances[i, place] = distances[i]
            longest = _longest(nodes.distances[i])
            if was_full or longest < nodes.reach[i]:
                nodes.reach[i] = longest
            _weigh(nodes.distances[i], nodes.reach[i], nodes.strengths[i])


@njit(cache=True, nogil=True, error_model="numpy")
def _longest(distances: NDArray[np.float32]) -> np.float32:
    longest = np.float32(0.0)
    for distance in distances:
        longest = max(longest, distance)
    return longest


@njit(cache=True, nogil=True, error_model="numpy")
def join(nodes: Nodes, scratch: Scratch) -> None:
    """Write the links in both directions to ``scratch``: those of i stand at ``starts[i]`` to ``starts[i + 1]``."""
    n = nodes.n_nodes[0]
    starts, ends = scratch.starts, scratch.ends
    starts[: n + 1] = 0
    scratch.degrees[:n] = 0.0
    for i in range(n):
        for m in range(N_NEIGHBOURS):
            other = nodes.links[i, m]
            if other >= 0:
                starts[i + 1] += 1
                starts[other + 1] += 1
    for i in range(n):
        starts[i + 1] += starts[i]
        ends[i] = starts[i]
    for i in range(n):
        for m in range(N_NEIGHBOURS):
            other = nodes.links[i, m]
            if other >= 0:
                strength = nodes.strengths[i, m]
                scratch.others[ends[i]] = other
                scratch.strengths[ends[i]] = strength
                scratch.others[ends[other]] = i
                scratch.strengths[ends[other]] = strength
                ends[i] += 1
                ends[other] += 1
                scratch.degrees[i] += strength
                scratch.degrees[other] += strength
