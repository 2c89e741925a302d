from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import base, checks
from river.linear_model import LogisticRegression
from river.naive_bayes import GaussianNB

from streamssl.families import GaussianMixtureEM, NaiveBayesEM

FAMILIES: list[Any] = [NaiveBayesEM, GaussianMixtureEM]
CHECKED = [(family, params) for family in FAMILIES for params in family._unit_test_params()]
RIVER_CHECKS = [
    (family, params, check) for family, params in CHECKED for check in checks.yield_checks(family(**params))
]


@pytest.mark.parametrize(
    ("family", "params", "check"),
    RIVER_CHECKS,
    ids=[f"{family.__name__}-{check.__name__}-{i}" for i, (family, _, check) in enumerate(RIVER_CHECKS)],
)
def test_river(family: Any, params: dict[str, Any], check: Callable[[Any], None]) -> None:
    check(family(**params))


class Recorder(base.Classifier):
    """Writes down what it is taught, and has no opinion."""

    taught: list[Any]

    def __init__(self) -> None:
        self.taught = []

    def learn_one(self, x: dict[Any, Any], y: Any, w: float = 1.0) -> None:  # type: ignore[override]
        self.taught.append(y)

    def predict_proba_one(self, x: dict[Any, Any]) -> dict[Any, float]:  # type: ignore[override]
        return {}


def events_of(rows: np.ndarray, classes: np.ndarray) -> list[tuple[dict[Any, Any], Any]]:
    return [(dict(enumerate(row)), int(c)) for row, c in zip(rows.tolist(), classes, strict=True)]


def blobs(n: int, gap: float = 2.0, seed: int = 0) -> list[tuple[dict[Any, Any], Any]]:
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % 2
    return events_of(rng.normal(size=(n, 4)) + gap * classes[:, None], classes)


def lived(model: Any, events: list[tuple[dict[Any, Any], Any]], every: int, unlabelled: bool = True) -> float:
    """Return the share of hits in the second half."""
    hits = 0
    for i, (x, y) in enumerate(events):
        hits += i >= len(events) // 2 and model.predict_one(x) == y
        if i % every < 2:
            model.learn_one(x, y)
        elif unlabelled:
            model.learn_unlabelled_one(x)
    return hits / (len(events) - len(events) // 2)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_classifier_hears_of_labelled_events_only(family: Any) -> None:
    model = family(Recorder())
    lived(model, blobs(100), 10)
    assert len(model.classifier.taught) == 20
    assert None not in model.classifier.taught


def test_naive_bayes_is_that_of_river_when_nothing_is_unlabelled() -> None:
    """It differs by its smoothing only, so it decides alike."""
    ours, theirs = NaiveBayesEM(Recorder()), GaussianNB()
    events = blobs(400, gap=1)
    same = []
    for i, (x, y) in enumerate(events):
        if i > 200:
            same.append(ours.predict_one(x) == theirs.predict_one(x))
        ours.learn_one(x, y)
        theirs.learn_one(x, y)
    assert np.mean(same) > 0.97


def test_em_on_unlabelled_rows_finds_the_classes_from_two_labels() -> None:
    """All but the first labels are hidden; both blobs are found all the same."""
    hits = {}
    for unlabelled in (False, True):
        model = NaiveBayesEM(Recorder(), unlabelled_weight=1.0)
        hits[unlabelled] = np.mean([lived(model.clone(), blobs(600, seed=s), 10**9, unlabelled) for s in range(5)])
    assert hits[True] > 0.95
    assert hits[True] > hits[False] + 0.02


def test_a_mixture_finds_classes_of_several_clusters() -> None:
    """Nine clusters on a grid, classes as on a draughtboard: labels alone are too few."""
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 3, size=(3000, 2))
    rows = 5 * cells + 0.6 * rng.normal(size=cells.shape)
    events = events_of(rows, cells.sum(axis=1) % 2)
    alone = lived(LogisticRegression(), events, 100, unlabelled=False)
    family = lived(GaussianMixtureEM(LogisticRegression()), events, 100)
    blind = lived(GaussianMixtureEM(LogisticRegression()), events, 100, unlabelled=False)
    assert family > max(alone, blind) + 0.05
    assert family > 0.9


@pytest.mark.parametrize("family", FAMILIES)
def test_where_clusters_mislead_it_does_no_harm(family: Any) -> None:
    """The clusters are in the first column, the classes in the second."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 2)) + np.outer(rng.choice([-4, 4], 3000), [1, 0])
    events = events_of(rows, rows[:, 1] > 0)
    alone = lived(LogisticRegression(), events, 25, unlabelled=False)
    guarded = lived(family(LogisticRegression()), events, 25)
    assert guarded > alone - 0.02


@pytest.mark.parametrize("family", FAMILIES)
def test_it_always_says_probabilities(family: Any) -> None:
    model = family(Recorder())
    assert model.predict_proba_one({"a": 1.0}) == {}
    model.learn_unlabelled_one({"a": 1.0})
    assert model.predict_proba_one({"a": 1.0}) == {}
    rng = np.random.default_rng(0)
    for i in range(200):
        x = {"a": 1e29 * rng.normal(), "constant": 1.0, "text": "red" if i % 3 else "blue"}
        x |= {f"late{i}": 1.0} if i % 50 == 49 else {}
        if i % 7 == 0:
            model.learn_one(x, ("class", i % 4), w=float(i % 2))
        else:
            model.learn_one(x, None)
        said = model.predict_proba_one(x)
        if said:
            assert sum(said.values()) == pytest.approx(1)
            assert all(np.isfinite(p) for p in said.values())


@pytest.mark.parametrize(
    ("family", "setting"),
    [
        (NaiveBayesEM, {"unlabelled_weight": -1}),
        (NaiveBayesEM, {"memory": 0}),
        (GaussianMixtureEM, {"n_components": 0}),
        (GaussianMixtureEM, {"unlabelled_weight": 2}),
    ],
)
def test_bad_settings_are_named(family: Any, setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        family(LogisticRegression(), **setting)
