"""What the review service says of itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10)


class ReviewMetrics:
    """Gauges of the queue, and how fast pages are answered."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.questions = Gauge(
            "streamssl_review_questions",
            "Questions: open ones, those of them that somebody looks at, those of 30 days that nobody got to.",
            ["state"],
            registry=registry,
        )
        self.oldest = Gauge(
            "streamssl_review_oldest_question_seconds",
            "How long the oldest open question has waited.",
            registry=registry,
        )
        self.decisions = Gauge(
            "streamssl_review_decisions",
            "Decisions of people that hold; labels follow from them.",
            registry=registry,
        )
        self.unsent = Gauge(
            "streamssl_review_unsent_labels", "Labels that are not in the topic yet.", registry=registry
        )
        self.requests = Counter(
            "streamssl_review_http_requests_total",
            "Requests that were answered, by the status' first digit.",
            ["status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "streamssl_review_http_seconds",
            "Time to answer a request: those that enter an answer, all others.",
            ["kind"],
            buckets=SECONDS,
            registry=registry,
        )

    def answered(self, kind: str, status: int, seconds: float) -> None:
        """Count one request."""
        self.requests.labels(f"{status // 100}xx").inc()
        self.seconds.labels(kind).observe(seconds)

    def show(
        self, *, n_open: int, leased: int, expired: int, oldest_seconds: float, decisions: int, unsent: int
    ) -> None:
        """Set the gauges of the queue."""
        for state, number in (("open", n_open), ("leased", leased), ("expired", expired)):
            self.questions.labels(state).set(number)
        self.oldest.set(oldest_seconds)
        self.decisions.set(decisions)
        self.unsent.set(unsent)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
