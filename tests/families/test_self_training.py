from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from river import base, checks, preprocessing
from river.linear_model import LogisticRegression
from river.naive_bayes import GaussianNB
from river.neighbors import KNNClassifier

from streamssl.families import SelfTraining, SoftmaxRegression
from streamssl.families.self_training import takes_weights
from streamssl.families.trust import Threshold

CHECKED = list(SelfTraining._unit_test_params())
RIVER_CHECKS = [(params, check) for params in CHECKED for check in checks.yield_checks(SelfTraining(**params))]


@pytest.mark.parametrize(
    ("params", "check"), RIVER_CHECKS, ids=[f"{check.__name__}-{i}" for i, (_, check) in enumerate(RIVER_CHECKS)]
)
def test_river(params: dict[str, Any], check: Callable[[Any], None]) -> None:
    check(SelfTraining(**params))


class Recorder(base.Classifier):
    """Writes down what it is taught, and is as sure of what a row says as the row says."""

    lessons: list[tuple[Any, Any, float]]

    def __init__(self) -> None:
        self.lessons = []

    def learn_one(self, x: dict[Any, Any], y: Any, w: float = 1.0) -> None:  # type: ignore[override]
        self.lessons.append((x["id"], y, w))

    def predict_proba_one(self, x: dict[Any, Any]) -> dict[Any, float]:  # type: ignore[override]
        return {"yes": x["p"], "no": 1 - x["p"]} if self.lessons else {}


def recorded(**settings: Any) -> SelfTraining:
    return SelfTraining(Recorder(), threshold="fixed", confidence=0.9, interval=2, **settings)


def lessons(model: SelfTraining) -> list[tuple[Any, Any, float]]:
    return list(model._student.lessons)


def test_the_student_learns_labels_and_confident_pseudo_labels_in_their_order() -> None:
    model = recorded(pseudo_weight=0.25)
    model.learn_one({"id": 0, "p": 0.5}, "no")
    model.learn_unlabelled_one({"id": 1, "p": 0.95})
    model.learn_unlabelled_one({"id": 2, "p": 0.6})
    model.learn_unlabelled_one({"id": 3, "p": 0.02})
    model.learn_one({"id": 4, "p": 0.5}, "yes")
    assert lessons(model) == [(0, "no", 1.0), (1, "yes", 0.25), (3, "no", 0.25), (4, "yes", 1.0)]
    assert model.classifier.lessons == [(0, "no", 1.0), (4, "yes", 1.0)]


def test_a_late_label_refutes_the_pseudo_label() -> None:
    model = recorded()
    passed = model.learn_unlabelled_one({"id": 1, "p": 0.95})
    model.learn_one({"id": 2, "p": 0.5}, "no")
    model.learn_one({"id": 3, "p": 0.5}, "no")
    assert (1, "yes", 0.5) in lessons(model)
    model.learn_late_one(passed, "no")
    model.learn_one({"id": 4, "p": 0.5}, "no")
    assert [lesson for lesson in lessons(model) if lesson[0] == 1] == [(1, "no", 1.0)]
    never_unlabelled = recorded()
    for i in (1, 2, 3, 4):
        never_unlabelled.learn_one({"id": i, "p": 0.95 if i == 1 else 0.5}, "no")
    assert lessons(model) == lessons(never_unlabelled)


def test_late_labels_judge_what_was_said_then() -> None:
    model = SelfTraining(GaussianNB(), interval=1)
    for i in range(20):
        model.learn_one({"a": i % 2 + 0.01 * i}, i % 2)
    passed = model.learn_unlabelled_one({"a": 0.1})
    for i in range(20):
        model.learn_unlabelled_one({"a": i % 2 + 0.01 * i})
    before, n_labels = model.gain, model._guard._n_labels
    model.learn_late_one(passed._replace(alone={0: 0.5, 1: 0.5}, student={0: 0.2, 1: 0.8}), 1)
    expected = (0.99 * n_labels * before + np.log(0.8 / 0.5)) / (0.99 * n_labels + 1)
    assert model.gain == pytest.approx(expected)


