"""Scores, against scikit-learn's and against sums written out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, log_loss

from streamssl.evaluation.metrics import LEAST, Scores, outcomes, over_time, reliability, scores
from streamssl.evaluation.prequential import PrequentialResult


def result_of(predictions: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> PrequentialResult:
    return PrequentialResult(predictions, probabilities.astype(np.float32), classes, events_per_second=1.0)


def random_run(n: int, seed: int = 0, n_silent: int = 0) -> tuple[np.ndarray, PrequentialResult]:
    """A run in which half of the predictions are the truth, over classes with gaps between their numbers."""
    rng = np.random.default_rng(seed)
    classes = np.array([2, 3, 7])
    y = rng.choice(classes, size=n)
    probabilities = rng.dirichlet(np.ones(3), size=n)
    predictions = np.where(rng.random(n) < 0.5, y, rng.choice(classes, size=n))
    predictions[:n_silent], probabilities[:n_silent] = -1, 0
    return y, result_of(predictions, probabilities, classes)


@pytest.mark.parametrize("n_silent", [0, 40])
def test_they_are_those_of_scikit_learn(n_silent: int) -> None:
    y, result = random_run(500, n_silent=n_silent)
    mine = scores(outcomes(y, result))
    assert mine.kappa == pytest.approx(cohen_kappa_score(y, result.predictions))
    assert mine.accuracy == pytest.approx(accuracy_score(y, result.predictions))
    assert mine.macro_f1 == pytest.approx(f1_score(y, result.predictions, labels=result.classes, average="macro"))
    spoken = slice(n_silent, None)
    likely = result.probabilities[spoken].astype(float)
    expected = log_loss(y[spoken], likely / likely.sum(axis=1, keepdims=True), normalize=False)
    assert mine.log_loss == pytest.approx((expected + n_silent * np.log(3)) / 500, rel=1e-5)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), min_size=1, max_size=30))
def test_small_runs_too(pairs: list[tuple[int, int]]) -> None:
    y, predictions = np.array(pairs).T
    probabilities = np.eye(5)[predictions][:, :4]
    mine = scores(outcomes(y, result_of(predictions, probabilities, np.arange(4))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kappa = cohen_kappa_score(y, predictions)
        there = np.union1d(y, predictions[predictions >= 0])
        f1 = f1_score(y, predictions, labels=there, average="macro")
    assert mine.kappa == pytest.approx(kappa, nan_ok=True)
    assert mine.macro_f1 == pytest.approx(f1)


def test_a_class_that_the_learner_never_heard_of_is_wrong_and_unlikely() -> None:
    result = result_of(np.array([0, 0]), np.ones((2, 1)), np.array([0]))
    judged = scores(outcomes([0, 5], result))
    assert judged.accuracy == 0.5
    assert judged.log_loss == pytest.approx(-np.log(LEAST) / 2)


def test_rows_without_a_truth_do_not_count() -> None:
    y, result = random_run(300)
    unknown = np.arange(300) % 3 == 0
    known = ~unknown
    part = result_of(result.predictions[known], result.probabilities[known], result.classes)
    assert scores(outcomes(np.where(unknown, -1, y), result)) == scores(outcomes(y[known], part))


def test_without_any_truth_there_are_no_scores() -> None:
    _, result = random_run(5)
    assert np.isnan(scores(outcomes(np.full(5, -1), result))).all()


def test_a_run_over_other_rows_is_refused() -> None:
    _, result = random_run(5)
    with pytest.raises(ValueError, match="y must have shape"):
        outcomes(np.zeros(4, int), result)


def test_calibration_is_the_mean_gap_between_confidence_and_right_ones() -> None:
    confidence = np.array([0.9, 0.9, 0.9, 0.9, 0.6, 0.6])
    result = result_of(np.zeros(6, int), np.stack([confidence, 1 - confidence], axis=1), np.arange(2))
    y = np.array([0, 0, 0, 1, 0, 1])
    bins = reliability(outcomes(y, result), bins=10)
    assert bins.predictions[[6, 9]].sum() + bins.predictions[[5, 8]].sum() == 6
    assert bins.error == pytest.approx((4 * abs(0.9 - 0.75) + 2 * abs(0.6 - 0.5)) / 6, abs=1e-6)


def test_honest_probabilities_are_calibrated_and_overconfident_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1, size=50_000)
    y = (rng.random(50_000) >= p).astype(int)
    predictions = np.zeros(50_000, int)
    honest = result_of(predictions, np.stack([p, 1 - p], axis=1), np.arange(2))
    sure = result_of(predictions, np.stack([np.full(50_000, 0.99), np.full(50_000, 0.01)], axis=1), np.arange(2))
    assert scores(outcomes(y, honest)).calibration_error < 0.02
    assert scores(outcomes(y, sure)).calibration_error == pytest.approx(0.24, abs=0.02)


def test_a_silent_learner_has_no_calibration() -> None:
    result = result_of(np.full(3, -1), np.zeros((3, 0)), np.zeros(0, int))
    judged = scores(outcomes([0, 1, 1], result))
    assert (judged.kappa, judged.accuracy) == (0, 0)
    assert np.isnan(judged.calibration_error)


def test_over_time_each_point_has_the_scores_of_its_window() -> None:
    y, result = random_run(1000)
    rows, table = over_time(outcomes(y, result), window=200, every=150)
    assert rows.tolist() == [150, 300, 450, 600, 750, 900]
    part = slice(400, 600)
    window = result_of(result.predictions[part], result.probabilities[part], result.classes)
    np.testing.assert_allclose(table[3], scores(outcomes(y[part], window)))
    assert table[0, Scores._fields.index("accuracy")] == np.mean(y[:150] == result.predictions[:150])


def test_a_window_as_long_as_the_run_ends_with_its_scores() -> None:
    y, result = random_run(400)
    _, table = over_time(outcomes(y, result), window=400, every=100)
    np.testing.assert_allclose(table[-1], scores(outcomes(y, result)))


def test_windows_hold_something() -> None:
    y, result = random_run(10)
    with pytest.raises(ValueError, match="window and every"):
        over_time(outcomes(y, result), window=0, every=1)
