from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from river import checks

from streamssl import SemiSupervisedClassifier
from tests.learners.streams import assert_same_state, drifting

RIVER_CHECKS = list(checks.yield_checks(SemiSupervisedClassifier()))


@pytest.mark.parametrize(
    "check", RIVER_CHECKS, ids=[f"{check.__name__}-{i}" for i, check in enumerate(RIVER_CHECKS)]
)
@pytest.mark.parametrize("learn_from_unlabelled", [True, False])
def test_river(check: Callable[[Any], None], learn_from_unlabelled: bool) -> None:
    check(SemiSupervisedClassifier(learn_from_unlabelled=learn_from_unlabelled))


def stream(n: int) -> list[tuple[dict[str, float], str]]:
    rows, classes = drifting(n)
    return [(dict(zip("abc", row.tolist(), strict=True)), "xyz"[c]) for row, c in zip(rows, classes, strict=True)]


def test_nothing_is_known_at_first() -> None:
    model = SemiSupervisedClassifier()
    assert model.predict_one({"a": 1}) is None
    model.learn_unlabelled_one({"a": 1})
    assert model.predict_proba_one({"a": 1}) == {}


def test_learning_at_once_is_passing_and_then_learning() -> None:
    one, other = SemiSupervisedClassifier(), SemiSupervisedClassifier()
    for x, y in stream(50):
        one.learn_one(x, y)
        other.learn_late_one(other.learn_unlabelled_one(x), y)
    assert_same_state(one.mixture, other.mixture)


def test_late_labels_teach_without_observing_again() -> None:
    model = SemiSupervisedClassifier()
    events = stream(300)
    waiting = [(model.learn_unlabelled_one(x), y) for x, y in events]
    observed = model.mixture.to_arrays()["moments.rows.mean"]
    for passed, y in waiting:
        model.learn_late_one(passed, y)
    np.testing.assert_array_equal(model.mixture.to_arrays()["moments.rows.mean"], observed)
    assert set(model.predict_proba_one(events[0][0])) == {"x", "y", "z"}


def test_a_label_may_come_after_features_and_classes_have_appeared() -> None:
    model = SemiSupervisedClassifier()
    passed = model.learn_unlabelled_one({"a": 1.0})
    for x, y in stream(20):
        model.learn_one(x | {"colour": y}, y)
    model.learn_late_one(passed, "new")
    assert model.predict_proba_one({"a": 1.0})["new"] > 0


def test_copies_and_pickles_continue_alike() -> None:
    model = SemiSupervisedClassifier(seed=3)
    events = stream(60)
    for x, y in events[:30]:
        model.learn_one(x, y)
    others = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for x, y in events[30:]:
        expected = model.predict_proba_one(x)
        assert all(other.predict_proba_one(x) == expected for other in others)
        for each in (model, *others):
            each.learn_one(x, y)


def test_unhashable_class_is_refused() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        SemiSupervisedClassifier().learn_one({"a": 1}, [1])  # type: ignore[arg-type]


def test_state_survives_a_file_without_pickle(tmp_path: Path) -> None:
    model = SemiSupervisedClassifier(seed=3)
    events = [(x | {"colour": y, ("a", 1): 2}, (y, 1)) for x, y in stream(60)]
    for x, y in events[:30]:
        model.learn_one(x, y)
    np.savez(tmp_path / "state.npz", **model.to_arrays())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as file:
        other = SemiSupervisedClassifier.from_arrays(dict(file))
    for x, y in events[30:]:
        assert model.predict_proba_one(x) == other.predict_proba_one(x)
        model.learn_one(x, y)
        other.learn_one(x, y)
    assert_same_state(model.mixture, other.mixture)


def test_a_class_that_no_text_can_keep_is_named() -> None:
    model = SemiSupervisedClassifier()
    model.learn_one({"a": 1}, frozenset({"z"}))
    with pytest.raises(TypeError, match="frozenset"):
        model.to_arrays()


def test_a_certain_soft_label_is_a_label() -> None:
    one, other = SemiSupervisedClassifier(), SemiSupervisedClassifier()
    for x, y in stream(30):
        one.learn_one(x, y)
        other.learn_late_one(other.learn_unlabelled_one(x), {y: 1.0})
    assert_same_state(one.mixture, other.mixture)


@pytest.mark.parametrize("y", [{}, {"x": 0.5}, {"x": 1.5, "y": -0.5}])
def test_shares_that_are_no_probabilities_are_refused(y: dict[str, float]) -> None:
    model = SemiSupervisedClassifier()
    with pytest.raises(ValueError, match="sum to 1"):
        model.learn_late_one(model.learn_unlabelled_one({"a": 1}), y)


def test_a_label_of_no_weight_teaches_nothing() -> None:
    one, other = SemiSupervisedClassifier(), SemiSupervisedClassifier()
    for x, y in stream(30):
        one.learn_one(x, y)
        other.learn_one(x, y)
    x, y = stream(31)[-1]
    one.learn_unlabelled_one(x)
    other.learn_one(x, y, w=0)
    assert_same_state(one.mixture, other.mixture)


def test_a_negative_label_lowers_what_it_excludes() -> None:
    model = SemiSupervisedClassifier()
    for x, y in stream(100):
        model.learn_one(x, y)
    x = stream(101)[-1][0]
    before = model.predict_proba_one(x)
    likeliest = max(before, key=before.__getitem__)
    for _ in range(5):
        model.learn_negative_one(model.learn_unlabelled_one(x), likeliest)
    assert model.predict_proba_one(x)[likeliest] < before[likeliest]


def test_weights_of_experts_sum_to_one() -> None:
    assert sum(SemiSupervisedClassifier().explain().values()) == pytest.approx(1)
