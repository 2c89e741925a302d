"""What no family can learn from it refuses whole: kernels do not check bounds, so nothing may be half known.

Self-training is not among them: it hands events on as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import base
from river.linear_model import LogisticRegression

from streamssl import families

MODELS: list[base.Classifier] = [
    families.SoftmaxRegression(),
    *(
        family(LogisticRegression())
        for family in (
            families.ConsistencyRegularization,
            families.NaiveBayesEM,
            families.GaussianMixtureEM,
            families.LabelPropagation,
            families.LabelSpreading,
        )
    ),
]


class Indifferent(base.Classifier):
    """Learns anything, says nothing."""

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:
        pass

    def predict_proba_one(self, x: dict[Any, Any]) -> dict[Any, float]:  # type: ignore[override]
        return {}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("n_before", [0, 30])
@pytest.mark.parametrize("bad", [object(), np.inf, 1e300])
def test_an_event_that_is_no_row_leaves_nothing_behind(model: Any, n_before: int, bad: Any) -> None:
    wraps = type(model) is not families.SoftmaxRegression
    model = type(model)(Indifferent()) if wraps else model.clone()
    for i in range(n_before):
        model.learn_one({"a": i % 2, "b": 1.0}, i % 2)
    before = model.predict_proba_one({"a": 1.0, "b": 1.0})
    with pytest.raises((TypeError, ValueError), match="'b'"):
        model.learn_one({"a": 1.0, "b": bad, "new": 2.0}, "a class that was never heard of")
    after = model.predict_proba_one({"a": 1.0, "b": 1.0})
    assert after == pytest.approx(before)
    model.learn_one({"a": 1.0, "b": 1.0, "new": 2.0}, "another")
    assert sum(model.predict_proba_one({"a": 1.0}).values()) == pytest.approx(1)
