import numpy as np

from streamssl.learners import standardiser
from streamssl.learners.experts import class_means


def taught(rows: np.ndarray, classes: np.ndarray) -> tuple[class_means.ClassMeans, standardiser.Standardiser]:
    state, moments = class_means.new(rows.shape[1], 2), standardiser.new(rows.shape[1])
    for row, label in zip(rows, classes, strict=True):
        standardiser.observe(moments, row)
        z = np.empty_like(row)
        standardiser.standardise(moments, row, z)
        target = np.eye(2, dtype=np.float32)[label]
        class_means.learn(state, moments, False, row, z, target, 1.0, np.ones(2), np.empty(2), np.empty(2))
    return state, moments


def example(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    classes = rng.integers(2, size=n)
    return rng.normal(classes[:, None] * np.array([2.0, 0.0]), 1.0).astype(np.float32), classes


def test_means_are_shrunken_and_standardised() -> None:
    rows, classes = example(40)
    state, _ = taught(rows, classes)
    for c in range(2):
        own = rows[classes == c]
        mean = (own.mean(axis=0) - rows.mean(axis=0)) / rows.std(axis=0) * len(own) / (len(own) + 1)
        np.testing.assert_allclose(state.means[:, c], mean, atol=1e-4)


def test_nearest_mean_is_named() -> None:
    rows, classes = example(40)
    state, moments = taught(rows, classes)
    out, z = np.empty(2), np.empty(2, np.float32)
    for row, expected in [([3.0, 0.0], 1), ([-1.0, 0.0], 0)]:
        standardiser.standardise(moments, np.array(row, np.float32), z)
        class_means.predict(state, z, np.ones(2), np.empty(2), out)
        assert out.argmax() == expected


def test_forgetting_takes_a_label_back_until_its_class_has_faded() -> None:
    rows, classes = example(40)
    state, moments = taught(rows, classes)
    other, _ = taught(rows[:-1], classes[:-1])
    target = np.eye(2, dtype=np.float32)[classes[-1]]
    class_means.forget(state, moments, False, rows[-1], target, 1.0)
    np.testing.assert_array_equal(state.counts, other.counts)
    np.testing.assert_allclose(state.sums, other.sums)

    state, moments = taught(*example(1000))
    before = state.counts.copy()
    class_means.forget(state, moments, False, rows[-1], target, 1.0)
    np.testing.assert_array_equal(state.counts, before)


def test_vectors_of_length_one_stay_as_they_are() -> None:
    rows, classes = example(40)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    state, moments = class_means.new(2, 2), standardiser.new(2)
    for row, label in zip(rows, classes, strict=True):
        target = np.eye(2, dtype=np.float32)[label]
        class_means.learn(state, moments, True, row, row, target, 1.0, np.ones(2), np.empty(2), np.empty(2))
    for c in range(2):
        own = rows[classes == c]
        np.testing.assert_allclose(state.means[:, c], own.sum(axis=0) / (len(own) + 1), atol=1e-5)
    out, scores = np.empty(2), np.empty(2)
    class_means.predict(state, rows[0], np.ones(2), scores, out)
    expected = 4 * (2 * rows[0] @ state.means - (state.means**2).sum(axis=0))
    np.testing.assert_allclose(scores, expected, atol=1e-4)
