import numpy as np
import pytest

from streamssl.learners import worth

FIRST = np.array([1, 0], np.float32)
WEIGHTS = np.array([0.25, 0.75])


def test_gain_is_that_of_the_whole_pool_over_its_labelled_only_part() -> None:
    state = worth.new()
    said = np.array([[51, 204], [255, 0]], np.uint8)
    worth.learn(state, WEIGHTS, np.array([True, False]), said, FIRST)
    assert state.gain[0] == pytest.approx(np.log((0.25 * 0.2 + 0.75 + 0.05) / (0.2 + 0.05)))
    for _ in range(2000):
        worth.learn(state, WEIGHTS, np.array([True, False]), said[::-1].copy(), FIRST)
    assert state.gain[0] == pytest.approx(np.log((0.25 + 0.75 * 0.2 + 0.05) / 1.05), abs=1e-2)


def test_without_labelled_only_experts_nothing_is_claimed() -> None:
    state = worth.new()
    worth.learn(state, WEIGHTS, np.array([False, False]), np.full((2, 2), 128, np.uint8), FIRST)
    assert (state.n_labels[0], state.gain[0]) == (0, 0.0)
