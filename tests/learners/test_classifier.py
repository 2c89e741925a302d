from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
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
    assert sum(SemiSupervisedClassifier().explain().weights.values()) == pytest.approx(1)


def test_a_negative_label_for_a_new_event() -> None:
    one, other = SemiSupervisedClassifier(), SemiSupervisedClassifier()
    for x, y in stream(30):
        one.learn_one(x, y)
        other.learn_one(x, y)
    one.learn_negative_one({"a": 1, "d": 2}, "x", "y")
    other.learn_negative_one(other.learn_unlabelled_one({"a": 1, "d": 2}), "x", "y")
    assert_same_state(one.mixture, other.mixture)


def test_chosen_experts_survive() -> None:
    model = SemiSupervisedClassifier(preset=("class_means", "last_label"))
    model.learn_one({"a": 1}, "x")
    other = SemiSupervisedClassifier.from_arrays(model.to_arrays())
    assert set(other.explain().weights) == set(other.clone().explain().weights) == {"class_means", "last_label"}
    assert_same_state(model.mixture, other.mixture)


@pytest.mark.parametrize("name", ["surplus", "mixture.surplus"])
def test_an_unknown_array_is_refused(name: str) -> None:
    arrays = SemiSupervisedClassifier().to_arrays() | {name: np.zeros(1)}
    with pytest.raises(ValueError, match="surplus"):
        SemiSupervisedClassifier.from_arrays(arrays)


def mixed_events(n: int) -> list[tuple[dict[Any, Any], str | None]]:
    """Numbers, truth values, strings and both in one column; some missing, some late, most without a label."""
    rng = np.random.default_rng(1)
    events = []
    for i, (x, y) in enumerate(stream(n)):
        more: dict[Any, Any] = {
            "colour": str(rng.choice(["red", "blue", "green"])) if i % 5 else None,
            "flag": bool(rng.random() < 0.5),
            "late": float(i) if i > n // 2 else None,
            "both": "text" if i % 3 else i,
            "a": None if i % 11 == 3 else x["a"],
        }
        events.append((x | more, y if i % 4 == 0 else None))
    return events


def frames_of(events: list[tuple[dict[Any, Any], Any]], size: int) -> list[tuple[pd.DataFrame, pd.Series]]:
    frames = []
    for begin in range(0, len(events), size):
        some = events[begin : begin + size]
        X = pd.DataFrame([x for x, _ in some])
        frames.append((X, pd.Series([y for _, y in some], X.index, dtype=object)))
    return frames


@pytest.mark.parametrize("size", [1, 17, 120])
@pytest.mark.parametrize("learn_from_unlabelled", [True, False])
def test_learning_many_is_learning_one_by_one(size: int, learn_from_unlabelled: bool) -> None:
    one, many = (SemiSupervisedClassifier(learn_from_unlabelled=learn_from_unlabelled) for _ in range(2))
    events = mixed_events(120)
    for x, y in events:
        one.learn_unlabelled_one(x) if y is None else one.learn_one(x, y)
    for X, labels in frames_of(events, size):
        many.learn_many(X, labels)
    assert_same_state(one.mixture, many.mixture)
    X = frames_of(events, 120)[0][0]
    assert many.predict_many(X).tolist() == [one.predict_one(x) for x, _ in events]
    assert many.predict_proba_many(X).to_dict("records") == [one.predict_proba_one(x) for x, _ in events]


def test_many_may_pass_unlabelled_and_get_their_labels_later() -> None:
    one, many = SemiSupervisedClassifier(), SemiSupervisedClassifier()
    events = mixed_events(60)
    passed_one = [one.learn_unlabelled_one(x) for x, _ in events]
    passed_many = many.learn_unlabelled_many(frames_of(events, 60)[0][0])
    for p, q, (_, y) in zip(passed_one, passed_many, events, strict=True):
        if y is not None:
            one.learn_late_one(p, y)
            many.learn_late_one(q, y)
    assert_same_state(one.mixture, many.mixture)


@pytest.mark.parametrize(
    "nothing", [pd.Series(["x", None]), pd.Series(["x", pd.NA], dtype="string"), pd.Series([1.0, np.nan])]
)
def test_whatever_is_missing_in_y_is_unlabelled(nothing: pd.Series) -> None:
    model = SemiSupervisedClassifier()
    model.learn_many(pd.DataFrame({"a": [1.0, 2.0]}), nothing)
    assert model.mixture.n_labelled == 1
    assert len(model.predict_proba_one({"a": 1.0})) == 1


def test_frames_of_other_libraries() -> None:
    X = pd.DataFrame([x for x, _ in stream(40)])
    y = [y if i % 2 else None for i, (_, y) in enumerate(stream(40))]
    by_pandas, by_arrow = SemiSupervisedClassifier(), SemiSupervisedClassifier()
    by_pandas.learn_many(X, pd.Series(y))
    table = pa.Table.from_pandas(X)
    by_arrow.learn_many(table, pa.chunked_array([y]))
    assert_same_state(by_pandas.mixture, by_arrow.mixture)
    assert by_arrow.predict_many(table).to_pylist() == by_pandas.predict_many(X).tolist()
    assert by_arrow.predict_proba_many(table).to_pylist() == by_pandas.predict_proba_many(X).to_dict("records")


def test_predictions_keep_the_index() -> None:
    model = SemiSupervisedClassifier()
    X = pd.DataFrame({"a": [1.0, 2.0]}, index=["p", "q"])
    assert model.predict_many(X).tolist() == [None, None]
    assert model.predict_proba_many(X).shape == (2, 0)
    model.learn_one({"a": 1.0}, True)
    assert model.predict_many(X).to_dict() == {"p": True, "q": True}
    assert list(model.predict_proba_many(X).index) == ["p", "q"]


def test_a_frame_that_cannot_be_learnt_changes_nothing() -> None:
    model = SemiSupervisedClassifier()
    before = model.to_arrays()
    for bad in ({"a": [1.0], "b": [np.inf]}, {"a": [1.0], "b": [b"bytes"]}):
        with pytest.raises((TypeError, ValueError), match="'b'"):
            model.learn_many(pd.DataFrame(bad), pd.Series(["x"]))
    with pytest.raises(ValueError, match="1 rows, y has 2"):
        model.learn_many(pd.DataFrame({"a": [1.0]}), pd.Series(["x", "y"]))
    assert model.to_arrays().keys() == before.keys()
    assert all(np.array_equal(array, before[name]) for name, array in model.to_arrays().items())


def test_none_is_no_label() -> None:
    model, other = SemiSupervisedClassifier(), SemiSupervisedClassifier()
    model.learn_one({"a": 1.0}, None)
    other.learn_unlabelled_one({"a": 1.0})
    assert model.predict_proba_one({"a": 1.0}) == {}
    assert_same_state(model.mixture, other.mixture)
    with pytest.raises(ValueError, match="y must be a class"):
        model.learn_late_one(model.learn_unlabelled_one({"a": 1.0}), None)
