import numpy as np
import pytest

from streamssl.learners import standardiser
from streamssl.learners.experts import neighbours


def predict(state: neighbours.Neighbours, row: np.ndarray, prior: np.ndarray) -> np.ndarray:
    out = np.empty(len(prior))
    neighbours.predict(state, row, prior, np.empty(neighbours.CAPACITY, np.float32), out)
    return out


def examples(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = rng.normal(3, 2, size=(n, d)).astype(np.float32)
    return rows, rng.dirichlet(np.ones(k), size=n).astype(np.float32), rng.random(n) + 0.5


def trained(rows: np.ndarray, targets: np.ndarray, weights: np.ndarray, unit: bool = False):
    state, moments = neighbours.new(rows.shape[1], targets.shape[1]), standardiser.new(rows.shape[1])
    for i, row in enumerate(rows):
        standardiser.observe(moments, row)
        neighbours.learn(state, moments, unit, row, targets[i], weights[i], i)
    return state, moments


def reference(
    rows: np.ndarray, query: np.ndarray, targets: np.ndarray, weights: np.ndarray, prior: np.ndarray
) -> np.ndarray:
    distances = ((rows - query) ** 2).sum(axis=1)
    nearest = np.argsort(distances)[:5]
    votes = weights[nearest] * (1.05 - distances[nearest] / distances[nearest[-1]])
    out = votes @ targets[nearest] + 0.5 * prior / prior.sum()
    return out / out.sum()


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("n", [3, 32, 700])
def test_like_the_slow_way(n: int, unit: bool) -> None:
    rows, targets, weights = examples(n, 4, 3)
    rows /= 5
    state, _ = trained(rows, targets, weights, unit)
    kept = slice(max(n - neighbours.CAPACITY, 0), n)
    query, prior = np.full(4, 0.5, np.float32), np.array([3.0, 1.0, 2.0])
    scaled = [rows[kept], query]
    if not unit:
        scaled = [np.clip((a - state.mean) * state.scale, -5, 5) for a in scaled]
    expected = reference(*scaled, targets[kept], weights[kept], prior)
    np.testing.assert_allclose(predict(state, query, prior), expected, rtol=1e-4)


def test_rows_are_standardised_again_on_schedule() -> None:
    rows, targets, weights = examples(1100, 2, 2)
    state, moments = neighbours.new(2, 2), standardiser.new(2)
    renewed = []
    for i, row in enumerate(rows):
        standardiser.observe(moments, row)
        before = state.mean.copy()
        neighbours.learn(state, moments, False, row, targets[i], weights[i], i)
        if not np.array_equal(before, state.mean):
            renewed.append(i + 1)
    assert renewed == [*range(1, 33), 64, 128, 256, 512, 1024]


def test_forgetting_is_as_if_the_label_had_not_come() -> None:
    rows, targets, weights = examples(40, 3, 2)
    state, _ = trained(rows, targets, weights)
    prior = np.ones(2)
    without = np.delete(np.arange(40), 7)
    z = (rows - state.mean) * state.scale
    neighbours.forget(state, 7)
    neighbours.forget(state, 12345)
    expected = reference(z[without], z[7], targets[without], weights[without], prior)
    np.testing.assert_allclose(predict(state, rows[7], prior), expected, rtol=1e-4)


def test_equal_rows_all_vote() -> None:
    rows = np.ones((6, 2), np.float32)
    targets = np.eye(2, dtype=np.float32)[[0, 0, 0, 1, 1, 1]]
    state, _ = trained(rows, targets, np.ones(6))
    np.testing.assert_allclose(predict(state, rows[0], np.ones(2)), [3.4 / 5.75, 2.35 / 5.75], rtol=1e-6)


def test_a_class_nobody_has_named_has_no_probability() -> None:
    rows, targets, weights = examples(20, 3, 3)
    state, _ = trained(rows, targets, weights)
    out = predict(state, rows[0], np.array([1.0, 0.0, 1.0]))
    assert out[1] == 0.0
    np.testing.assert_allclose(out.sum(), 1.0)


@pytest.mark.parametrize("unit", [False, True])
def test_growing_is_as_if_the_column_had_been_zero(unit: bool) -> None:
    rows, targets, weights = examples(60, 4, 3)
    rows[:45, 3] = 0
    targets[:, 2] = 0
    early, moments = trained(rows[:45], targets[:45], weights[:45], unit)
    late, narrow = trained(rows[:45, :3].copy(), targets[:45, :2].copy(), weights[:45], unit)
    late, narrow = neighbours.grow(late, 4, 3), standardiser.grow(narrow, 4)
    for i in range(45, 60):
        for state, seen in ((early, moments), (late, narrow)):
            standardiser.observe(seen, rows[i])
            neighbours.learn(state, seen, unit, rows[i], targets[i], weights[i], i)
    for name, one, other in zip(neighbours.Neighbours._fields, early, late, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)