def test_memory_is_the_window() -> None:
    model = recorded(window=10)
    for i in range(100):
        model.learn_unlabelled_one({"id": i, "p": 0.95})
        model.learn_one({"id": -i, "p": 0.5}, "yes")
    model.learn_one({"id": 1000, "p": 0.5}, "yes")
    model.learn_one({"id": 1001, "p": 0.5}, "yes")
    assert len(lessons(model)) == 20
    assert min(lesson[0] for lesson in lessons(model) if lesson[0] > 0) == 90


@pytest.mark.parametrize("threshold", get_args(Threshold))
def test_a_pseudo_label_never_weighs_more_than_a_label(threshold: Threshold) -> None:
    model = SelfTraining(Recorder(), threshold=threshold, pseudo_weight=1.0, interval=2)
    rng = np.random.default_rng(0)
    for i in range(100):
        model.learn_unlabelled_one({"id": i, "p": float(rng.random())})
        if i % 10 == 0:
            model.learn_one({"id": i, "p": 0.5}, "yes")
    assert max(weight for _, _, weight in lessons(model)) == 1.0


@pytest.mark.parametrize(
    ("classifier", "expected"),
    [
        (LogisticRegression(), True),
        (preprocessing.StandardScaler() | LogisticRegression(), True),
        (preprocessing.StandardScaler() | KNNClassifier(), False),
        (GaussianNB(), False),
        (SoftmaxRegression(), True),
    ],
)
def test_who_takes_weights(classifier: base.Classifier, expected: bool) -> None:
    assert takes_weights(classifier) is expected


@pytest.mark.parametrize("pseudo_weight", [0.0, 0.25, 1.0])
def test_without_weights_a_share_of_them_is_learnt(pseudo_weight: float) -> None:
    class Weightless(Recorder):
        def learn_one(self, x: dict[Any, Any], y: Any) -> None:  # type: ignore[override]
            self.lessons.append((x["id"], y, 1.0))

    model = SelfTraining(Weightless(), threshold="fixed", confidence=0.9, interval=2, pseudo_weight=pseudo_weight)
    for i in range(40):
        model.learn_unlabelled_one({"id": i, "p": 0.95})
    model.learn_one({"id": 100, "p": 0.5}, "yes")
    model.learn_one({"id": 101, "p": 0.5}, "yes")
    assert len(lessons(model)) == 2 + 40 * pseudo_weight


def test_where_clusters_mislead_it_does_no_harm() -> None:
    """Classes are in the small column; what a student grows sure of is in the large one."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 2)) + np.outer(rng.choice([-4, 4], 3000), [1, 0])
    events = [({"a": a, "b": b}, b > 0) for a, b in rows.tolist()]
    alone, guarded, hits = GaussianNB(), SelfTraining(GaussianNB()), np.zeros(2)
    for i, (x, y) in enumerate(events):
        if i >= 500:
            hits += [model.predict_one(x) == y for model in (alone, guarded)]
        if i % 25 == 0:
            alone.learn_one(x, y)
            guarded.learn_one(x, y)
        else:
            guarded.learn_unlabelled_one(x)
    assert hits[1] > hits[0] - 0.02 * 2500


def test_pseudo_labels_help_where_classes_are_clusters() -> None:
    """Two labels, then none but pseudo-labels while the clusters turn out wider than the labels show."""
    rng = np.random.default_rng(1)
    hits = {}
    for self_trained in (False, True):
        model = SelfTraining(GaussianNB(), interval=1, pseudo_weight=1.0, share=0.99)
        rows = rng.normal(size=(400, 6)) + np.arange(400)[:, None] % 2 * 1.5
        events = [({str(j): v for j, v in enumerate(row)}, i % 2) for i, row in enumerate(rows.tolist())]
        hits[self_trained] = 0
        for i, (x, y) in enumerate(events):
            hits[self_trained] += model.predict_one(x) == y
            if i % 50 in (0, 1):
                model.learn_one(x, y)
            elif self_trained:
                model.learn_unlabelled_one(x)
    assert hits[True] > hits[False]


@pytest.mark.parametrize(
    "setting",
    [{"threshold": "none"}, {"confidence": 2}, {"top": -1}, {"pseudo_weight": 1.5}, {"window": 0}, {"interval": 0}],
)
def test_bad_settings_are_named(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        SelfTraining(GaussianNB(), **setting)


def test_none_is_no_label() -> None:
    model = recorded()
    model.learn_one({"id": 0, "p": 0.5}, None)
    assert model.classifier.lessons == []
    assert len(model._unlabelled) == 1
