r"""Labels spread over a graph of recent events, in two ways: for embeddings, where near rows mean the same.

Nodes are recent events and the last 1,000 labelled ones. With w the strengths of `graph_nodes`, D_i their sum at
node i, :math:`n_c` the labels of class c and k the number of classes with labels, two potentials solve

.. math:: D_i u_i = .98 \sum_j w_{ij} u_j + \sum_c \frac{y_{ic}}{n_c} \left(e_c - \frac{1}{k}\right), \qquad
          D_i v_i = .9 \sum_j w_{ij} v_j + \sum_c \frac{y_{ic}}{n_c} e_c

y being 0 on unlabelled nodes. The first is Poisson learning (Calder et al., ICML 2020), for which classes may have
any number of labels; it is damped, and its mean (weighted by D) is taken off. The second is a random walk that
stops, by class (Zhou et al., NIPS 2003): it needs no connected graph. Both go on from where they were, by
Gauss-Seidel: 4 sweeps a label and every 200 events. A row gets the means of u and v over its ten nearest nodes,
by strength. Its probabilities are the softmax of u over the running gap between the two best, times a sharpness
chosen by log-loss on labels; and v as shares.

Once there is no room, an event becomes a node with probability .3, in place of any unlabelled one: a long thin
memory is worth more than a short dense one when labels are late. A late label finds its event by the row, if it
is still there. Without unlabelled events only labelled nodes exist.

With N nodes O(N d) an event and O(N (d + 160 k)) a label; N (4 d + 12 k + 150) bytes, N = capacity + 1,000.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import class_prior, sharpness
from streamssl.learners.experts import graph_nodes
from streamssl.learners.experts.graph_nodes import N_NEIGHBOURS, Nodes
from streamssl.learners.labelled import NO_KEY
from streamssl.learners.padding import pad
from streamssl.learners.randomness import below
from streamssl.learners.sharpness import Sharpness
from streamssl.learners.softmax import softmax

LABELLED = 1000
POISSON, WALK = 0, 1
POISSON_KEEP = np.float32(0.98)
WALK_KEEP = np.float32(0.9)
SWEEPS = 4
INTERVAL = 200
INSERTED_OF_TEN = 3
SLOWEST_GAP = 0.01


class Graph(NamedTuple):
    """Nodes, what is known of them, and the potentials."""

    nodes: Nodes
    keys: NDArray[np.int64]
    """(N,) `NO_KEY` for none."""
    targets: NDArray[np.float32]
    """(N, k) 0 for unlabelled nodes."""
    weights: NDArray[np.float32]
    """(N,) of the labels; 0 marks an unlabelled node."""
    turns: NDArray[np.int64]
    """(N,) how many labels had been learnt before this one."""
    n_labels: NDArray[np.int64]
    """(2,) labels on the graph, and labels learnt."""
    n_observed: NDArray[np.int64]
    """(1,)."""
    potentials: NDArray[np.float32]
    """(N, k rounded up to an even number, 2) Poisson and walk."""
    gap: NDArray[np.float64]
    """(2,) running distance between the two best Poisson potentials of a row, and how many rows made it."""
    sharpness: Sharpness


class Scratch(NamedTuple):
    """What a call writes to and the next may overwrite; `predict` and `observe` read what `look` left here."""

    nodes: graph_nodes.Scratch
    means: NDArray[np.float64]
    """(k, 2) potentials of the row last looked at."""
    scores: NDArray[np.float64]
    """(k,)."""
    probabilities: NDArray[np.float64]
    """(k,)."""
    masses: NDArray[np.float64]
    """(k,) weights of the labels by class."""


def _even(n_classes: int) -> int:
    return n_classes + n_classes % 2


def new(n_columns: int, n_classes: int, capacity: int = 1000) -> Graph:
    """Return an empty graph with room for ``capacity`` unlabelled nodes; 0: room for nothing at all."""
    n = capacity + LABELLED if capacity > 0 else 0
    return Graph(
        nodes=graph_nodes.new(n_columns, n),
        keys=np.full(n, NO_KEY),
        targets=np.zeros((n, n_classes), np.float32),
        weights=np.zeros(n, np.float32),
        turns=np.zeros(n, np.int64),
        n_labels=np.zeros(2, np.int64),
        n_observed=np.zeros(1, np.int64),
        potentials=np.zeros((n, _even(n_classes), 2), np.float32),
        gap=np.zeros(2),
        sharpness=sharpness.new((0.5, 1.0, 2.0, 4.0, 8.0), 1.0),
    )


def grow(state: Graph, n_columns: int, n_classes: int) -> Graph:
    """Make room for more columns (0 in the rows kept) and classes."""
    n = len(state.weights)
    return state._replace(
        nodes=graph_nodes.grow(state.nodes, n_columns),
        targets=pad(state.targets, n, n_classes),
        potentials=pad(state.potentials, n, _even(n_classes), 2),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def scratch(state: Graph) -> Scratch:
    """Return something to scribble on; made once for many calls."""
    k = state.targets.shape[1]
    return Scratch(
        graph_nodes.scratch(state.nodes),
        np.zeros((k, 2)),
        np.empty(k),
        np.empty(k),
        np.empty(k),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def look(state: Graph, z: NDArray[np.float32], scratch: Scratch) -> None:
    """Find the neighbours of a row: for `predict` and `observe`, which follow."""
    _look(state, z, -1, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def predict(
    state: Graph,
    prior: NDArray[np.float64],
    out_poisson: NDArray[np.float64],
    out_walk: NDArray[np.float64],
    scratch: Scratch,
) -> None:
    """Write class probabilities of the row last looked at, by either potential.

    The class prior where nothing is known of the neighbours; all 0 as long as no class is known.
    """
    if class_prior.n_known(prior) == 0:
        out_poisson[:] = 0.0
        out_walk[:] = 0.0
        return
    class_prior.shares(prior, out_poisson)
    class_prior.shares(prior, out_walk)
    if _score(state, scratch):
        softmax(scratch.scores, state.sharpness.chosen[0], prior, out_poisson)
    total = 0.0
    for c in range(len(prior)):
        total += scratch.means[c, WALK] if prior[c] > 0.0 else 0.0
    if total > 0.0:
        for c in range(len(prior)):
            out_walk[c] = scratch.means[c, WALK] / total if prior[c] > 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _look(state: Graph, z: NDArray[np.float32], skipped: int, scratch: Scratch) -> None:
    """Find the neighbours of a row and the means of their potentials."""
    graph_nodes.find(state.nodes, z, skipped, scratch.nodes)
    means = scratch.means
    means[:] = 0.0
    total = 0.0
    for m in range(N_NEIGHBOURS):
        i = scratch.nodes.nearest[m]
        if i >= 0:
            strength = scratch.nodes.nearest_strengths[m]
            total += strength
            for c in range(len(means)):
                means[c, POISSON] += strength * state.potentials[i, c, POISSON]
                means[c, WALK] += strength * state.potentials[i, c, WALK]
    if total > 0.0:
        for c in range(len(means)):
            means[c, POISSON] /= total
            means[c, WALK] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def _score(state: Graph, scratch: Scratch) -> bool:
    """Write the scores of the row last looked at; return whether there are any."""
    gap = state.gap[0] if state.gap[0] > 0.0 else _gap(scratch.means)
    for c in range(len(scratch.scores)):
        scratch.scores[c] = scratch.means[c, POISSON] / gap
    return bool(gap > 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _gap(means: NDArray[np.float64]) -> float:
    """Return by how much the best class leads, 0 with fewer than two classes that have labels on the graph."""
    best, second = -np.inf, -np.inf
    for c in range(len(means)):
        value = means[c, POISSON]
        # A class without labels has no source, hence no potential anywhere.
        if value != 0.0 and value > best:
            best, second = value, best
        elif value != 0.0 and value > second:
            second = value
    return float(best - second) if second > -np.inf else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _follow_gap(state: Graph, scratch: Scratch) -> None:
    """Take the row last looked at into the running gap."""
    gap = _gap(scratch.means)
    if gap > 0.0:
        state.gap[1] += 1.0
        state.gap[0] += max(1.0 / state.gap[1], SLOWEST_GAP) * (gap - state.gap[0])


@njit(cache=True, nogil=True, error_model="numpy")
def observe(state: Graph, z: NDArray[np.float32], generator: NDArray[np.uint64], scratch: Scratch) -> None:
    """Make the row last looked at a node, or pass it over once there is no room."""
    _follow_gap(state, scratch)
    n_nodes, n_unlabelled = state.nodes.n_nodes[0], state.nodes.n_nodes[0] - state.n_labels[0]
    if n_unlabelled < len(state.weights) - LABELLED and n_nodes < len(state.weights):
        _put(state, z, n_nodes, scratch)
    elif below(generator, 10) < INSERTED_OF_TEN:
        _put(state, z, _any_unlabelled(state, generator), scratch)
    state.n_observed[0] += 1
    if state.n_observed[0] % INTERVAL == 0 and state.n_labels[0] > 0:
        sweep(state, SWEEPS, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def _any_unlabelled(state: Graph, generator: NDArray[np.uint64]) -> int:
    while True:
        # The draw is unsigned; mixed with signed numbers Numba would make it a float.
        slot = np.int64(below(generator, state.nodes.n_nodes[0]))
        if state.weights[slot] == 0.0:
            return slot  # type: ignore[return-value]


@njit(cache=True, nogil=True, error_model="numpy")
def _put(state: Graph, z: NDArray[np.float32], slot: int, scratch: Scratch) -> None:
    """Make the row last looked at a node without a label, which begins with its neighbours' potentials."""
    graph_nodes.put(state.nodes, z, slot, scratch.nodes)
    state.keys[slot] = NO_KEY
    for c in range(len(scratch.means)):
        state.potentials[slot, c, POISSON] = scratch.means[c, POISSON]
        state.potentials[slot, c, WALK] = scratch.means[c, WALK]


