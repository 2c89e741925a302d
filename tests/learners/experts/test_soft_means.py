import numpy as np

from streamssl.learners import class_prior, standardiser
from streamssl.learners.experts import class_means, soft_means


class Means:
    """The expert with its scratch and the prior."""

    def __init__(self, d: int, k: int) -> None:
        self.state = soft_means.new(d, k)
        self.prior = class_prior.new(k)

    def grow(self, d: int, k: int) -> None:
        self.state = soft_means.grow(self.state, d, k)
        self.prior = class_prior.grow(self.prior, k)

    def scratch(self) -> tuple[np.ndarray, np.ndarray]:
        return np.empty(len(self.prior)), np.empty(len(self.prior))

    def observe(self, row: np.ndarray) -> None:
        soft_means.observe(self.state, row, self.prior, *self.scratch())

    def learn(self, row: np.ndarray, target: np.ndarray, weight: float = 1.0) -> None:
        class_prior.learn(self.prior, target, weight)
        soft_means.learn(self.state, row, target, weight, self.prior, *self.scratch())

    def predict(self, row: np.ndarray) -> np.ndarray:
        scores, out = self.scratch()
        soft_means.predict(self.state, row, self.prior, scores, out)
        return out


def unit_rows(n: int, d: int) -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def soft_targets(n: int, k: int) -> np.ndarray:
    return np.random.default_rng(1).dirichlet(np.ones(k), size=n).astype(np.float32)


def test_without_unlabelled_events_it_is_class_means() -> None:
    rows, targets = unit_rows(50, 6), soft_targets(50, 3)
    ours, theirs, labelled = Means(6, 3), class_means.new(6, 3), standardiser.new(6)
    for row, target in zip(rows, targets, strict=True):
        ours.learn(row, target)
        class_means.learn(theirs, labelled, True, row, row, target, 1.0, ours.prior, *ours.scratch())
    expected = np.empty(3)
    class_means.predict(theirs, rows[0], ours.prior, np.empty(3), expected)
    np.testing.assert_allclose(ours.predict(rows[0]), expected, rtol=1e-4)


def test_sums_are_those_of_the_labels_and_of_the_shares() -> None:
    n = soft_means.CAPACITY + 300
    rows, targets, weights = unit_rows(n, 4), soft_targets(n, 2), np.random.default_rng(2).random(n) + 0.5
    means, named = Means(4, 2), np.arange(50, n, 40)
    for i, row in enumerate(rows):
        means.observe(row)
        if i in named:
            means.learn(row, targets[i], weights[i])
    state, mass = means.state, weights[named, None] * targets[named]
    np.testing.assert_allclose(state.shares.sum(axis=1), soft_means.UNLABELLED_WEIGHT)
    np.testing.assert_allclose(state.counts, mass.sum(axis=0) + state.shares.sum(axis=0))
    np.testing.assert_allclose(state.sums, rows[named].T @ mass + state.rows.T @ state.shares, atol=1e-5)
    np.testing.assert_allclose(state.lengths, (state.sums**2).sum(axis=0))
    assert {row.tobytes() for row in state.rows} == {row.tobytes() for row in rows[-soft_means.CAPACITY :]}


def test_sweeps_end_where_each_share_is_its_posterior() -> None:
    rows = unit_rows(300, 4)
    means = Means(4, 2)
    for row in rows:
        means.observe(row)
    means.learn(rows[0], np.array([1, 0], np.float32))
    means.learn(rows[1], np.array([0, 1], np.float32))
    for _ in range(60):
        soft_means._sweep(means.state, 300, means.prior, *means.scratch())
    state = means.state
    m = state.sums / (state.counts + 1)
    scores = 4 * (2 * rows @ m - (m**2).sum(axis=0))
    shares = means.prior * np.exp(soft_means.HARDER * state.sharpness.chosen[0] * scores)
    shares *= soft_means.UNLABELLED_WEIGHT / shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(state.shares[:300], shares, rtol=1e-3)


def test_unlabelled_events_help_where_classes_are_clusters() -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(2, size=1500)
    rows = (0.25 * np.eye(20)[y] + rng.normal(size=(1500, 20)) / np.sqrt(60)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    informed, twin = Means(20, 2), Means(20, 2)
    hits = np.zeros(2)
    for i, row in enumerate(rows):
        informed.observe(row)
        if i in (0, 1, 2, 3, 4, 5):
            for means in (informed, twin):
                means.learn(row, np.eye(2, dtype=np.float32)[y[i]])
        if i >= 1000:
            hits += [means.predict(row).argmax() == y[i] for means in (informed, twin)]
    assert hits[0] > hits[1] + 10


def test_forgetting_takes_the_label_out_of_the_sums() -> None:
    rows, target = unit_rows(3, 4), np.array([0.25, 0.75], np.float32)
    means = Means(4, 2)
    means.learn(rows[0], np.array([1, 0], np.float32))
    before = means.state.sums.copy(), means.state.counts.copy(), means.state.lengths.copy()
    means.learn(rows[1], target, 2.0)
    soft_means.forget(means.state, rows[1], target, 2.0, np.empty(2))
    after = means.state.sums, means.state.counts, means.state.lengths
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_growing_is_as_if_columns_had_been_zero_and_classes_unnamed() -> None:
    rows, targets = unit_rows(1400, 6), soft_targets(1400, 4)
    rows[:1200, 5] = 0
    targets[:1200, 3] = 0
    early, late = Means(6, 4), Means(5, 3)
    for i in range(1400):
        if i == 1200:
            late.grow(6, 4)
        for means in (early, late):
            d, k = means.state.sums.shape
            row = rows[i, :d].copy()
            means.observe(row)
            if i % 20 == 7:
                means.learn(row, targets[i, :k].copy())
        if i == 1199:
            assert early.predict(rows[i])[3] == 0.0
    for name, one, other in zip(soft_means.SoftMeans._fields, early.state, late.state, strict=True):
        if name == "sharpness":
            np.testing.assert_array_equal(np.concatenate(one), np.concatenate(other))
        else:
            np.testing.assert_array_equal(one, other, err_msg=name)
