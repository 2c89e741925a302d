import numpy as np

from streamssl.learners import labelled


def test_ring_drops_the_oldest() -> None:
    state = labelled.new(1, 2)
    for i in range(labelled.CAPACITY + 2):
        row, averages = np.full(1, i, np.float32), np.full((2, 1), -i, np.float32)
        labelled.add(state, row, averages, np.array([0, 1], np.float32), 1.0, i)
    assert labelled.size(state) == labelled.CAPACITY
    assert set(state.keys) == set(range(2, labelled.CAPACITY + 2))
    assert state.rows[0, 0] == labelled.CAPACITY
    assert state.contexts[1, 1, 0] == -labelled.CAPACITY - 1


def test_growing_keeps_examples() -> None:
    state = labelled.new(1, 1)
    labelled.add(state, np.ones(1, np.float32), np.ones((2, 1), np.float32), np.ones(1, np.float32), 0.5, 3)
    state = labelled.grow(state, 2, 2)
    np.testing.assert_array_equal(state.rows[0], [1, 0])
    np.testing.assert_array_equal(state.targets[0], [1, 0])
    assert (state.weights[0], state.keys[0], labelled.size(state)) == (0.5, 3, 1)
