import numpy as np
import pytest

from streamssl.learners.experts import bayes


def learn(state: bayes.Bayes, z: np.ndarray, target: np.ndarray, weight: float, prior: np.ndarray) -> None:
    k, n = len(target), len(state.active)
    bayes.learn(state, z, target, weight, prior, np.empty(k), np.empty(k), np.empty(n), np.empty(n))


def predict(state: bayes.Bayes, z: np.ndarray, prior: np.ndarray) -> np.ndarray:
    out = np.empty(len(prior))
    bayes.predict(state, z, prior, np.empty(len(prior)), out)
    return out


def examples(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n, d)).astype(np.float32)
    return rows, rng.dirichlet(np.ones(k), size=n).astype(np.float32), rng.random(n) + 0.5


@pytest.mark.parametrize("k", [2, 3])
def test_like_the_slow_way(k: int) -> None:
    rows, targets, weights = examples(60, 5, k)
    state, prior = bayes.new(5, k), np.ones(k)
    mean, covariance = np.zeros((6, k)), np.diag([1.0] + [4 / 5] * 5)
    ceiling = covariance.diagonal().copy()
    for row, target, weight in zip(rows, targets, weights, strict=True):
        z = np.concatenate([[1.0], row])
        p = np.exp(z @ mean)
        p /= p.sum()
        np.testing.assert_allclose(predict(state, row, prior), p, rtol=1e-9)
        gain = covariance @ z
        h = weight * max((p * (1 - p)).max(), 0.02) * (2 if k == 2 else 1)
        mean += weight * np.outer(gain, target - p) / (1 + h * (z @ gain))
        covariance -= np.outer(gain, gain) * h / (1 + h * (z @ gain))
        scale = np.sqrt(np.minimum(1 / 0.99, ceiling / covariance.diagonal()))
        covariance *= np.outer(scale, scale)
        learn(state, row, target, weight, prior)
    np.testing.assert_allclose(state.mean, mean, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(state.covariance, covariance, rtol=1e-8, atol=1e-12)


def test_the_covariance_stays_bounded_symmetric_and_positive_definite() -> None:
    rows, targets, weights = examples(4000, 4, 3)
    rows[500:, 2] = 0  # forgetting would wind up what is no longer excited
    state = bayes.new(4, 3)
    for row, target, weight in zip(rows, targets, weights, strict=True):
        learn(state, row, target, weight, np.ones(3))
    np.testing.assert_array_equal(state.covariance, state.covariance.T)
    assert np.linalg.eigvalsh(state.covariance).min() > 0
    assert (state.covariance.diagonal() <= np.array([1, 1, 1, 1, 1]) * (1 + 1e-9)).all()
    assert np.isfinite(state.mean).all()


def test_a_line_is_found_in_few_labels() -> None:
    rows, _, _ = examples(300, 3, 2)
    y = (rows[:, 0] - rows[:, 1] > 0).astype(int)
    state = bayes.new(3, 2)
    for row, target in zip(rows[:100], np.eye(2, dtype=np.float32)[y[:100]], strict=True):
        learn(state, row, target, 1.0, np.ones(2))
    guesses = [predict(state, row, np.ones(2)).argmax() for row in rows[100:]]
    assert np.mean(guesses == y[100:]) > 0.93


def test_growing_is_as_if_columns_had_been_zero_and_classes_unnamed() -> None:
    rows, targets, weights = examples(60, 6, 4)
    rows[:40, 5] = 0
    targets[:40, 3] = 0
    early, late = bayes.new(6, 4), bayes.new(5, 3)
    for i in range(60):
        prior = np.array([1.0, 1.0, 1.0, 0.0 if i < 40 else 1.0])
        if i == 40:
            late = bayes.grow(late, 6, 4)
        for state in (early, late):
            d, k = len(state.active) - 1, state.mean.shape[1]
            learn(state, rows[i, :d].copy(), targets[i, :k].copy(), weights[i], prior[:k].copy())
        if i < 40:
            assert predict(early, rows[i], prior)[3] == 0.0
    for name, one, other in zip(bayes.Bayes._fields, early, late, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)
