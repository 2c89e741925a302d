"""Nothing may reach a prediction that was not known when it was made."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike
from sklearn.metrics import cohen_kappa_score

from streamssl import SemiSupervisedClassifier
from streamssl.evaluation import PrequentialResult, label_delays, label_mask, prequential
from tests.learners.streams import drifting

N = 1200


@pytest.fixture(params=[True, False], ids=["learner", "twin"])
def learn_from_unlabelled(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def evaluate(X: np.ndarray, y: np.ndarray, learn_from_unlabelled: bool, delay: ArrayLike = 0) -> PrequentialResult:
    return prequential(SemiSupervisedClassifier(learn_from_unlabelled=learn_from_unlabelled), X, y, delay=delay)


@pytest.mark.parametrize("drawn", [False, True])
def test_hidden_labels_do_not_matter(learn_from_unlabelled: bool, drawn: bool) -> None:
    rows, classes = drifting(N)
    mask = label_mask(classes, 0.05, seed=0)
    scrambled = np.where(mask, classes, np.random.default_rng(1).integers(3, size=N))
    delay = label_delays(classes, 20, seed=0) if drawn else 20
    one, other = (evaluate(rows, np.where(mask, y, -1), learn_from_unlabelled, delay) for y in (classes, scrambled))
    np.testing.assert_array_equal(one.probabilities, other.probabilities)


@pytest.mark.parametrize("delay", [0, 50])
def test_the_future_does_not_matter(learn_from_unlabelled: bool, delay: int) -> None:
    rows, classes = drifting(N)
    shown = np.where(label_mask(classes, 0.05, seed=0), classes, -1)
    now = 700
    other_rows, other_shown = rows.copy(), shown.copy()
    other_rows[now:] = rows[now:][::-1] * 3
    other_shown[now - delay :] = np.roll(classes[now - delay :], 1)
    one = evaluate(rows, shown, learn_from_unlabelled, delay)
    other = evaluate(other_rows, other_shown, learn_from_unlabelled, delay)
    np.testing.assert_array_equal(one.probabilities[:now], other.probabilities[:now])
    assert not np.array_equal(one.probabilities[now + 1 :], other.probabilities[now + 1 :])


def test_a_label_matters_from_the_row_after_its_delay_on(learn_from_unlabelled: bool) -> None:
    rows, classes = drifting(N)
    shown = np.where(label_mask(classes, 0.05, seed=0), classes, -1)
    delay, changed = 30, 600
    other = shown.copy()
    shown[changed], other[changed] = 0, 1
    one = evaluate(rows, shown, learn_from_unlabelled, delay).probabilities
    two = evaluate(rows, other, learn_from_unlabelled, delay).probabilities
    np.testing.assert_array_equal(one[: changed + delay + 1], two[: changed + delay + 1])
    assert not np.array_equal(one[changed + delay + 1], two[changed + delay + 1])


def test_labels_that_are_still_to_come_do_not_matter(learn_from_unlabelled: bool) -> None:
    rows, classes = drifting(N)
    shown = np.where(label_mask(classes, 0.1, seed=0), classes, -1)
    delays = label_delays(classes, 100, seed=0)
    now = 700
    still_hidden = np.arange(N) + delays >= now
    other = np.where(still_hidden & (shown >= 0), (classes + 1) % 3, shown)
    assert still_hidden[:now].any()
    one = evaluate(rows, shown, learn_from_unlabelled, delays).probabilities
    two = evaluate(rows, other, learn_from_unlabelled, delays).probabilities
    np.testing.assert_array_equal(one[: now + 1], two[: now + 1])
    assert not np.array_equal(one, two)


def test_a_label_with_a_delay_of_its_own_waits_for_its_time(learn_from_unlabelled: bool) -> None:
    rows, classes = drifting(N)
    shown = np.where(label_mask(classes, 0.05, seed=0), classes, -1)
    delays = label_delays(classes, 30, seed=0)
    changed, delays[600] = 600, 250
    other = shown.copy()
    shown[changed], other[changed] = 0, 1
    one = evaluate(rows, shown, learn_from_unlabelled, delays).probabilities
    two = evaluate(rows, other, learn_from_unlabelled, delays).probabilities
    np.testing.assert_array_equal(one[: changed + 251], two[: changed + 251])
    assert not np.array_equal(one[changed + 251], two[changed + 251])


def test_a_label_that_comes_after_the_end_never_matters(learn_from_unlabelled: bool) -> None:
    rows, classes = drifting(N)
    shown = np.where(label_mask(classes, 0.05, seed=0), classes, -1)
    delays = np.where(np.arange(N) < 1000, 0, N)
    late = evaluate(rows, shown, learn_from_unlabelled, delays).probabilities
    never = evaluate(rows, np.where(delays == 0, shown, -1), learn_from_unlabelled).probabilities
    np.testing.assert_array_equal(late, never)


def test_permuted_labels_teach_nothing(learn_from_unlabelled: bool) -> None:
    rows, classes = drifting(6000)
    y = np.random.default_rng(0).permutation(classes)
    shown = np.where(label_mask(y, 0.1, seed=0), y, -1)
    result = evaluate(rows, shown, learn_from_unlabelled)
    assert abs(cohen_kappa_score(y, result.predictions)) < 0.06
