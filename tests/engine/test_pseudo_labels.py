"""Pseudo-labels keep the precision that they promise."""

import numpy as np
import pytest
from scipy.stats import beta

from streamssl.engine.pseudo_labels import DECAY, LEVELS, PseudoLabelGates


def gates(n_classes=2, precision=0.95):
    made = PseudoLabelGates(precision=precision, confidence=0.9)
    made.grow(n_classes)
    return made


def promise(of, decision, confidence):
    return of.promise(np.array([decision]), np.array([confidence], dtype=np.float32))[0]


def test_without_evidence_nothing_is_promised():
    assert np.isnan(promise(gates(), 0, 1.0))
    assert np.isnan(promise(gates(), -1, 1.0)), "while no class is known"


def test_the_first_promise_comes_when_the_exact_bound_reaches_the_target():
    of = gates()
    right = 0.0
    for _ in range(200):
        of.observe(0, 0.99, 1.0)
        right = right * DECAY + 1
        expected = beta.ppf(0.1, right, 1.0)
        assert np.isnan(promise(of, 0, 0.99)) == (expected < 0.95)
        if expected >= 0.95:
            assert promise(of, 0, 0.99) == pytest.approx(expected)
            return
    pytest.fail("60 right predictions must be enough")


def test_each_class_has_its_own_gate():
    of = gates()
    for _ in range(100):
        of.observe(0, 0.9, 1.0)
        of.observe(1, 0.9, 0.0)
    assert promise(of, 0, 0.9) >= 0.95
    assert np.isnan(promise(of, 1, 0.9999))


def test_wrong_ones_below_raise_the_threshold_and_forgetting_lowers_it_again():
    of = gates()
    for _ in range(200):
        of.observe(0, 0.99, 1.0)
        of.observe(0, 0.6, 0.5)
    assert np.isnan(promise(of, 0, 0.6))
    assert promise(of, 0, 0.99) >= 0.95
    for _ in range(4_000):
        of.observe(0, 0.6, 1.0)
    assert promise(of, 0, 0.6) >= 0.95


def test_promised_precision_is_kept_on_a_stream_whose_confidence_is_calibrated():
    rng = np.random.default_rng(0)
    of = gates(1)
    given = right = 0
    for _ in range(20_000):
        confidence = 1.0 - 0.5 * float(rng.random()) ** 3
        correct = rng.random() < confidence
        if not np.isnan(promise(of, 0, confidence)):
            given, right = given + 1, right + correct
        if rng.random() < 0.05:
            of.observe(0, confidence, float(correct))
    assert given > 500
    assert right / given >= 0.95


def test_goes_on_from_its_arrays_bit_for_bit():
    rng = np.random.default_rng(1)
    one = gates(3)
    for _ in range(500):
        one.observe(int(rng.integers(3)), float(rng.random()), float(rng.random() < 0.99))
    two = PseudoLabelGates.from_arrays(one.to_arrays(), precision=0.95, confidence=0.9)
    decisions = rng.integers(0, 3, 100)
    confidences = rng.random(100).astype(np.float32)
    np.testing.assert_array_equal(one.promise(decisions, confidences), two.promise(decisions, confidences))


def test_levels_ascend():
    assert (np.diff(LEVELS) > 0).all()
