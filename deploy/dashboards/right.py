"""How right the learner is, in PromQL: the one place that knows how the service names its estimates."""

from __future__ import annotations

from deploy.dashboards.parts import of

RECENT = {"window": "recent"}
SINCE_START = {"window": "since_start"}

ACCURACY = of("streamssl_live_accuracy_ratio", who="learner", **RECENT)
AT_LEAST = of("streamssl_live_accuracy_low_ratio", who="learner", **RECENT)
AT_MOST = of("streamssl_live_accuracy_high_ratio", who="learner", **RECENT)
"""Guaranteed, as all intervals that are not called approximate."""
PROBABLY_AT_LEAST = of("streamssl_live_accuracy_approximate_low_ratio", who="learner", **RECENT)
PROBABLY_AT_MOST = of("streamssl_live_accuracy_approximate_high_ratio", who="learner", **RECENT)
LABELS = of("streamssl_live_accuracy_labels", who="learner", **RECENT)
EVENTS = of("streamssl_live_accuracy_events", **RECENT)

EVER = of("streamssl_live_accuracy_ratio", who="learner", **SINCE_START)
EVER_AT_LEAST = of("streamssl_live_accuracy_low_ratio", who="learner", **SINCE_START)
EVER_AT_MOST = of("streamssl_live_accuracy_high_ratio", who="learner", **SINCE_START)

TWINS_ACCURACY = of("streamssl_live_accuracy_ratio", who="twin", **RECENT)
GAIN = of("streamssl_live_gain_ratio", **RECENT)
GAIN_AT_LEAST = of("streamssl_live_gain_low_ratio", **RECENT)
GAIN_AT_MOST = of("streamssl_live_gain_high_ratio", **RECENT)
