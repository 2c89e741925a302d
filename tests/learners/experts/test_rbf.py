import numpy as np

from streamssl.learners import randomness
from streamssl.learners.experts import rbf


class Net:
    """A net with its scratch."""

    def __init__(self, n_columns: int, n_classes: int, n_centres: int) -> None:
        self.state = rbf.new(n_columns, n_classes, n_centres)
        self.generator = randomness.new(0)

    def units(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        distances = np.empty(len(self.state.use), np.float32)
        units = np.empty(len(self.state.weights))
        nearest = rbf.activate(self.state, z, distances, units)
        return units, distances, nearest

    def observe(self, z: np.ndarray) -> None:
        _, distances, nearest = self.units(z)
        rbf.observe(self.state, z, distances, nearest, self.generator)

    def learn(self, z: np.ndarray, target: np.ndarray, weight: float = 1.0) -> np.ndarray:
        units, _, _ = self.units(z)
        scratch = np.empty(len(target)), np.empty(len(units)), np.empty(len(units))
        rbf.learn(self.state, units, target, weight, *scratch)
        return units


def gaussian(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


def test_centres_spread_over_clusters() -> None:
    rng = np.random.default_rng(0)
    means = np.array([[-4.0, -4.0], [4.0, 4.0], [-4.0, 4.0]])
    rows = (means[rng.integers(3, size=3000)] + 0.3 * rng.normal(size=(3000, 2))).astype(np.float32)
    net = Net(2, 2, 12)
    for z in rows:
        net.observe(z)
    assert net.state.n_centres[0] == 12
    centres = net.state.centres.T
    assert all(np.linalg.norm(centres - mean, axis=1).min() < 0.5 for mean in means)


def test_a_place_the_stream_moves_to_gets_centres() -> None:
    net = Net(2, 2, 16)
    for z in gaussian(2000, 2):
        net.observe(z)
    for z in gaussian(2000, 2) + np.float32(30):
        net.observe(z)
    assert (net.state.centres.T[:, 0] > 15).sum() >= 3


def test_activations_are_local_and_sum_to_one() -> None:
    net = Net(2, 2, 8)
    for z in gaussian(200, 2):
        net.observe(z)
    z = net.state.centres[:, 3].copy()
    units, distances, nearest = net.units(z)
    np.testing.assert_allclose(distances, ((net.state.centres.T - z) ** 2).sum(axis=1), rtol=1e-5)
    assert nearest == 3
    assert units[:8].argmax() == 3
    np.testing.assert_allclose(units[:8].sum(), 1.0)
    np.testing.assert_allclose(units[8:], [1.0, 0.2 * z[0], 0.2 * z[1]], rtol=1e-6)


def test_heads_solve_discounted_ridge_regression() -> None:
    net = Net(2, 2, 3)
    rng = np.random.default_rng(1)
    rows, targets, weights = gaussian(60, 2), rng.random((60, 2)).astype(np.float32), rng.random(60) + 0.5
    net.observe(rows[0])
    units = np.array([net.learn(z, t, w) for z, t, w in zip(rows, targets, weights, strict=True)])
    # Two of the three centres are never active, and the ceiling is not reached within 60 labels.
    discount = rbf.FORGETTING ** np.arange(60)[::-1] * weights
    ridge = rbf.RIDGE * rbf.FORGETTING**60 * np.eye(units.shape[1])
    correlation = units.T @ (discount[:, None] * units) + ridge
    expected = np.linalg.solve(correlation, units.T @ (discount[:, None] * targets))
    np.testing.assert_allclose(net.state.weights, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(net.state.inverse, np.linalg.inv(correlation), rtol=1e-6, atol=1e-9)


def test_the_inverse_stays_bounded_symmetric_and_positive_definite() -> None:
    net = Net(3, 2, 8)
    rows = gaussian(3000, 3)
    rows[500:, 1] = 0  # forgetting would wind up what is no longer excited
    for z in rows:
        net.observe(z)
        net.learn(z, np.array([1, 0], np.float32))
    inverse = net.state.inverse
    np.testing.assert_array_equal(inverse, inverse.T)
    assert inverse.diagonal().max() <= rbf.CEILING * (1 + 1e-9)
    assert np.linalg.eigvalsh(inverse).min() > 0


def test_growing_is_as_if_the_column_had_been_zero() -> None:
    rows = gaussian(400, 2)
    rows[:300, 1] = 0
    early, late = Net(2, 3, 8), Net(1, 2, 8)
    for i, z in enumerate(rows):
        if i == 300:
            late.state = rbf.grow(late.state, 2, 3)
        wide = np.array([1, 0, 0], np.float32)
        for net in (early, late):
            own = z[: len(net.state.centres)].copy()
            net.observe(own)
            net.learn(own, wide[: net.state.weights.shape[1]])
    for name, one, other in zip(rbf.Rbf._fields, early.state, late.state, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)


def test_wide_rows_have_a_bounded_linear_part() -> None:
    assert len(rbf.new(2000, 2, 4).weights) == 4 + 1 + rbf.LINEAR_COLUMNS
