import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from streamssl.learners import decision

PRIOR = np.array([9.0, 1.0])


def test_kappa_names_rare_classes_earlier_than_accuracy_does() -> None:
    probabilities = np.array([0.6, 0.4])
    assert decision.decide(decision.new("accuracy", 2), probabilities, PRIOR) == 0
    assert decision.decide(decision.new("kappa", 2), probabilities, PRIOR) == 1


def test_only_known_classes_are_named() -> None:
    rule = decision.new("kappa", 3)
    assert decision.decide(rule, np.zeros(3), np.zeros(3)) == -1
    assert decision.decide(rule, np.array([0.0, 1.0, 0.0]), np.array([0.0, 50.0, 0.0])) == 1


def test_kappa_is_cohens() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=20_000)
    decisions = np.where(rng.random(20_000) < 0.7, labels, rng.integers(3, size=20_000))
    rule = decision.new("kappa", 3)
    for decided, label in zip(decisions, labels, strict=True):
        decision.learn(rule, decided, np.eye(3, dtype=np.float32)[label], 1.0)
    weights = decision.KEEP ** np.arange(20_000)[::-1]
    kappa = cohen_kappa_score(labels, decisions, sample_weight=weights)
    total = weights.sum()
    assert rule.kappa[0] == pytest.approx((8 + total * kappa) / (20 + total))


def test_a_decision_that_was_not_made_is_not_counted() -> None:
    rule = decision.new("kappa", 1)
    decision.learn(rule, -1, np.ones(1, np.float32), 1.0)
    assert rule.totals[0] == 0


def test_growing_keeps_the_counts() -> None:
    rule = decision.new("kappa", 1)
    decision.learn(rule, 0, np.ones(1, np.float32), 1.0)
    rule = decision.grow(rule, 2)
    np.testing.assert_array_equal(rule.decided, [1, 0])
