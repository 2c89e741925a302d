import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamssl.learners.experts import graph_nodes
from streamssl.learners.experts.graph_nodes import FALL, FLOOR, N_NEIGHBOURS


def some_rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def put(nodes: graph_nodes.Nodes, row: np.ndarray, slot: int) -> graph_nodes.Scratch:
    scratch = graph_nodes.scratch(nodes)
    graph_nodes.find(nodes, row, -1, scratch)
    graph_nodes.put(nodes, row, slot, scratch)
    return scratch


def filled(rows: np.ndarray, capacity: int) -> graph_nodes.Nodes:
    nodes = graph_nodes.new(rows.shape[1], capacity)
    for i, row in enumerate(rows):
        put(nodes, row, i)
    return nodes


def squared_distances(rows: np.ndarray) -> np.ndarray:
    distances = ((rows[:, None, :].astype(float) - rows[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return distances


def joined(nodes: graph_nodes.Nodes) -> np.ndarray:
    """Return the matrix of strengths that sweeps see."""
    scratch = graph_nodes.scratch(nodes)
    graph_nodes.join(nodes, scratch)
    n = int(nodes.n_nodes[0])
    matrix = np.zeros((n, n))
    for i in range(n):
        for e in range(scratch.starts[i], scratch.starts[i + 1]):
            matrix[i, scratch.others[e]] += scratch.strengths[e]
    np.testing.assert_allclose(scratch.degrees[:n], matrix.sum(axis=1), rtol=1e-5)
    return matrix


@pytest.mark.parametrize("d", [1, 4, 7])
def test_nodes_that_only_come_have_the_links_of_a_search_from_nothing(d: int) -> None:
    rows = some_rows(80, d)
    nodes, distances = filled(rows, 100), squared_distances(rows)
    expected = np.argsort(distances, axis=1)[:, :N_NEIGHBOURS]
    np.testing.assert_array_equal(np.sort(nodes.links[:80], axis=1), np.sort(expected, axis=1))
    reach = np.sort(distances, axis=1)[:, N_NEIGHBOURS - 1]
    np.testing.assert_allclose(nodes.reach[:80], reach, rtol=1e-4)
    own = np.take_along_axis(distances, nodes.links[:80].astype(int), axis=1)
    np.testing.assert_allclose(nodes.strengths[:80], np.exp(-FALL * own / reach[:, None]) + FLOOR, rtol=1e-3)


def test_the_nearest_come_first_and_the_one_left_out_never() -> None:
    rows = some_rows(50, 5)
    nodes = filled(rows, 50)
    scratch = graph_nodes.scratch(nodes)
    graph_nodes.find(nodes, rows[7], -1, scratch)
    assert scratch.nearest[0] == 7
    assert (np.diff(scratch.nearest_distances) >= 0).all()
    graph_nodes.find(nodes, rows[7], 7, scratch)
    np.testing.assert_array_equal(scratch.nearest, np.argsort(squared_distances(rows)[7])[:N_NEIGHBOURS])


def test_few_nodes_are_all_neighbours() -> None:
    nodes = graph_nodes.new(2, 5)
    scratch = put(nodes, some_rows(1, 2)[0], 0)
    assert (scratch.nearest == -1).all()
    assert (nodes.links[0] == -1).all()
    put(nodes, some_rows(2, 2)[1], 1)
    assert sorted(nodes.links[0])[-1] == 1
    assert sorted(nodes.links[1])[-1] == 0
    assert nodes.n_nodes[0] == 2


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 29), max_size=40), st.integers(0, 100))
def test_links_are_true_whoever_leaves(leavers: list[int], seed: int) -> None:
    rows = some_rows(30, 3, seed)
    nodes = filled(rows, 30)
    for step, slot in enumerate(leavers):
        rows[slot] = some_rows(1, 3, 1000 + step)[0]
        put(nodes, rows[slot], slot)
    distances = squared_distances(rows)
    for i in range(30):
        live = nodes.links[i][nodes.links[i] >= 0]
        assert len(set(live)) == len(live)
        np.testing.assert_allclose(nodes.distances[i][nodes.links[i] >= 0], distances[i, live], rtol=1e-4)
        assert (nodes.strengths[i][nodes.links[i] < 0] == 0).all()
        # Nobody within reach is missed unless the list is full of nearer ones.
        assert nodes.reach[i] >= nodes.distances[i][nodes.links[i] >= 0].max(initial=0)
        missed = np.setdiff1d(np.flatnonzero(distances[i] < nodes.reach[i] * (1 - 1e-5)), live)
        assert len(missed) == 0


def test_links_are_joined_in_both_directions() -> None:
    nodes = filled(some_rows(40, 3), 40)
    directed = np.zeros((40, 40))
    for i in range(40):
        directed[i, nodes.links[i]] = nodes.strengths[i]
    np.testing.assert_allclose(joined(nodes), directed + directed.T, rtol=1e-6)


def test_copies_of_a_row_are_fully_linked() -> None:
    nodes = filled(np.ones((15, 3), np.float32), 15)
    matrix = joined(nodes)
    assert np.isfinite(matrix).all()
    assert (matrix.sum(axis=1) > N_NEIGHBOURS).all()


@pytest.mark.parametrize("d", [3, 4])
def test_new_columns_change_nothing(d: int) -> None:
    rows = some_rows(40, d)
    wide = np.hstack([rows, np.zeros((40, 3), np.float32)])
    grown = graph_nodes.grow(filled(rows[:20], 40), d + 3)
    for i in range(20, 40):
        put(grown, wide[i], i)
    for ours, theirs in zip(grown, filled(wide, 40), strict=True):
        np.testing.assert_array_equal(ours, theirs)
