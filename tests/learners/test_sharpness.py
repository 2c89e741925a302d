import numpy as np
import pytest

from streamssl.learners import sharpness


@pytest.mark.parametrize(("share_right", "expected"), [(1.0, 4.0), (0.5, 1.0)])
def test_scores_that_are_right_are_sharpened(share_right: float, expected: float) -> None:
    state = sharpness.new((1.0, 2.0, 4.0), 2.0)
    rng = np.random.default_rng(0)
    for _ in range(100):
        named = 0 if rng.random() < share_right else 1
        target = np.eye(2, dtype=np.float32)[named]
        sharpness.learn(state, np.array([1.0, 0.0]), np.ones(2), target, 1.0, np.empty(2))
    assert state.chosen[0] == expected
