import numpy as np
import scipy.special

from streamssl.learners.experts import logistic


def test_one_step_is_the_equation() -> None:
    rng = np.random.default_rng(0)
    state = logistic.new(2, 3)
    state.weights[:] = rng.normal(size=(3, 3))
    state.squares[:] = rng.random((3, 3))
    weights, squares = state.weights.copy(), state.squares.copy()
    z, target = rng.normal(size=2).astype(np.float32), np.array([0.2, 0.8, 0.0], np.float32)
    logistic.learn(state, z, target, 2.0, np.ones(3), np.empty(3), np.empty(3))
    extended = np.append(1.0, z)
    error = scipy.special.softmax(extended @ weights) - target
    gradient = 2.0 * np.outer(extended, error) + 1e-3 * weights
    squares = 0.9995 * squares + gradient**2
    np.testing.assert_allclose(state.squares, squares, rtol=1e-6)
    np.testing.assert_allclose(state.weights, weights - 0.05 * gradient / np.sqrt(squares), rtol=1e-6)


def test_a_linear_border_is_found() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2)).astype(np.float32)
    classes = (rows[:, 0] > rows[:, 1]).astype(int)
    state, out = logistic.new(2, 2), np.empty(2)
    for row, label in zip(rows, classes, strict=True):
        logistic.learn(state, row, np.eye(2, dtype=np.float32)[label], 1.0, np.ones(2), np.empty(2), np.empty(2))
    right = 0
    for row in rows:
        logistic.predict(state, row, np.ones(2), np.empty(2), out)
        right += (out[1] > 0.5) == (row[0] > row[1])
    assert right > 285


def test_classes_that_nobody_named_stay_untouched() -> None:
    state = logistic.new(1, 3)
    prior = np.array([1.0, 0.0, 1.0])
    logistic.learn(
        state, np.ones(1, np.float32), np.array([1, 0, 0], np.float32), 1.0, prior, np.empty(3), np.empty(3)
    )
    assert not state.weights[:, 1].any()
    assert state.weights[:, 0].all()
