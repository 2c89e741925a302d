from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import base, checks
from river.linear_model import LogisticRegression
from river.naive_bayes import GaussianNB

from streamssl.families.graph import LabelPropagation, LabelSpreading

FAMILIES = [LabelPropagation, LabelSpreading]
CHECKED = [family(**params) for family in FAMILIES for params in family._unit_test_params()]
RIVER_CHECKS = [(model, check) for model in CHECKED for check in checks.yield_checks(model)]


@pytest.mark.parametrize(
    ("model", "check"), RIVER_CHECKS, ids=[f"{check.__name__}-{i}" for i, (_, check) in enumerate(RIVER_CHECKS)]
)
def test_river(model: base.Classifier, check: Callable[[Any], None]) -> None:
    check(model.clone())


def rings(n: int, seed: int = 0) -> list[tuple[dict[str, float], str]]:
    """Return two rings, one in the other, which no straight line parts."""
    rng = np.random.default_rng(seed)
    inner, angle = rng.random(n) < 0.5, rng.random(n) * 2 * np.pi
    radius = np.where(inner, 1, 3) + rng.normal(0, 0.15, n)
    return [
        ({"a": float(r * np.cos(t)), "b": float(r * np.sin(t))}, "inner" if i else "outer")
        for r, t, i in zip(radius, angle, inner, strict=True)
    ]


class Recorder(base.Classifier):
    """Writes down what it is taught."""

    def __init__(self) -> None:
        self.taught: list[Any] = []

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:
        self.taught.append(y)

    def predict_proba_one(self, x: dict[Any, Any]) -> dict[Any, float]:
        return {"inner": 0.5, "outer": 0.5} if self.taught else {}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_classifier_hears_of_labelled_events_only(family: type) -> None:
    recorder = Recorder()
    model = family(recorder, window=50)
    for i, (x, y) in enumerate(rings(100)):
        if i % 10 == 0:
            model.learn_one(x, y)
        else:
            model.learn_unlabelled_one(x)
    assert len(recorder.taught) == 10
    assert None not in recorder.taught


@pytest.mark.parametrize("family", FAMILIES)
def test_unlabelled_events_part_what_a_line_cannot(family: type) -> None:
    events = rings(1500)
    hits = {}
    for passes_on in (False, True):
        model, hits[passes_on] = family(LogisticRegression()), 0
        for i, (x, y) in enumerate(events):
            hits[passes_on] += i >= 500 and model.predict_one(x) == (y == "inner")
            if i % 40 == 0:
                model.learn_one(x, y == "inner")
            elif passes_on:
                model.learn_unlabelled_one(x)
    assert hits[True] > 900
    assert hits[True] > hits[False]
    assert model.gain > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_where_rows_say_nothing_it_does_no_harm(family: type) -> None:
    """The class is in one column of thirty; a graph that weighs all alike is blind to it."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 30))
    events = [({str(j): v for j, v in enumerate(row)}, bool(row[0] > 0)) for row in rows.tolist()]
    alone, guarded, hits = LogisticRegression(), family(LogisticRegression(), window=200), np.zeros(2)
    for i, (x, y) in enumerate(events):
        hits += i >= 1000, i >= 1000
        hits -= [i >= 1000 and m.predict_one(x) != y for m in (alone, guarded)]
        if i % 10 == 0:
            alone.learn_one(x, y)
            guarded.learn_one(x, y)
        else:
            guarded.learn_unlabelled_one(x)
    assert hits[1] > hits[0] - 0.02 * 2000
    assert guarded.gain < 0


@pytest.mark.parametrize("family", FAMILIES)
def test_its_own_label_has_no_say_in_a_prediction(family: type) -> None:
    said = []
    for last in ("inner", "outer"):
        model = family(GaussianNB(), window=50)
        for i, (x, y) in enumerate(rings(60)):
            if i == 59:
                said.append(model.predict_proba_one(x))
                model.learn_one(x, last)
            elif i % 5 == 0:
                model.learn_one(x, y)
            else:
                model.learn_unlabelled_one(x)
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("family", "setting"),
    [(LabelPropagation, {"window": 0}), (LabelSpreading, {"sweeps": 0}), (LabelSpreading, {"alpha": 1.0})],
)
def test_bad_settings_are_named(family: type, setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        family(GaussianNB(), **setting)
