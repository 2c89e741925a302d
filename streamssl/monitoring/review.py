"""What is asked of people, and out of which budget."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from streamssl.engine.state import Count, EngineState


class ReviewGauges:
    """How many events people are asked about at present, and why so many."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.share = Gauge(
            "streamssl_review_share_ratio",
            "Share of the events that is to be asked about: review.share, or what people have time for.",
            registry=registry,
        )
        self.promised = Gauge(
            "streamssl_review_promised_share_ratio",
            "Share that the live accuracy rests on: no event is asked about so that it counts with less than half.",
            registry=registry,
        )
        self.reach = Gauge(
            "streamssl_review_reach_ratio",
            "Requests with keys below it count for the live accuracy: how far down the queue people get.",
            registry=registry,
        )
        self.excess = Gauge(
            "streamssl_review_raise_ratio",
            "What is asked beyond that for a while, as a part of it: at the start, for classes, after a drift.",
            registry=registry,
        )
        self.control = Gauge(
            "streamssl_review_control_ratio",
            "What all probabilities are multiplied by, so that as much is asked as is to be.",
            registry=registry,
        )
        self.open = Gauge(
            "streamssl_review_open_requests", "Review requests that wait for an answer.", registry=registry
        )
        self.budget = Gauge(
            "streamssl_review_budget_requests",
            "Requests that the answers of an hour or a day are enough for; only where configured.",
            ["per"],
            registry=registry,
        )

    def show(self, state: EngineState) -> None:
        """Set every gauge."""
        sampler, review = state.sampler, state.settings.review
        self.share.set(sampler.share)
        self.promised.set(sampler.promised * sampler.reach)
        self.reach.set(sampler.reach)
        self.excess.set(sampler.excess)
        self.control.set(sampler.control)
        self.open.set(sampler.n_open)
        if review.per_hour is not None:
            self.budget.labels("hour").set(sampler.rules.per_hour)
        if review.per_day is not None:
            self.budget.labels("day").set(sampler.rules.per_day)


def review_counts(state: EngineState) -> dict[Count, float]:
    """Return the counts that the sampler keeps itself."""
    sampler = state.sampler
    return {("review_requests", "expired"): sampler.expired, ("review_returned",): sampler.returned}
