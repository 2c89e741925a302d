"""The service's Prometheus metrics.

Names follow Prometheus' conventions: prefix ``streamssl_``, base units, ``_total`` on counters, shares between
0 and 1. No label has unbounded values: classes beyond the first 50 are counted as ``(other)``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from streamssl.engine.outcome import Outcome
from streamssl.engine.state import Count, EngineState
from streamssl.monitoring.annotator_rows import annotator_rows
from streamssl.monitoring.live_accuracy import LiveAccuracyGauges
from streamssl.monitoring.review import ReviewGauges, review_counts

LABEL_DELAY_BUCKETS = (
    1,
    10,
    60,
    600,
    3_600,
    4 * 3_600,
    12 * 3_600,
    86_400,
    3 * 86_400,
    7 * 86_400,
    14 * 86_400,
)
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3_600)
DURATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CLASSES_SHOWN = 50


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._counted: dict[Count, float] = {}
        self._counters = {
            "events": Counter("streamssl_events", "Events by what became of them.", ["outcome"], registry=registry),
            "labels": Counter("streamssl_labels", "Labels by what became of them.", ["case"], registry=registry),
            "examples": Counter(
                "streamssl_examples", "Examples by what became of them.", ["case"], registry=registry
            ),
            "pseudo_labels": Counter(
                "streamssl_pseudo_labels", "Pseudo-labels given, by class.", ["class"], registry=registry
            ),
            "pseudo_labels_checked": Counter(
                "streamssl_pseudo_labels_checked",
                "Pseudo-labels whose event got a label later, right or wrong.",
                ["verdict"],
                registry=registry,
            ),
            "review_requests": Counter(
                "streamssl_review_requests",
                "Review requests: asked, swallowed by a cap; expired before anybody answered.",
                ["outcome"],
                registry=registry,
            ),
            "review_asked": Counter(
                "streamssl_review_asked",
                "Review requests by what made the event likely to be asked about.",
                ["reason"],
                registry=registry,
            ),
            "review_capped": Counter(
                "streamssl_review_capped",
                "Review requests that a cap has swallowed, by which.",
                ["cap"],
                registry=registry,
            ),
            "review_returned": Counter(
                "streamssl_review_returned_requests",
                "What expired requests have given back to the budget.",
                [],
                registry=registry,
            ),
            "evicted": Counter(
                "streamssl_pending_evicted", "Events that no longer wait for a label.", [], registry=registry
            ),
            "features": Counter(
                "streamssl_feature_troubles",
                "Feature values that could not be used.",
                ["trouble"],
                registry=registry,
            ),
        }
        self.latency = Histogram(
            "streamssl_prediction_latency_seconds",
            "From an event's record timestamp to its committed prediction.",
            registry=registry,
            buckets=LATENCY_BUCKETS,
        )
        self.label_delay = Histogram(
            "streamssl_label_delay_seconds",
            "From an event to its label.",
            registry=registry,
            buckets=LABEL_DELAY_BUCKETS,
        )
        self.step_duration = Histogram(
            "streamssl_step_duration_seconds",
            "Time the engine takes for a batch.",
            registry=registry,
            buckets=DURATION_BUCKETS,
        )
        self.commit_duration = Histogram(
            "streamssl_commit_duration_seconds",
            "Time a transaction takes.",
            registry=registry,
            buckets=DURATION_BUCKETS,
        )
        self.lag_records = Gauge(
            "streamssl_consumer_lag_records",
            "Records behind the end.",
            ["topic", "partition"],
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "streamssl_consumer_lag_seconds",
            "Age of the newest event processed while behind; 0 when not behind.",
            registry=registry,
        )
        self.pending_events = Gauge("streamssl_pending_events", "Events that wait for a label.", registry=registry)
        self.pending_bytes = Gauge(
            "streamssl_pending_bytes", "What the pending store takes.", ["where"], registry=registry
        )
        self.server_answered = Gauge(
            "streamssl_server_answered_timestamp_seconds",
            "When the topics' server last said where the topics end.",
            registry=registry,
        )
        self.undecided_records = Gauge(
            "streamssl_undecided_records",
            "Labels and examples that this worker cannot use, until one worker has decided for all.",
            registry=registry,
        )
        self.waiting_labels = Gauge(
            "streamssl_waiting_labels", "Labels that wait for their event.", registry=registry
        )
        self.accuracy = Gauge(
            "streamssl_accuracy_ratio",
            "Plain accuracy on the last 1,000 labelled events, volunteered ones too: no estimate for all events.",
            ["who"],
            registry=registry,
        )
        self.accuracy_low = Gauge(
            "streamssl_accuracy_low_ratio",
            "Lower end of its 95% interval.",
            ["who"],
            registry=registry,
        )
        self.accuracy_high = Gauge(
            "streamssl_accuracy_high_ratio",
            "Upper end of its 95% interval.",
            ["who"],
            registry=registry,
        )
        self.accuracy_labels = Gauge(
            "streamssl_accuracy_labels", "Labels behind the accuracy.", ["who"], registry=registry
        )
        self.gain = Gauge(
            "streamssl_gain_over_twin_ratio",
            "Plain accuracy minus the twin's on the same labelled events.",
            registry=registry,
        )
        self.live_accuracy = LiveAccuracyGauges(registry)
        self.review = ReviewGauges(registry)
        self.pseudo_threshold = Gauge(
            "streamssl_pseudo_label_threshold_ratio",
            "Confidence from which a prediction of the class becomes a pseudo-label.",
            ["class"],
            registry=registry,
        )
        self.pseudo_precision = Gauge(
            "streamssl_pseudo_label_precision_ratio",
            "Share of right ones among the pseudo-labels of the last 1,000 labelled events.",
            registry=registry,
        )
        self.expert_weight = Gauge(
            "streamssl_expert_weight_ratio", "Weight in the mixture.", ["expert"], registry=registry
        )
        self.leak = Gauge(
            "streamssl_suspected_leak_ratio",
            "Accuracy with which one field alone predicts the labels; only fields that look like the answer.",
            ["field"],
            registry=registry,
        )
        self.columns = Gauge("streamssl_feature_columns", "Columns the features take.", registry=registry)
        self.classes = Gauge("streamssl_classes", "Classes known.", registry=registry)
        self.annotator_labels = Gauge(
            "streamssl_annotator_labels", "Events that they have labelled.", ["annotator"], registry=registry
        )
        self.annotator_reliability = Gauge(
            "streamssl_annotator_reliability_ratio",
            "Estimated share of the annotator's labels that are right.",
            ["annotator"],
            registry=registry,
        )
        self.annotator_doubles = Gauge(
            "streamssl_annotator_doubles",
            "Events that the annotator and somebody else have labelled.",
            ["annotator"],
            registry=registry,
        )
        self.annotator_agreement = Gauge(
            "streamssl_annotator_agreement_ratio",
            "Share of the doubles whose label that holds is the annotator's; NaN without doubles.",
            ["annotator"],
            registry=registry,
        )
        self.snapshot_time = Gauge(
            "streamssl_snapshot_timestamp_seconds", "When the newest snapshot was written.", registry=registry
        )
        self.snapshot_duration = Histogram(
            "streamssl_snapshot_duration_seconds",
            "Time a snapshot takes.",
            registry=registry,
            buckets=DURATION_BUCKETS,
        )
        self.last_tick = Gauge(
            "streamssl_loop_last_tick_timestamp_seconds", "When the loop last went round.", registry=registry
        )
        self.started = Gauge("streamssl_start_timestamp_seconds", "When the process started.", registry=registry)
        self.recovery_records = Gauge(
            "streamssl_recovery_replayed_records", "Records replayed at start.", registry=registry
        )
        self.recovery_lost = Gauge(
            "streamssl_recovery_lost_records",
            "Records that the journal names and retention has removed.",
            registry=registry,
        )
        self.recovery_mismatches = Gauge(
            "streamssl_recovery_digest_mismatches",
            "Replayed batches with another digest than journalled.",
            registry=registry,
        )
        self.recovery_refused = Gauge(
            "streamssl_recovery_refused_snapshots", "Damaged snapshots found at start.", registry=registry
        )
        self.build = Info("streamssl_build", "Version and worker.", registry=registry)
        self.started.set(time.time())

    def recovered(self, *, records: int, lost: int, mismatches: int, refused: int) -> None:
        """Show what the recovery did."""
        self.recovery_records.set(records)
        self.recovery_lost.set(lost)
        self.recovery_mismatches.set(mismatches)
        self.recovery_refused.set(refused)

    def observe(self, outcome: Outcome, now: float) -> None:
        """Take in one committed batch; ``now`` is the time of its commit, seconds since the epoch."""
        for arrival in outcome.arrivals:
            self.latency.observe(max(0.0, now - arrival / 1_000))
        for delay in outcome.label_delays:
            self.label_delay.observe(delay)

    def show(self, state: EngineState, lag: Mapping[tuple[str, int], int], horizon_age: float) -> None:
        """Set every gauge from the state; called about once a second.

        Parameters
        ----------
        lag
            Records behind the end, per partition.
        horizon_age
            Seconds by which the newest processed event is older than now, 0 when nothing is waiting.
        """
        self._count(state)
        for (topic, partition), records in lag.items():
            self.lag_records.labels(topic, str(partition)).set(records)
        self.lag_seconds.set(horizon_age)
        self.pending_events.set(len(state.pending))
        self.pending_bytes.labels("disk").set(state.pending.bytes_on_disk)
        self.pending_bytes.labels("memory").set(state.pending.bytes_in_memory)
        self.waiting_labels.set(len(state.waiting))
        self.undecided_records.set(len(state.undecided))
        for who, right in (("learner", state.scores.accuracy()), ("twin", state.scores.twin_accuracy())):
            self.accuracy.labels(who).set(right.value)
            self.accuracy_low.labels(who).set(right.low)
            self.accuracy_high.labels(who).set(right.high)
            self.accuracy_labels.labels(who).set(right.labels)
        self.gain.set(state.scores.gain())
        self.live_accuracy.show(state)
        self.review.show(state)
        for name, threshold in zip(state.classes[:CLASSES_SHOWN], state.gates.thresholds(), strict=False):
            self.pseudo_threshold.labels(name).set(threshold)
        self.pseudo_precision.set(state.scores.pseudo_label_precision().value)
        for expert, weight in state.learner.explain().items():
            self.expert_weight.labels(expert).set(weight)
        for field, share in state.leaks.suspects():
            self.leak.labels(field).set(share)
        self.columns.set(state.encoder.width)
        self.classes.set(len(state.classes))
        for annotator, row in annotator_rows(state).items():
            self.annotator_labels.labels(annotator).set(row.labels)
            self.annotator_reliability.labels(annotator).set(row.reliability)
            self.annotator_doubles.labels(annotator).set(row.doubles)
            self.annotator_agreement.labels(annotator).set(row.agreement)

    def _count(self, state: EngineState) -> None:
        """Move the counters to the state's counts, which survive restarts with the snapshot."""
        for count, total in {**state.counts, **review_counts(state)}.items():
            name, *labels = count
            if name == "pseudo_labels" and labels[0] not in state.classes[:CLASSES_SHOWN]:
                labels = ["(other)"]
            counter = self._counters[name]
            child = counter.labels(*labels) if labels else counter
            child.inc(total - self._counted.get(count, 0))
            self._counted[count] = total
