from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from streamssl import SemiSupervisedClassifier
from streamssl.evaluation import label_mask, prequential
from tests.learners.streams import drifting

N = 1500


def masked(rate: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, classes = drifting(N, seed=seed)
    return rows, classes, np.where(label_mask(classes, rate, seed), classes, -1)


@pytest.mark.parametrize("delay", [0, 100])
def test_drifting_classes_are_told_apart_with_few_labels(delay: int) -> None:
    rows, classes, shown = masked(0.05)
    result = prequential(SemiSupervisedClassifier(), rows, shown, delay=delay)
    assert cohen_kappa_score(classes, result.predictions) > 0.6
    assert result.events_per_second > 0


def test_it_is_what_the_methods_give_event_by_event() -> None:
    rows, _, shown = masked(0.2)
    rows, shown = rows[:200], shown[:200]
    delay = np.random.default_rng(0).integers(12, size=200)
    result = prequential(SemiSupervisedClassifier(), rows, shown, delay=delay)
    model = SemiSupervisedClassifier()
    passed = []
    for t, row in enumerate(rows):
        x = dict(enumerate(row.tolist()))
        predicted = model.predict_proba_one(x)
        expected = [predicted.get(c, 0.0) for c in result.classes]
        np.testing.assert_allclose(result.probabilities[t], expected, atol=1e-6)
        passed.append(model.learn_unlabelled_one(x))
        for due in np.flatnonzero((np.arange(200) + delay == t) & (shown >= 0)):
            model.learn_late_one(passed[due], shown[due])


def test_progress_is_told_and_does_not_show() -> None:
    rows, _, shown = masked(0.02)
    told: list[int] = []
    whole = prequential(SemiSupervisedClassifier(), rows, shown, delay=5)
    parts = prequential(SemiSupervisedClassifier(), rows, shown, delay=5, progress=told.append, every=13)
    np.testing.assert_array_equal(whole.probabilities, parts.probabilities)
    assert told == [*range(13, N, 13), N]


def test_one_delay_for_all_is_that_delay_for_each() -> None:
    rows, _, shown = masked(0.1)
    one = prequential(SemiSupervisedClassifier(), rows, shown, delay=40)
    other = prequential(SemiSupervisedClassifier(), rows, shown, delay=np.full(N, 40))
    np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_classes_need_not_be_dense() -> None:
    rows, classes, _ = masked(0.1)
    result = prequential(SemiSupervisedClassifier(), rows[:100], 10 * classes[:100] + 5)
    assert result.classes.tolist() == [5, 15, 25]
    assert result.predictions[0] == -1
    assert set(result.predictions[1:]) <= {5, 15, 25}


def test_without_labels_nothing_is_predicted() -> None:
    result = prequential(SemiSupervisedClassifier(), np.zeros((3, 2)), np.full(3, -1))
    assert result.predictions.tolist() == [-1, -1, -1]
    assert result.probabilities.shape == (3, 0)


def test_an_empty_stream_is_a_stream() -> None:
    result = prequential(SemiSupervisedClassifier(), np.zeros((0, 2)), np.zeros(0, int))
    assert len(result.predictions) == 0


@pytest.mark.parametrize(
    ("message", "X", "y", "delay"),
    [
        ("X must have shape", np.zeros(3), np.zeros(3, int), 0),
        ("y must have shape", np.zeros((3, 1)), np.zeros(2, int), 0),
        ("y must hold integers", np.zeros((3, 1)), np.zeros(3), 0),
        ("y must hold integers", np.zeros((1, 1)), np.array([-2]), 0),
        ("delay must not be negative", np.zeros((1, 1)), np.zeros(1, int), -1),
        ("delay must not be negative", np.zeros((2, 1)), np.zeros(2, int), np.array([0, -1])),
        ("delay must be one number or have shape", np.zeros((2, 1)), np.zeros(2, int), np.zeros(3, int)),
        ("delay must be an integer", np.zeros((1, 1)), np.zeros(1, int), 0.5),
        ("X holds NaN", np.full((1, 1), np.nan), np.zeros(1, int), 0),
    ],
)
def test_bad_input_is_named(message: str, X: np.ndarray, y: np.ndarray, delay: object) -> None:
    with pytest.raises(ValueError, match=message):
        prequential(SemiSupervisedClassifier(), X, y, delay=delay)


def test_a_used_model_is_refused() -> None:
    model = SemiSupervisedClassifier()
    model.learn_one({"a": 1}, 0)
    with pytest.raises(ValueError, match="a new one"):
        prequential(model, np.zeros((1, 1)), np.zeros(1, int))
