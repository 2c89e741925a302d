import numpy as np

from streamssl.learners import hedge

RIGHT_WRONG = np.array([[255, 0], [0, 255]], np.uint8)
FIRST = np.array([1, 0], np.float32)
ALL = np.ones(2)


def new() -> hedge.Hedge:
    return hedge.new(np.array([1.0, 3.0]), np.array([1.0, 1.0]))


def test_prior_weights_go_from_early_to_late() -> None:
    state = new()
    np.testing.assert_allclose(state.weights, [0.25, 0.75])
    silent = np.full((2, 2), 128, np.uint8)
    for n in range(200):
        hedge.learn(state, silent, FIRST, 1.0, n, 2, ALL)
    np.testing.assert_allclose(state.weights, [0.5, 0.5], atol=1e-3)


def test_the_better_expert_wins_and_the_other_is_never_lost() -> None:
    state = new()
    for n in range(100):
        hedge.learn(state, RIGHT_WRONG, FIRST, 1.0, n, 2, ALL)
    assert state.weights[0] > 0.98
    assert state.weights[1] > 0.004
    np.testing.assert_allclose(state.weights.sum(), 1.0)


def test_weights_turn_when_the_stream_does() -> None:
    state = new()
    for n in range(500):
        hedge.learn(state, RIGHT_WRONG, FIRST, 1.0, n, 2, ALL)
    for n in range(60):
        hedge.learn(state, RIGHT_WRONG[::-1].copy(), FIRST, 1.0, n, 2, ALL)
    assert state.weights[1] > 0.5


def test_an_expert_without_standing_has_no_weight() -> None:
    state = new()
    hedge.learn(state, RIGHT_WRONG, FIRST, 1.0, 0, 2, np.array([0.0, 1.0]))
    np.testing.assert_array_equal(state.weights, [0.0, 1.0])


def test_before_anything_was_said_prior_weights_are_shared_by_standing() -> None:
    state = new()
    hedge.weigh(state, 0, 1, np.array([1.0, 0.0]))
    np.testing.assert_array_equal(state.weights, [1.0, 0.0])
    hedge.weigh(state, 0, 1, np.array([1.0, 1 / 3]))
    np.testing.assert_allclose(state.weights, [0.5, 0.5])


def test_where_nobody_can_be_asked_weights_remain_weights() -> None:
    state = new()
    hedge.learn(state, RIGHT_WRONG, FIRST, 1.0, 0, 2, np.zeros(2))
    np.testing.assert_array_equal(state.weights, [0.5, 0.5])


def test_pool_is_the_weighted_mean() -> None:
    out = np.empty(2)
    hedge.mix(np.array([0.25, 0.75]), np.array([[1.0, 0.0], [0.2, 0.8]]), out)
    np.testing.assert_allclose(out, [0.4, 0.6])
