from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import checks
from river.linear_model import LogisticRegression

from streamssl.families import ConsistencyRegularization
from tests.families.lives import Events, Recorder, check_says_probabilities, events_of, lived

CHECKED = [*ConsistencyRegularization._unit_test_params(), {"classifier": LogisticRegression(), "hidden": 0}]
RIVER_CHECKS = [
    (params, check) for params in CHECKED for check in checks.yield_checks(ConsistencyRegularization(**params))
]


@pytest.mark.parametrize(
    ("params", "check"), RIVER_CHECKS, ids=[f"{check.__name__}-{i}" for i, (_, check) in enumerate(RIVER_CHECKS)]
)
def test_river(params: dict[str, Any], check: Callable[[Any], None]) -> None:
    check(ConsistencyRegularization(**params))


def persistent(n: int, seed: int = 0) -> Events:
    """Noisy rows whose class stays for some fifty events: neighbours in time are alike."""
    rng = np.random.default_rng(seed)
    classes = np.cumsum(rng.random(n) < 0.02) % 2
    return events_of(rng.normal(size=(n, 6)) + 1.2 * classes[:, None], classes)


def test_the_classifier_hears_of_labelled_events_only() -> None:
    model = ConsistencyRegularization(Recorder())
    lived(model, persistent(100), 10)
    assert len(model.classifier.taught) == 10
    assert None not in model.classifier.taught


def test_unlabelled_events_help_where_neighbours_in_time_are_alike() -> None:
    hits = np.array(
        [
            [
                lived(ConsistencyRegularization(Recorder(), consistency=c, blend=1.0), persistent(3000, seed), 60)
                for c in (0.0, 0.5)
            ]
            for seed in range(4)
        ]
    ).mean(axis=0)
    assert hits[1] > hits[0]


@pytest.mark.parametrize("hidden", [0, 16])
def test_where_clusters_mislead_it_does_no_harm(hidden: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 2)) + np.outer(rng.choice([-4, 4], 3000), [1, 0])
    events = [(dict(enumerate(row)), row[1] > 0) for row in rows.tolist()]
    alone = lived(LogisticRegression(), events, 25, unlabelled=False)
    assert lived(ConsistencyRegularization(LogisticRegression(), hidden=hidden), events, 25) > alone - 0.02


def test_the_same_seed_says_the_same() -> None:
    events = persistent(200)
    models = [ConsistencyRegularization(Recorder(), seed=seed) for seed in (1, 1, 2)]
    for model in models:
        lived(model, events, 10)
    said = [model.predict_proba_one(events[0][0]) for model in models]
    assert said[0] == said[1] != said[2]


def test_a_teacher_that_is_not_sure_teaches_nothing() -> None:
    """With a threshold that nobody reaches, unlabelled events leave the student alone."""
    model = ConsistencyRegularization(Recorder(), threshold=1.0)
    events = persistent(300)
    for x, y in events[:100]:
        model.learn_one(x, y)
    before = model._model.student.outer.copy()
    for x, _ in events[100:]:
        model.learn_unlabelled_one(x)
    np.testing.assert_array_equal(model._model.student.outer, before)


def test_it_always_says_probabilities() -> None:
    check_says_probabilities(ConsistencyRegularization(Recorder()))


@pytest.mark.parametrize(
    "setting",
    [
        {"hidden": -1},
        {"noise": -0.1},
        {"noise": np.inf},
        {"noise": np.nan},
        {"drop": 2},
        {"blend": -1},
        {"consistency": 1.5},
        {"threshold": -0.5},
        {"teacher_keep": 1.0},
    ],
)
def test_bad_settings_are_named(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(setting))} must"):
        ConsistencyRegularization(LogisticRegression(), **setting)
