import numpy as np
import scipy.special

from streamssl.learners.softmax import softmax


def test_agrees_with_scipy() -> None:
    scores = np.array([1.0, -2.0, 0.5])
    out = np.empty(3)
    softmax(scores, 3.0, np.ones(3), out)
    np.testing.assert_allclose(out, scipy.special.softmax(3 * scores))


def test_unknown_classes_get_nothing() -> None:
    out = np.empty(3)
    softmax(np.array([0.0, 1e9, 0.0]), 1.0, np.array([1.0, 0.0, 2.0]), out)
    np.testing.assert_array_equal(out, [0.5, 0.0, 0.5])


def test_huge_scores_do_not_overflow() -> None:
    out = np.empty(2)
    softmax(np.array([1e300, -1e300]), 1.0, np.ones(2), out)
    np.testing.assert_array_equal(out, [1.0, 0.0])
