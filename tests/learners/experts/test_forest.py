from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from streamssl.learners import class_prior, randomness
from streamssl.learners.experts import forest
from tests.learners.streams import one_hot


class Trees:
    """A forest with what it needs around it."""

    def __init__(self, n_columns: int, n_classes: int, n_trees: int = 4) -> None:
        self.state = forest.new(n_columns, n_classes, n_trees)
        self.prior = class_prior.new(n_classes)
        self.generator = randomness.new(0)

    def learn(self, rows: np.ndarray, targets: np.ndarray, weight: float = 1.0, first_key: int = 0) -> None:
        scratch = forest.scratch(len(self.prior))
        for i, (row, target) in enumerate(zip(rows, targets.astype(np.float32), strict=True)):
            class_prior.learn(self.prior, target, weight)
            forest.learn(self.state, row, target, weight, self.prior, first_key + i, self.generator, scratch)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        out = np.empty((len(rows), len(self.prior)))
        for row, each in zip(rows, out, strict=True):
            forest.predict(self.state, row, self.prior, each)
        return out

    def leaves(self, t: int) -> list[list[int]]:
        """Return the rows in each leaf of a tree, walking it from the root."""
        found, nodes = [], [0]
        while nodes:
            node = nodes.pop()
            link = self.state.links[t, node]
            if self.state.columns[t, node] >= 0:
                nodes += [link, link + 1]
                continue
            rows = []
            while link != forest.NONE:
                rows.append(int(link))
                link = self.state.following[t, link]
            found.append(rows)
        return found


def moons(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 4)).astype(np.float32)
    return rows, (rows[:, 0] * rows[:, 1] > 0).astype(int)


@pytest.mark.parametrize("n", [1, 2, 50, forest.CAPACITY + 300])
def test_every_row_of_the_window_is_in_one_pure_leaf_of_every_tree(n: int) -> None:
    rows, classes = moons(n)
    trees = Trees(4, 2)
    trees.learn(rows, one_hot(classes))
    held = min(n, forest.CAPACITY)
    for t in range(4):
        leaves = trees.leaves(t)
        assert sorted(slot for leaf in leaves for slot in leaf) == list(range(held))
        assert all(leaves)
        assert all(len({int(trees.state.labels[slot]) for slot in leaf}) == 1 for leaf in leaves)


def test_rows_are_found_in_the_leaf_their_path_leads_to() -> None:
    rows, classes = moons(forest.CAPACITY + 100)
    trees = Trees(4, 2)
    trees.learn(rows, one_hot(classes))
    assert (trees.predict(rows[-forest.CAPACITY :]).argmax(axis=1) == classes[-forest.CAPACITY :]).all()


def test_it_is_as_good_as_extra_trees_grown_from_the_same_rows() -> None:
    rows, classes = moons(3000)
    trees = Trees(4, 2, n_trees=16)
    trees.learn(rows[:400], one_hot(classes[:400]))
    ours = np.mean(trees.predict(rows[400:]).argmax(axis=1) == classes[400:])
    batch = ExtraTreesClassifier(16, max_features=None, random_state=0).fit(rows[:400], classes[:400])
    assert ours > batch.score(rows[400:], classes[400:]) - 0.02


def test_what_is_said_is_smoothed_towards_the_parent() -> None:
    """Two labels, one split: the plain equations."""
    trees = Trees(1, 2, n_trees=4)
    trees.learn(np.array([[0.0], [1.0]], np.float32), one_hot(np.array([0, 1])))
    root = (np.array([1.0, 1.0]) + 0.2 * trees.prior / trees.prior.sum()) / 2.2
    left = (np.array([1.0, 0.0]) + 0.2 * root) / 1.2
    np.testing.assert_allclose(trees.predict(np.array([[-1.0]], np.float32))[0], left, atol=1e-2)


def test_forgotten_rows_are_gone_from_every_tree() -> None:
    rows, classes = moons(200)
    trees = Trees(4, 2)
    trees.learn(rows, one_hot(classes))
    for key in range(0, 200, 2):
        forest.forget(trees.state, key, trees.prior)
    for t in range(4):
        assert sorted(slot for leaf in trees.leaves(t) for slot in leaf) == list(range(1, 200, 2))
    for key in range(200):
        forest.forget(trees.state, key, trees.prior)
    assert all(trees.leaves(t) == [[]] for t in range(4))
    np.testing.assert_allclose(trees.predict(rows[:1])[0], trees.prior / trees.prior.sum())
    trees.learn(rows, one_hot(classes))
    assert (trees.predict(rows).argmax(axis=1) == classes).all()


def test_a_leaf_is_split_as_soon_as_it_can_be() -> None:
    trees = Trees(1, 2)
    trees.learn(np.array([[1.0], [1.0], [2.0]], np.float32), one_hot(np.array([0, 1, 1])))
    assert all(sorted(map(len, trees.leaves(t))) == [1, 2] for t in range(4))


def test_labels_of_very_unequal_weights_leave_as_they_came() -> None:
    rows, classes = moons(2 * forest.CAPACITY)
    trees = Trees(4, 2)
    trees.learn(rows[: forest.CAPACITY], one_hot(classes[: forest.CAPACITY]), weight=1e6)
    trees.learn(rows[forest.CAPACITY :], one_hot(classes[forest.CAPACITY :]), weight=1e-3)
    np.testing.assert_allclose(trees.predict(rows).sum(axis=1), 1)
    nodes = trees.state.said.reshape(-1, 2)
    np.testing.assert_allclose(nodes[nodes.any(axis=1)].sum(axis=1), 1, atol=1e-5)


def test_rows_that_cannot_be_told_apart_share_a_leaf() -> None:
    trees = Trees(2, 2)
    trees.learn(np.ones((30, 2), np.float32), one_hot(np.arange(30) % 3 // 2))
    assert trees.predict(np.ones((1, 2), np.float32))[0, 0] == pytest.approx(2 / 3, abs=0.02)


def test_soft_and_weighted_labels_count_for_what_they_are() -> None:
    trees = Trees(1, 2, n_trees=4)
    trees.learn(np.ones((10, 1), np.float32), np.tile([[0.7, 0.3]], (10, 1)))
    assert trees.predict(np.ones((1, 1), np.float32))[0, 0] == pytest.approx(0.7, abs=0.01)
    trees.learn(np.ones((1, 1), np.float32), one_hot(np.array([1])), weight=10.0)
    assert trees.predict(np.ones((1, 1), np.float32))[0, 0] == pytest.approx(0.35, abs=0.01)


@pytest.mark.parametrize("n_before", [0, 60])
def test_room_for_columns_and_classes_changes_nothing(n_before: int) -> None:
    rows, classes = moons(150)
    wide = np.pad(rows, ((0, 0), (0, 3)))
    early, late = Trees(7, 3), Trees(4, 2)
    early.learn(wide[:n_before], one_hot(classes[:n_before], 3))
    late.learn(rows[:n_before], one_hot(classes[:n_before]))
    late.state = forest.grow(late.state, 7, 3)
    late.prior = class_prior.grow(late.prior, 3)
    for trees in (early, late):
        trees.learn(wide[n_before:], one_hot(classes[n_before:], 3), first_key=n_before)
    for name in forest.Forest._fields:
        np.testing.assert_array_equal(getattr(early.state, name), getattr(late.state, name), err_msg=name)
    assert not early.predict(wide)[:, 2].any()
