"""The gauges of the live accuracy; NaN where there are too few labels."""

from __future__ import annotations

import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge

from streamssl.engine.live_accuracy import Estimate, read
from streamssl.engine.state import EngineState

SHORT = 0.03
"""Seconds that a reading may take at each look."""
REST = 30
"""How many times as long as a longer one took the next is waited for: with a million requests it takes .3 s."""


class LiveAccuracyGauges:
    """Estimates about all events from the answers about few, each with its guaranteed 95% interval."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rests_until = 0.0
        self.accuracy = _Interval(
            registry, "streamssl_live_accuracy", "Estimated accuracy on all events.", ["who", "window"]
        )
        self.gain = _Interval(
            registry, "streamssl_live_gain", "Estimated accuracy minus the twin's, on all events.", ["window"]
        )
        self.classes = _Interval(
            registry,
            "streamssl_live_class_accuracy",
            "Estimated share of right ones among all recent predictions of the class.",
            ["class"],
        )
        self.pseudo_labels = _Interval(
            registry,
            "streamssl_live_pseudo_label_precision",
            "Estimated share of right ones among all pseudo-labels, by how long ago they were given.",
            ["age"],
        )
        self.approximate_low, self.approximate_high = (
            Gauge(
                f"streamssl_live_accuracy_approximate_{end}_ratio",
                f"{name} end of an interval that is narrower and holds about 95% of the time, not always.",
                ["who", "window"],
                registry=registry,
            )
            for end, name in (("low", "Lower"), ("high", "Upper"))
        )
        self.labels = Gauge(
            "streamssl_live_accuracy_labels",
            "Answers to review requests behind the estimate.",
            ["who", "window"],
            registry=registry,
        )
        self.events = Gauge(
            "streamssl_live_accuracy_events", "Events that the estimate is about.", ["window"], registry=registry
        )
        self.too_few_labels = Gauge(
            "streamssl_live_accuracy_too_few_labels",
            "1 while there are too few labels for an estimate.",
            ["who", "window"],
            registry=registry,
        )
        self.unanswered = Gauge(
            "streamssl_live_accuracy_unanswered_ratio",
            "Share of the recent review requests without an answer that counts.",
            ["why"],
            registry=registry,
        )

    def show(self, state: EngineState) -> None:
        """Set every gauge; now and then only, where a reading takes long: the service waits for it."""
        if time.monotonic() < self._rests_until:
            return
        begun = time.thread_time()
        reading = read(state.live_accuracy, len(state.classes))
        if (seconds := time.thread_time() - begun) > SHORT:
            self._rests_until = time.monotonic() + REST * seconds
        for window, compared in (("recent", reading.recent), ("since_start", reading.since_start)):
            for who, estimate in (("learner", compared.learner), ("twin", compared.twin)):
                self.accuracy.show(estimate, who, window)
                self.approximate_low.labels(who, window).set(estimate.approximate_low)
                self.approximate_high.labels(who, window).set(estimate.approximate_high)
                self.labels.labels(who, window).set(estimate.labels)
                self.too_few_labels.labels(who, window).set(estimate.is_too_few)
            self.gain.show(compared.gain, window)
            self.events.labels(window).set(compared.learner.events)
        for name, estimate in zip(state.classes, reading.classes, strict=False):
            self.classes.show(estimate, name)
        for age, estimate in reading.pseudo_labels.items():
            self.pseudo_labels.show(estimate, age)
        for why, share in reading.unanswered.items():
            self.unanswered.labels(why).set(share)


class _Interval:
    """A value and the two ends of its interval: ``NAME_ratio``, ``NAME_low_ratio``, ``NAME_high_ratio``."""

    def __init__(self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str]) -> None:
        self.value = Gauge(f"{name}_ratio", text, labels, registry=registry)
        self.low = Gauge(f"{name}_low_ratio", f"{text} Lower end, guaranteed.", labels, registry=registry)
        self.high = Gauge(f"{name}_high_ratio", f"{text} Upper end, guaranteed.", labels, registry=registry)

    def show(self, estimate: Estimate, *labels: str) -> None:
        """Set all three."""
        self.value.labels(*labels).set(estimate.value)
        self.low.labels(*labels).set(estimate.low)
        self.high.labels(*labels).set(estimate.high)
