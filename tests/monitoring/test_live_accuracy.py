"""The gauges of the live accuracy say what is known, and that nothing is known."""

import math
import time

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from streamssl.config import Config
from streamssl.engine.live_accuracy import Observed
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.monitoring import live_accuracy
from streamssl.monitoring.live_accuracy import LiveAccuracyGauges

N = 1_000


def test_the_gauges_are_nan_until_there_are_enough_labels(tmp_path):
    state = EngineState(EngineSettings.of(Config(review={"share": 0.5})), tmp_path)
    state.classes = ["ham", "spam"]
    registry = CollectorRegistry()
    gauges = LiveAccuracyGauges(registry)

    def value(name, **labels):
        gauges.show(state)
        return registry.get_sample_value(f"streamssl_live_{name}", labels)

    recent = {"who": "learner", "window": "recent"}
    assert math.isnan(value("accuracy_low_ratio", **recent))
    assert value("accuracy_too_few_labels", **recent) == 1
    assert math.isnan(value("class_accuracy_ratio", **{"class": "spam"}))

    decisions = np.arange(N) % 2
    asked = np.arange(N) % 4 < 2
    state.live_accuracy.observe(
        Observed(
            first=0,
            arrivals=np.arange(N),
            expires=np.arange(N) + 10**6,
            decisions=decisions,
            confidences=np.full(N, 0.9, dtype=np.float32),
            propensities=np.where(asked, np.float32(0.5), np.float32(0)),
            pseudo=np.where(np.arange(N) % 3 > 0, decisions, -1),
            twins=np.where(asked, decisions, -1),
        ),
        0,
    )
    for event in np.flatnonzero(asked).tolist():
        if event % 100 == 0:
            state.live_accuracy.abstain(event)
        else:
            state.live_accuracy.answer(event, right=event % 10 > 0, twin_right=event % 10 > 0)
    assert 0.7 < value("accuracy_low_ratio", **recent) < value("accuracy_ratio", **recent) < 1
    assert value("accuracy_low_ratio", **recent) < value("accuracy_approximate_low_ratio", **recent)
    assert value("accuracy_too_few_labels", **recent) == 0
    assert value("accuracy_events", window="since_start") == 750, "whole blocks"
    assert 300 < value("accuracy_labels", **recent) < 400
    assert value("gain_ratio", window="recent") == 0
    assert value("class_accuracy_low_ratio", **{"class": "spam"}) > 0.7
    assert 0.7 < value("pseudo_label_precision_ratio", age="all") <= 1
    assert math.isnan(value("pseudo_label_precision_ratio", age="older"))
    assert 0 < value("accuracy_unanswered_ratio", why="abstained") < 0.05


@pytest.mark.parametrize(("seconds", "readings"), [(0.01, 3), (0.1, 1)])
def test_a_reading_that_takes_long_is_not_made_at_each_look(tmp_path, monkeypatch, seconds, readings):
    """The service does nothing else meanwhile."""
    made = []

    def read(*given):
        made.append(live_accuracy_read(*given))
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass
        return made[-1]

    live_accuracy_read = live_accuracy.read
    monkeypatch.setattr(live_accuracy, "read", read)
    gauges = LiveAccuracyGauges(CollectorRegistry())
    state = EngineState(EngineSettings.of(Config()), tmp_path)
    for _ in range(3):
        gauges.show(state)
    assert len(made) == readings
    gauges._rests_until = time.monotonic()
    gauges.show(state)
    assert len(made) == readings + 1
