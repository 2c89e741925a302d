"""Versions of the service that are wrong in one way each, to show that the directed tests find it.

``python -m tests.chaos.wrong NAME run --config FILE`` is ``streamssl run --config FILE``, but

journal-to-the-last-stable-offset
    reads its journal as far as a neighbour's open transaction lets a committed reader see;
membership-at-commit
    joins without a static id and asks for its membership when it commits, not when it polls;
uncommitted-events
    reads events uncommitted, and so does not wait for the offsets that a frozen process may yet commit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from streamssl.cli import main
from streamssl.transport import kafka_worker
from streamssl.transport.kafka_client import reading_consumer
from streamssl.transport.kafka_worker import KafkaWorker


def _consumer_with(**changes: Any) -> Callable[..., Any]:
    def make(**options: Any) -> Any:
        is_member = options.get("group_id") is not None
        return KafkaConsumer(**options | (changes if is_member else {}))

    return make


def journal_to_the_last_stable_offset() -> None:
    def bounds(self: KafkaWorker, partition: TopicPartition) -> tuple[int, int]:
        consumer = reading_consumer(self.settings)
        try:
            return consumer.beginning_offsets([partition])[partition], consumer.end_offsets([partition])[partition]
        finally:
            consumer.close()

    KafkaWorker._journal_bounds = bounds  # type: ignore[method-assign]


def membership_at_commit() -> None:
    commit, poll = KafkaWorker.commit, KafkaWorker.poll
    polled_at = [time.monotonic()]

    def noting_the_time(self: KafkaWorker, *arguments: Any) -> list[Any]:
        records = poll(self, *arguments)
        polled_at[0] = time.monotonic()
        return records

    def late(self: KafkaWorker, *arguments: Any) -> int:
        if time.monotonic() > polled_at[0] + self.settings.session_timeout_ms / 1_000:
            time.sleep(2)  # the heartbeats find out first; that they do is a matter of chance otherwise
        self._membership = self._events.group_metadata()
        return commit(self, *arguments)

    KafkaWorker.commit, KafkaWorker.poll = late, noting_the_time  # type: ignore[method-assign]
    kafka_worker.KafkaConsumer = _consumer_with(group_instance_id=None)


def uncommitted_events() -> None:
    kafka_worker.KafkaConsumer = _consumer_with(isolation_level="read_uncommitted")


WRONG = {
    "journal-to-the-last-stable-offset": journal_to_the_last_stable_offset,
    "membership-at-commit": membership_at_commit,
    "uncommitted-events": uncommitted_events,
}

if __name__ == "__main__":
    WRONG[sys.argv[1]]()
    main(sys.argv[2:])
