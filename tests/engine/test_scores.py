"""How right the service was, on the labels that arrived lately."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from streamssl.engine.scores import WINDOW, Scored, Scores, wilson_interval


def scored(right, twin=None, pseudo=False):
    return Scored(right=right, twin_right=twin, was_pseudo_label=pseudo)


@given(st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(counts):
    right, n = counts
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson_interval(right, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_without_labels_nothing_is_claimed():
    empty = Scores()
    assert math.isnan(empty.accuracy().value)
    assert math.isnan(empty.gain())
    assert empty.accuracy().labels == 0


def test_twin_and_pseudo_labels_are_counted_where_they_were_there():
    scores = Scores()
    scores.put(1, scored(True, twin=False, pseudo=True))
    scores.put(2, scored(True))
    scores.put(3, scored(False, twin=False))
    assert scores.accuracy()[::3] == (2 / 3, 3)
    assert scores.twin_accuracy()[::3] == (0.0, 2)
    assert scores.gain() == 0.5
    assert scores.pseudo_label_precision()[::3] == (1.0, 1)


def test_a_correction_replaces_and_a_retraction_removes():
    scores = Scores()
    scores.put(1, scored(True))
    scores.put(1, scored(False))
    assert scores.accuracy()[::3] == (0.0, 1)
    scores.remove(1)
    scores.remove(1)
    assert scores.accuracy().labels == 0


def test_the_window_slides_and_goes_on_from_its_array():
    scores = Scores()
    for sequence in range(WINDOW + 10):
        scores.put(sequence, scored(sequence >= 10, twin=bool(sequence % 2)))
    assert scores.accuracy()[::3] == (1.0, WINDOW)
    again = Scores.from_array(scores.to_array())
    assert again.to_array().tolist() == scores.to_array().tolist()
    assert again.twin_accuracy() == scores.twin_accuracy()
