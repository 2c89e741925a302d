import numpy as np
import pytest

from streamssl.families import graph_window
from streamssl.families.graph_window import CLAMPED, UNLABELLED
from streamssl.learners.experts import graph_nodes

SPREADING = 0.8


def some_rows(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


def filled(rows: np.ndarray, labels: dict[int, int], alpha: float, size: int, k: int = 2) -> graph_window.Window:
    window = graph_window.grow(graph_window.new(size), rows.shape[1], k)
    scratch = graph_window.scratch(window)
    for i, row in enumerate(rows):
        graph_window.add(window, row, labels.get(i, UNLABELLED), i, alpha, scratch)
    return window


def strengths(window: graph_window.Window) -> np.ndarray:
    scratch = graph_nodes.scratch(window.nodes)
    graph_nodes.join(window.nodes, scratch)
    n = int(window.nodes.n_nodes[0])
    matrix = np.zeros((n, n))
    for i in range(n):
        for e in range(scratch.starts[i], scratch.starts[i + 1]):
            matrix[i, scratch.others[e]] += scratch.strengths[e]
    return matrix


def one_hot(window: graph_window.Window, k: int) -> np.ndarray:
    labels = window.labels[: int(window.nodes.n_nodes[0])]
    return np.where(labels[:, None] >= 0, np.eye(k)[labels], 0)


def test_propagation_ends_at_the_harmonic_solution() -> None:
    window = filled(some_rows(80, 3), {3: 0, 10: 1, 40: 2, 70: 1}, CLAMPED, 100, k=3)
    graph_window.sweep(window, 500, CLAMPED, graph_window.scratch(window))
    w, y = strengths(window), one_hot(window, 3)
    free = y.sum(axis=1) == 0
    laplacian = np.diag(w.sum(axis=1)) - w
    harmonic = np.linalg.solve(laplacian[np.ix_(free, free)], w[np.ix_(free, ~free)] @ y[~free])
    np.testing.assert_allclose(window.beliefs[:80][free], harmonic, atol=1e-3)
    np.testing.assert_array_equal(window.beliefs[:80][~free], y[~free])


def test_spreading_ends_at_the_solution_of_its_equation() -> None:
    window = filled(some_rows(80, 3), {3: 0, 10: 1, 40: 2, 70: 1}, SPREADING, 100, k=3)
    graph_window.sweep(window, 200, SPREADING, graph_window.scratch(window))
    w, y = strengths(window), one_hot(window, 3)
    root = np.sqrt(w.sum(axis=1))
    expected = np.linalg.solve(np.eye(80) - SPREADING * w / np.outer(root, root), (1 - SPREADING) * y)
    np.testing.assert_allclose(window.beliefs[:80], expected, atol=1e-4)


@pytest.mark.parametrize("alpha", [CLAMPED, SPREADING])
def test_the_oldest_of_its_kind_makes_room(alpha: float) -> None:
    labels = {i: i % 2 for i in range(0, 60, 4)}
    window = filled(some_rows(60, 2), labels, alpha, 10)
    named = window.labels != UNLABELLED
    assert window.nodes.n_nodes[0] == 20
    assert window.n_labelled[0] == named.sum() == 10
    assert set(window.turns[named]) == set(sorted(labels)[-10:])
    assert set(window.turns[~named]) == set([i for i in range(60) if i not in labels][-10:])


@pytest.mark.parametrize("alpha", [CLAMPED, SPREADING])
def test_no_label_no_belief(alpha: float) -> None:
    rows = some_rows(30, 2)
    window = filled(rows, {}, alpha, 50)
    scratch, out = graph_window.scratch(window), np.full(2, np.nan)
    graph_window.sweep(window, 3, alpha, scratch)
    graph_window.estimate(window, rows[0], alpha, out, scratch)
    np.testing.assert_array_equal(out, 0)


@pytest.mark.parametrize("alpha", [CLAMPED, SPREADING])
def test_a_new_row_hears_its_neighbours(alpha: float) -> None:
    rows = some_rows(60, 2)
    classes = np.arange(60) % 2
    rows[:, 0] += 20 * classes
    window = filled(rows, {i: int(classes[i]) for i in range(0, 60, 7)}, alpha, 100)
    scratch, out = graph_window.scratch(window), np.empty(2)
    graph_window.sweep(window, 20, alpha, scratch)
    for x, c in ((0.0, 0), (20.0, 1)):
        graph_window.estimate(window, np.array([x, 0], np.float32), alpha, out, scratch)
        assert out.argmax() == c


def test_new_columns_and_classes_change_nothing() -> None:
    rows = some_rows(60, 3)
    wide = np.hstack([rows, np.zeros((60, 2), np.float32)])
    labels = {5: 0, 20: 1, 50: 0}
    early = filled(wide, labels, CLAMPED, 40, k=4)
    late = filled(rows[:30], labels, CLAMPED, 40)
    late = graph_window.grow(late, 5, 4)
    scratch = graph_window.scratch(late)
    for i in range(30, 60):
        graph_window.add(late, wide[i], labels.get(i, UNLABELLED), i, CLAMPED, scratch)
    np.testing.assert_array_equal(late.beliefs, early.beliefs)
    np.testing.assert_array_equal(late.nodes.links, early.nodes.links)
