import numpy as np

from streamssl.learners import class_prior


def test_a_class_is_known_once_named() -> None:
    prior = class_prior.new(2)
    assert class_prior.n_known(prior) == 0
    class_prior.learn(prior, np.array([0, 1], np.float32), 1.0)
    assert class_prior.n_known(prior) == 1
    prior = class_prior.grow(prior, 3)
    np.testing.assert_array_equal(prior, [0, 2, 0])


def test_it_follows_recent_labels() -> None:
    prior = class_prior.new(2)
    for label in [0] * 500 + [1] * 500:
        class_prior.learn(prior, np.eye(2, dtype=np.float32)[label], 1.0)
    assert prior[1] / prior.sum() > 0.95
    assert prior[0] >= 1.0


def test_a_soft_label_is_shared_by_weight() -> None:
    prior = class_prior.new(2)
    class_prior.learn(prior, np.array([0.25, 0.75], np.float32), 2.0)
    np.testing.assert_allclose(prior, [1.5, 2.5])
