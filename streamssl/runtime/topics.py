"""The topics that the service needs, how each must be kept, and whether they are there.

What the journal names must still be there when it is replayed: events, labels and the journal are kept as long
as an event may wait for its label, and no shorter than the snapshots reach back. `examples` is compacted, but
nothing younger than that, since a compacted record would make a replay differ.
"""

from __future__ import annotations

from streamssl.config import Config
from streamssl.transport.base import TopicMissing, TopicSpec, Transport

MARGIN_SECONDS = 86_400
"""Time that a service may be down and still find what its snapshots need."""
DEAD_LETTERS_SECONDS = 30 * 86_400
"""People look at dead letters later than machines look at events."""
LARGEST_RECORD = 16 * 1024 * 1024
"""Bytes of the largest record that is written: more than an events topic with Kafka's own limit takes, since a dead
letter, a review request and an example hold an event and more."""


def topic_specs(config: Config, partitions: int = 1) -> list[TopicSpec]:
    """Return the topics of a configuration, as they should be created.

    Parameters
    ----------
    partitions
        Of the events topics, and so the greatest number of workers that share them. Predictions and journal
        get as many, so that no worker waits for another's transaction. The rest has one: every worker reads
        all labels and examples anyway.
    """
    seconds = MARGIN_SECONDS + max(
        config.pending.max_age_seconds,
        config.state.snapshots_kept * config.state.snapshot_every_seconds,
    )
    kept = {"cleanup.policy": "delete", "retention.ms": _ms(seconds)}
    large = {"max.message.bytes": str(LARGEST_RECORD)}
    compacted = {
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": _ms(seconds),
        "delete.retention.ms": _ms(seconds),
    }
    dead = {
        "cleanup.policy": "delete",
        "retention.ms": _ms(DEAD_LETTERS_SECONDS),
    }
    topics = config.topics
    return [
        *(TopicSpec(name, partitions, kept) for name in topics.events),
        *(TopicSpec(name, 1, kept) for name in topics.labels),
        TopicSpec(topics.predictions, partitions, kept | large),
        TopicSpec(topics.review_requests, 1, kept | large),
        TopicSpec(topics.examples, 1, compacted | large),
        TopicSpec(topics.dead_letters, 1, dead | large),
        TopicSpec(topics.journal, partitions, kept),
    ]


def check_topics(transport: Transport, config: Config) -> None:
    """See to it that all topics exist: the embedded ones are made, Kafka's are asked for.

    Creating topics on a broker is its owner's decision: their partitions cannot be taken back.

    Raises
    ------
    TopicMissing
        When a topic is not on the broker.
    """
    existing = transport.topics()
    missing = [spec for spec in topic_specs(config) if spec.name not in existing]
    if not missing:
        return
    if config.transport == "sqlite":
        transport.create_topics(missing)
        return
    names = ", ".join(spec.name for spec in missing)
    raise TopicMissing(
        f"Kafka at {config.kafka.bootstrap_servers} lacks {names}, or hides them from this user: create what is "
        "missing with `streamssl topics create --config FILE`, or correct the names under topics:"
    )


def _ms(seconds: float) -> str:
    return str(int(1_000 * seconds))
