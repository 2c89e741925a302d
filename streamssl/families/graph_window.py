r"""A graph over the last events and the last labelled ones, and the two textbook ways of spreading labels on it.

With w the strengths of `streamssl.learners.experts.graph_nodes`, D their sums and Y the labels, one row a node:

- label propagation (Zhu and Ghahramani, CMU-CALD-02-107, 2002): :math:`F_i = \sum_j w_{ij} F_j / D_i` where there
  is no label, :math:`F_i = Y_i` where there is one: the harmonic solution;
- label spreading (Zhou et al., NIPS 2003): :math:`F = \alpha D^{-1/2} W D^{-1/2} F + (1 - \alpha) Y` everywhere,
  so that a label can be outvoted.

Both are swept node by node (Gauss-Seidel) and go on from where they were. A row that is not on the graph gets what
its own equation would give it without a label.

O(N d) an event and O(40 N k) a sweep for N nodes; N (4 d + 4 k + 150) bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import standardiser
from streamssl.learners.experts import graph_nodes
from streamssl.learners.experts.graph_nodes import N_NEIGHBOURS, Nodes
from streamssl.learners.padding import pad
from streamssl.learners.standardiser import Standardiser

UNLABELLED = -1
CLAMPED = -1.0
"""The alpha that stands for label propagation."""


class Window(NamedTuple):
    """Nodes, their labels and what has been spread to them."""

    nodes: Nodes
    moments: Standardiser
    labels: NDArray[np.int64]
    """(N,) `UNLABELLED` or the class."""
    turns: NDArray[np.int64]
    """(N,) when each came."""
    n_labelled: NDArray[np.int64]
    """(1,) on the graph."""
    beliefs: NDArray[np.float32]
    """(N, k) F."""


class Scratch(NamedTuple):
    """What a call writes to and the next may overwrite."""

    nodes: graph_nodes.Scratch
    z: NDArray[np.float32]
    """(d,)."""
    sums: NDArray[np.float64]
    """(k,)."""


def new(size: int) -> Window:
    """Return an empty graph of the last ``size`` unlabelled and ``size`` labelled events."""
    n = 2 * size
    return Window(
        nodes=graph_nodes.new(0, n),
        moments=standardiser.new(0),
        labels=np.full(n, UNLABELLED),
        turns=np.zeros(n, np.int64),
        n_labelled=np.zeros(1, np.int64),
        beliefs=np.zeros((n, 0), np.float32),
    )


def grow(window: Window, n_columns: int, n_classes: int) -> Window:
    """Make room for more columns, 0 in the rows so far, and classes."""
    return window._replace(
        nodes=graph_nodes.grow(window.nodes, n_columns),
        moments=standardiser.grow(window.moments, n_columns),
        beliefs=pad(window.beliefs, len(window.labels), n_classes),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def scratch(window: Window) -> Scratch:
    """Return something to scribble on; made once for many calls."""
    n_columns, n_classes = len(window.moments.mean), window.beliefs.shape[1]
    return Scratch(graph_nodes.scratch(window.nodes), np.empty(n_columns, np.float32), np.empty(n_classes))


@njit(cache=True, nogil=True, error_model="numpy")
def estimate(
    window: Window, row: NDArray[np.float32], alpha: float, out: NDArray[np.float64], scratch: Scratch
) -> None:
    """Write F of a raw row to ``out`` (k,), not normalised; all 0 where no label has come."""
    standardiser.standardise(window.moments, row, scratch.z)
    graph_nodes.find(window.nodes, scratch.z, -1, scratch.nodes)
    out[:] = 0.0
    degree = 0.0
    for m in range(N_NEIGHBOURS):
        i = scratch.nodes.nearest[m]
        if i >= 0:
            strength = np.float64(scratch.nodes.nearest_strengths[m])
            degree += strength
            if alpha != CLAMPED:
                strength /= np.sqrt(_degree(window.nodes, i))
            for c in range(len(out)):
                out[c] += strength * window.beliefs[i, c]
    if degree > 0.0:
        scale = 1.0 / degree if alpha == CLAMPED else alpha / np.sqrt(degree)
        for c in range(len(out)):
            out[c] *= scale


@njit(cache=True, nogil=True, error_model="numpy")
def _degree(nodes: Nodes, i: int) -> float:
    """Return the strength of a node's own links, for want of those that others have to it."""
    degree = 0.0
    for m in range(N_NEIGHBOURS):
        degree += nodes.strengths[i, m]
    return degree if degree > 0.0 else 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def add(window: Window, row: NDArray[np.float32], label: int, turn: int, alpha: float, scratch: Scratch) -> None:
    """Make an event a node, in place of the oldest of its kind: those with a label, or those without."""
    standardiser.observe(window.moments, row)
    sums = scratch.sums
    estimate(window, row, alpha, sums, scratch)
    size, n = len(window.labels) // 2, window.nodes.n_nodes[0]
    is_labelled = label != UNLABELLED
    n_alike = window.n_labelled[0] if is_labelled else n - window.n_labelled[0]
    slot = _oldest(window, is_labelled) if n_alike >= size else n
    graph_nodes.put(window.nodes, scratch.z, slot, scratch.nodes)
    window.n_labelled[0] += is_labelled and n_alike < size
    window.labels[slot] = label
    window.turns[slot] = turn
    for c in range(len(sums)):
        window.beliefs[slot, c] = np.float64(c == label) if is_labelled else sums[c]


@njit(cache=True, nogil=True, error_model="numpy")
def _oldest(window: Window, is_labelled: bool) -> int:
    oldest = -1
    for i in range(window.nodes.n_nodes[0]):
        alike = (window.labels[i] != UNLABELLED) == is_labelled
        if alike and (oldest < 0 or window.turns[i] < window.turns[oldest]):
            oldest = i
    return oldest


@njit(cache=True, nogil=True, error_model="numpy")
def sweep(window: Window, n_sweeps: int, alpha: float, scratch: Scratch) -> None:
    """Let labels spread: label spreading with this alpha, or label propagation if it is `CLAMPED`."""
    graph_nodes.join(window.nodes, scratch.nodes)
    links, beliefs, sums = scratch.nodes, window.beliefs, scratch.sums
    for _ in range(n_sweeps):
        for i in range(window.nodes.n_nodes[0]):
            label = window.labels[i]
            if links.degrees[i] == 0.0 or (alpha == CLAMPED and label != UNLABELLED):
                continue
            sums[:] = 0.0
            for e in range(links.starts[i], links.starts[i + 1]):
                other, strength = links.others[e], np.float64(links.strengths[e])
                if alpha != CLAMPED:
                    strength /= np.sqrt(links.degrees[other])
                for c in range(len(sums)):
                    sums[c] += strength * beliefs[other, c]
            scale = 1.0 / links.degrees[i] if alpha == CLAMPED else alpha / np.sqrt(links.degrees[i])
            for c in range(len(sums)):
                beliefs[i, c] = scale * sums[c]
            if label != UNLABELLED:
                beliefs[i, label] += 1.0 - alpha
