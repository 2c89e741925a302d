import numpy as np
import scipy.special

from streamssl.learners.experts import sgd


def test_one_step_is_the_equation() -> None:
    rng = np.random.default_rng(0)
    state = sgd.new(2, 3)
    state.weights[:] = rng.normal(size=(3, 3))
    before = state.weights.copy()
    z, target = rng.normal(size=2).astype(np.float32), np.array([0.2, 0.8, 0.0], np.float32)
    sgd.learn(state, z, target, 0.5, np.ones(3), np.empty(3), np.empty(3))
    extended = np.append(1.0, z)
    error = target - scipy.special.softmax(extended @ before)
    np.testing.assert_allclose(state.weights, before + 0.5 * 0.05 * np.outer(extended, error), rtol=1e-6)


def test_long_rows_take_shorter_steps() -> None:
    state = sgd.new(400, 2)
    z = np.full(400, 5.0, np.float32)
    sgd.learn(state, z, np.array([1, 0], np.float32), 1.0, np.ones(2), np.empty(2), np.empty(2))
    assert abs(state.weights[:, 0] @ np.append(1.0, z) - 0.05 * 20 * 0.5) < 1e-6
