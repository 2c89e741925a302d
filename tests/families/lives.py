"""What a family's tests put beside it, and the lives that they let it lead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from river import base

Events = list[tuple[dict[Any, Any], Any]]


class Recorder(base.Classifier):
    """Writes down what it is taught, and has no opinion."""

    taught: list[Any]

    def __init__(self) -> None:
        self.taught = []

    def learn_one(self, x: dict[Any, Any], y: Any, w: float = 1.0) -> None:  # type: ignore[override]
        self.taught.append(y)

    def predict_proba_one(self, x: dict[Any, Any]) -> dict[Any, float]:  # type: ignore[override]
        return {}


def events_of(rows: NDArray[Any], classes: NDArray[Any]) -> Events:
    return [(dict(enumerate(row)), int(c)) for row, c in zip(rows.tolist(), classes, strict=True)]


def lived(model: Any, events: Events, every: int, unlabelled: bool = True, labelled: int = 1) -> float:
    """Return the share of hits in the second half; of ``every`` events the first ``labelled`` have labels."""
    hits = 0
    for i, (x, y) in enumerate(events):
        hits += i >= len(events) // 2 and model.predict_one(x) == y
        if i % every < labelled:
            model.learn_one(x, y)
        elif unlabelled:
            model.learn_unlabelled_one(x)
    return hits / (len(events) - len(events) // 2)


def check_says_probabilities(model: Any) -> None:
    """Check that whatever comes, it says probabilities, or nothing before the first label."""
    assert model.predict_proba_one({"a": 1.0}) == {}
    model.learn_unlabelled_one({"a": 1.0})
    assert model.predict_proba_one({"a": 1.0}) == {}
    rng = np.random.default_rng(0)
    for i in range(300):
        x = {"a": 1e29 * rng.normal(), "constant": 1.0, "text": "red" if i % 3 else "blue"}
        x |= {f"late{i}": 1.0} if i % 50 == 49 else {}
        if i % 7 == 0:
            model.learn_one(x, ("class", i % 4), w=float(i % 3))
        else:
            model.learn_one(x, None)
        said = model.predict_proba_one(x)
        if said:
            assert sum(said.values()) == pytest.approx(1)
            assert all(np.isfinite(p) for p in said.values())
