"""How right the learner is, in PromQL: the one place that knows how the service names its estimates."""

from __future__ import annotations

from deploy.dashboards.parts import of

ESTIMATE = {"labels": "asked"}
"""From labels that were asked for, which stand for all events; volunteered ones do not."""

ACCURACY = of("streamssl_accuracy_ratio", who="learner", **ESTIMATE)
AT_LEAST = of("streamssl_accuracy_low_ratio", who="learner", **ESTIMATE)
AT_MOST = of("streamssl_accuracy_high_ratio", who="learner", **ESTIMATE)
LABELS = of("streamssl_accuracy_labels", who="learner", **ESTIMATE)
TWINS_ACCURACY = of("streamssl_accuracy_ratio", who="twin", **ESTIMATE)
GAIN = of("streamssl_gain_over_twin_ratio", **ESTIMATE)
