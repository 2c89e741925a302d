from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from streamssl import SemiSupervisedClassifier
from streamssl.evaluation.prequential import label_mask, prequential
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
    rows, _, shown = masked(0.1)
    rows, shown, delay = rows[:200], shown[:200], 7
    result = prequential(SemiSupervisedClassifier(), rows, shown, delay=delay)
    model = SemiSupervisedClassifier()
    passed = []
    for t, row in enumerate(rows):
        x = dict(enumerate(row.tolist()))
        predicted = model.predict_proba_one(x)
        expected = [predicted.get(c, 0.0) for c in result.classes]
        np.testing.assert_allclose(result.probabilities[t], expected, atol=1e-6)
        passed.append(model.learn_unlabelled_one(x))
        if t >= delay and shown[t - delay] >= 0:
            model.learn_late_one(passed[t - delay], shown[t - delay])


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _, shown = masked(0.02)
    whole = prequential(SemiSupervisedClassifier(), rows, shown, delay=5)
    monkeypatch.setattr(sys.modules["streamssl.evaluation.prequential"], "BLOCK", 13)
    parts = prequential(SemiSupervisedClassifier(), rows, shown, delay=5)
    np.testing.assert_array_equal(whole.probabilities, parts.probabilities)


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
        ("X holds NaN", np.full((1, 1), np.nan), np.zeros(1, int), 0),
    ],
)
def test_bad_input_is_named(message: str, X: np.ndarray, y: np.ndarray, delay: int) -> None:
    with pytest.raises(ValueError, match=message):
        prequential(SemiSupervisedClassifier(), X, y, delay=delay)


def test_a_used_model_is_refused() -> None:
    model = SemiSupervisedClassifier()
    model.learn_one({"a": 1}, 0)
    with pytest.raises(ValueError, match="a new one"):
        prequential(model, np.zeros((1, 1)), np.zeros(1, int))


def test_mask_shows_two_of_every_class_and_the_rate_of_the_rest() -> None:
    y = np.repeat([0, 1, 2], [9_000, 997, 3])
    mask = label_mask(y, 0.01, seed=1)
    expected = np.random.default_rng(1).random(10_000) < 0.01
    expected[[0, 1, 9_000, 9_001, 9_997, 9_998]] = True
    np.testing.assert_array_equal(mask, expected)
    with pytest.raises(ValueError, match="rate must lie"):
        label_mask(y, 1.5, seed=0)
