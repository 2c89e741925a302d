from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import checks

from streamssl.families import SoftmaxRegression

RIVER_CHECKS = list(checks.yield_checks(SoftmaxRegression()))


@pytest.mark.parametrize(
    "check", RIVER_CHECKS, ids=[f"{check.__name__}-{i}" for i, check in enumerate(RIVER_CHECKS)]
)
def test_river(check: Callable[[Any], None]) -> None:
    check(SoftmaxRegression())


def taught(rows: np.ndarray) -> SoftmaxRegression:
    model = SoftmaxRegression()
    for a, b in rows.tolist():
        model.learn_one({"a": a, "b": b, "c": "red"}, (a > 5 * b, "right" if a > 5 * b else "left"))
    return model


def test_it_learns_whatever_the_units() -> None:
    rows = np.random.default_rng(0).normal(size=(400, 2)) * [1e6, 2e5]
    model = taught(rows[:300])
    hits = [model.predict_one({"a": a, "b": b})[0] == (a > 5 * b) for a, b in rows[300:].tolist()]  # type: ignore[index]
    assert np.mean(hits) > 0.9


def test_predicting_changes_nothing() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2))
    one, other = taught(rows), taught(rows)
    one.predict_proba_one({"a": 9.0, "new": 1.0})
    assert one.predict_proba_one({"a": 1.0}) == other.predict_proba_one({"a": 1.0})


def test_a_label_of_no_weight_teaches_nothing() -> None:
    model = SoftmaxRegression()
    model.learn_one({"a": 1.0}, "x", w=0)
    assert model.predict_proba_one({"a": 1.0}) == {}


def test_a_class_that_comes_late_is_learnt() -> None:
    model = taught(np.random.default_rng(0).normal(size=(50, 2)))
    for _ in range(20):
        model.learn_one({"a": 0.0, "b": 0.0, "late": 3.0}, "new")
    assert model.predict_one({"a": 0.0, "b": 0.0, "late": 3.0}) == "new"