@njit(cache=True, nogil=True, error_model="numpy")
def learn(
    state: Graph,
    z: NDArray[np.float32],
    target: NDArray[np.float32],
    weight: float,
    prior: NDArray[np.float64],
    key: int,
    generator: NDArray[np.uint64],
    scratch: Scratch,
) -> None:
    """Put a label on the node of this event, or make one for it, and let it spread (``prior`` has counted it)."""
    _look(state, z, -1, scratch)
    slot = _waiting(state, z, scratch.nodes.nearest)
    if slot >= 0:
        _look(state, z, slot, scratch)
    _follow_gap(state, scratch)
    if _score(state, scratch):
        sharpness.learn(state.sharpness, scratch.scores, prior, target, weight, scratch.probabilities)
    if state.n_labels[0] == LABELLED:
        _unpin(state, _oldest_label(state))
    if slot < 0:
        slot = state.nodes.n_nodes[0]
        if slot == len(state.weights):
            slot = _any_unlabelled(state, generator)
        _put(state, z, slot, scratch)
    state.n_labels[0] += 1
    for c in range(len(target)):
        state.targets[slot, c] = target[c]
    state.weights[slot] = weight
    state.keys[slot] = key
    state.turns[slot] = state.n_labels[1]
    state.n_labels[1] += 1
    sweep(state, SWEEPS, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def _waiting(state: Graph, z: NDArray[np.float32], nearest: NDArray[np.int64]) -> int:
    """Return the node among these that is this very row and has no label, -1 if there is none."""
    for i in nearest:
        if i >= 0 and state.weights[i] == 0.0:
            same = True
            for j in range(len(z)):
                same = same and state.nodes.rows[j, i] == z[j]
            if same:
                return i  # type: ignore[no-any-return]
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def _oldest_label(state: Graph) -> int:
    oldest = -1
    for i in range(state.nodes.n_nodes[0]):
        if state.weights[i] > 0.0 and (oldest < 0 or state.turns[i] < state.turns[oldest]):
            oldest = i
    return oldest


@njit(cache=True, nogil=True, error_model="numpy")
def _unpin(state: Graph, slot: int) -> None:
    """Take the label of a node away; the node stays, as an event without one."""
    for c in range(state.targets.shape[1]):
        state.targets[slot, c] = 0.0
    state.weights[slot] = 0.0
    state.keys[slot] = NO_KEY
    state.n_labels[0] -= 1


@njit(cache=True, nogil=True, error_model="numpy")
def forget(state: Graph, key: int) -> None:
    """Take the label of this key back, exactly as far as the graph goes: the next sweeps know nothing of it."""
    for i in range(state.nodes.n_nodes[0]):
        if state.keys[i] == key and key != NO_KEY:
            _unpin(state, i)


@njit(cache=True, nogil=True, error_model="numpy")
def sweep(state: Graph, n_sweeps: int, scratch: Scratch) -> None:
    """Bring both potentials closer to their solutions; O(40 N k) a sweep."""
    n_present = _weigh_classes(state, scratch.masses)
    graph_nodes.join(state.nodes, scratch.nodes)
    n = state.nodes.n_nodes[0]
    flat = state.potentials.reshape(len(state.potentials), -1)
    for _ in range(n_sweeps):
        for i in range(n):
            _average(flat, i, scratch.nodes)
            if state.weights[i] > 0.0:
                _emit(state, i, n_present, scratch)
    _centre(state, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh_classes(state: Graph, masses: NDArray[np.float64]) -> int:
    """Write the labels by class; return how many classes have some."""
    masses[:] = 0.0
    for i in range(state.nodes.n_nodes[0]):
        if state.weights[i] > 0.0:
            for c in range(len(masses)):
                masses[c] += state.weights[i] * state.targets[i, c]
    n_present = 0
    for c in range(len(masses)):
        n_present += masses[c] > 0.0
    return n_present


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _average(flat: NDArray[np.float32], i: int, links: graph_nodes.Scratch) -> None:
    """Give a node the damped means of its neighbours: of two classes at a time, so that sums stay in registers."""
    inverse = np.float32(1.0) / links.degrees[i] if links.degrees[i] > 0.0 else np.float32(0.0)
    poisson, walk = POISSON_KEEP * inverse, WALK_KEEP * inverse
    begin, end = links.starts[i], links.starts[i + 1]
    for c in range(0, flat.shape[1], 4):
        p = q = r = s = np.float32(0.0)
        for e in range(begin, end):
            other, strength = links.others[e], links.strengths[e]
            p += strength * flat[other, c]
            q += strength * flat[other, c + 1]
            r += strength * flat[other, c + 2]
            s += strength * flat[other, c + 3]
        flat[i, c], flat[i, c + 1], flat[i, c + 2], flat[i, c + 3] = poisson * p, walk * q, poisson * r, walk * s


@njit(cache=True, nogil=True, error_model="numpy")
def _emit(state: Graph, i: int, n_present: int, scratch: Scratch) -> None:
    """Add the source of a labelled node to its potentials."""
    degree = scratch.nodes.degrees[i] if scratch.nodes.degrees[i] > 0.0 else np.float32(1.0)
    total = 0.0
    for c in range(len(scratch.masses)):
        if scratch.masses[c] > 0.0:
            source = state.weights[i] * state.targets[i, c] / scratch.masses[c] / degree
            total += source
            state.potentials[i, c, POISSON] += source
            state.potentials[i, c, WALK] += source
    for c in range(len(scratch.masses)):
        if scratch.masses[c] > 0.0:
            state.potentials[i, c, POISSON] -= total / n_present


@njit(cache=True, nogil=True, error_model="numpy")
def _centre(state: Graph, scratch: Scratch) -> None:
    """Take the mean off the Poisson potentials, weighted by degree: a constant says nothing of any node."""
    n, degrees, means = state.nodes.n_nodes[0], scratch.nodes.degrees, scratch.scores
    means[:] = 0.0
    total = 0.0
    for i in range(n):
        total += degrees[i]
        for c in range(len(means)):
            means[c] += degrees[i] * state.potentials[i, c, POISSON]
    if total > 0.0:
        for i in range(n):
            for c in range(len(means)):
                state.potentials[i, c, POISSON] -= means[c] / total
