import numpy as np

from streamssl.learners.experts import last_label


def predicted(state: last_label.LastLabel, prior: np.ndarray) -> np.ndarray:
    out = np.empty(len(prior))
    last_label.predict(state, prior, out)
    return out


def learn(state: last_label.LastLabel, labels: list[int]) -> None:
    for label in labels:
        last_label.learn(state, np.eye(3, dtype=np.float32)[label], 1.0)


def test_long_runs_are_believed() -> None:
    state = last_label.new()
    learn(state, [0] * 200 + [1] * 200)
    probabilities = predicted(state, np.array([1.0, 1.0, 2.0]))
    assert probabilities[1] > 0.95
    np.testing.assert_allclose(probabilities[2], 2 * probabilities[0])
    np.testing.assert_allclose(probabilities.sum(), 1.0)


def test_without_runs_the_prior_speaks() -> None:
    state = last_label.new()
    learn(state, [0, 1, 2] * 50)
    np.testing.assert_allclose(predicted(state, np.array([1.0, 1.0, 2.0])), [0.25, 0.25, 0.5])


def test_a_single_class_is_certain_and_no_label_leaves_the_prior() -> None:
    state = last_label.new()
    np.testing.assert_allclose(predicted(state, np.array([1.0, 3.0, 0.0])), [0.25, 0.75, 0.0])
    learn(state, [0])
    np.testing.assert_array_equal(predicted(state, np.array([2.0, 0.0, 0.0])), [1.0, 0.0, 0.0])


def test_doubtful_labels_are_not_the_last() -> None:
    state = last_label.new()
    learn(state, [0])
    last_label.learn(state, np.array([0.1, 0.9, 0.0], np.float32), 1.0)
    assert state.last[0] == 0
