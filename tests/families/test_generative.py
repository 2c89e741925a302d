from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from river import checks
from river.linear_model import LogisticRegression
from river.naive_bayes import GaussianNB

from streamssl.families import GaussianMixtureEM, NaiveBayesEM
from tests.families import lives
from tests.families.lives import Events, Recorder, check_says_probabilities, events_of

FAMILIES: list[Any] = [NaiveBayesEM, GaussianMixtureEM]
CHECKED = [(family, params) for family in FAMILIES for params in family._unit_test_params()]
lived = partial(lives.lived, labelled=2)  # of `blobs`, one of each class
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


def blobs(n: int, gap: float = 2.0, seed: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % 2
    return events_of(rng.normal(size=(n, 4)) + gap * classes[:, None], classes)


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
    check_says_probabilities(family(Recorder()))


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
