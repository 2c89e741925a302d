"""Kafka: topics on brokers, shared by consumer groups, written in transactions.

With a broker gone for good, `Worker.commit` and `Producer.flush` may wait for ever: kafka-python gives them no
time limit. The service's watchdog ends the process then.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from kafka import KafkaAdminClient, KafkaProducer
from kafka import errors as kafka_errors

from streamssl.config import KafkaSettings
from streamssl.transport import kafka_groups
from streamssl.transport.base import (
    Closeable,
    Membership,
    Message,
    Positions,
    Record,
    Subscription,
    TopicSpec,
    TransportError,
    begun_already,
)
from streamssl.transport.kafka_client import (
    CLOSE_SECONDS,
    client_options,
    partitions_of,
    quieten_logs,
    reading_consumer,
    to_record,
    translated,
)
from streamssl.transport.kafka_contact import first_contact
from streamssl.transport.kafka_worker import KafkaWorker

LARGEST_REQUEST = 20 * 1024 * 1024
"""Bytes of a record and its headers that a producer will send; the topic's limit decides."""
UNFLUSHED = 20_000
"""Records that a tool may hand over before it waits: kafka-python itself would buffer without end."""


class KafkaTransport:
    """Topics on a Kafka cluster.

    Parameters
    ----------
    settings
        Where the brokers are and how to log in.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        quieten_logs()

    def create_topics(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Create the topics that do not exist yet."""
        existing = self.topics()
        missing = {
            spec.name: {
                "num_partitions": spec.partitions,
                "replication_factor": spec.replication or -1,  # -1: the cluster's default
                "configs": dict(spec.config),
            }
            for spec in specs
            if spec.name not in existing
        }
        if missing:
            with self._admin() as admin, translated("creating topics"):
                with suppress(kafka_errors.TopicAlreadyExistsError):
                    admin.create_topics(missing)
                admin.wait_for_topics(list(missing))
        return list(missing)

    def topics(self) -> dict[str, int]:
        """Return every topic's name and number of partitions; Kafka's internal ones are left out."""
        with self._admin() as admin, translated("listing topics"):
            described = admin.describe_topics()
        return {each["name"]: len(each["partitions"]) for each in described if not each["is_internal"]}

    def offsets(self, topic: str) -> dict[int, tuple[int, int]]:
        """Return, per partition, the first offset still kept and the one after the last."""
        with translated(f"looking at {topic}"):
            consumer = reading_consumer(self.settings)
            try:
                partitions = partitions_of(consumer, topic, patience=2)
                first, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
            finally:
                consumer.close()
        return {each.partition: (first[each], end[each]) for each in partitions}

    def workers(self, group_id: str, events: Sequence[str]) -> dict[str, Membership]:
        """Return the workers that a group remembers, by id."""
        with self._admin() as admin, translated("looking at the group"):
            return kafka_groups.workers(admin, group_id)

    def dismiss(self, group_id: str, worker_id: str) -> None:
        """Take a worker out of the group at once."""
        with self._admin() as admin, translated(f"dismissing {worker_id}"):
            kafka_groups.dismiss(admin, group_id, worker_id)

    def forget(self, group_id: str, worker_id: str) -> None:
        """Forget a worker's marks."""
        with self._admin() as admin, translated(f"forgetting {worker_id}"):
            kafka_groups.forget(admin, group_id, worker_id)

    def committed(self, group_id: str) -> Positions:
        """Return what a group has committed, of all topics."""
        with self._admin() as admin, translated("looking at the group"):
            return kafka_groups.committed(admin, group_id)

    def begin_at_end(self, group_id: str, topics: Sequence[str]) -> None:
        """Let a group that has never committed begin with what comes from now on."""
        ends = {(topic, number): end for topic in topics for number, (_, end) in self.offsets(topic).items()}
        with self._admin() as admin, translated(f"beginning {group_id} at the end"):
            if kafka_groups.committed(admin, group_id):
                raise begun_already(group_id)
            kafka_groups.commit(admin, group_id, ends)

    def producer(self) -> KafkaToolProducer:
        """Return a producer for tools."""
        return KafkaToolProducer(self.settings)

    def reader(self, topics: Sequence[str], start: Literal["first", "end"] = "first") -> KafkaReader:
        """Return a reader of whole topics."""
        return KafkaReader(self.settings, topics, start)

    def worker(self, subscription: Subscription) -> KafkaWorker:
        """Return the transactional session of one worker."""
        return KafkaWorker(self.settings, subscription, LARGEST_REQUEST)

    def close(self) -> None:
        """Do nothing: every part holds its own connections."""

    def _admin(self) -> Any:
        return first_contact(lambda: KafkaAdminClient(**client_options(self.settings)), self.settings)


class KafkaToolProducer(Closeable):
    """Writes records outside of any transaction."""

    def __init__(self, settings: KafkaSettings) -> None:
        with translated(f"connecting to {settings.bootstrap_servers}"):
            self._producer = KafkaProducer(
                **client_options(settings),
                compression_type=None if settings.compression == "none" else settings.compression,
                batch_size=131_072,
                linger_ms=5,
                max_request_size=LARGEST_REQUEST,
            )
        self._error: BaseException | None = None
        self._unflushed = 0

    def send(self, message: Message, timestamp: int | None = None) -> None:
        """Hand over one record."""
        with translated(f"writing to {message.topic}"):
            self._producer.send(
                message.topic,
                key=message.key,
                value=message.value,
                headers=list(message.headers),
                timestamp_ms=timestamp,
            ).add_errback(self._remember)
        self._unflushed += 1
        if self._unflushed >= UNFLUSHED:
            self.flush()

    def flush(self) -> None:
        """Return once everything handed over is durable."""
        with translated("writing"):
            self._producer.flush()
        self._unflushed = 0
        if self._error is not None:
            error, self._error = self._error, None
            raise TransportError(f"a record was not written: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Flush and release."""
        try:
            self.flush()
        finally:
            with translated("closing"):
                self._producer.close(timeout=CLOSE_SECONDS)

    def _remember(self, error: BaseException) -> None:
        self._error = error


class KafkaReader(Closeable):
    """Reads whole topics without a group, committed records only."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], start: Literal["first", "end"]) -> None:
        with translated(f"reading {', '.join(topics)}"):
            self._consumer = reading_consumer(settings, max_partition_fetch_bytes=LARGEST_REQUEST)
            self._partitions = [each for topic in topics for each in partitions_of(self._consumer, topic)]
            self._consumer.assign(self._partitions)
            ask = self._consumer.beginning_offsets if start == "first" else self._consumer.end_offsets
            for partition, offset in ask(self._partitions).items():
                self._consumer.seek(partition, offset)

    def poll(self, max_records: int = 1000, timeout: float = 0.1) -> list[Record]:
        """Return the next records."""
        with translated("reading"):
            polled = self._consumer.poll(int(1_000 * timeout), max_records)
        return [to_record(raw) for raws in polled.values() for raw in raws]

    def at_end(self) -> bool:
        """Tell whether everything that was in the topics when this is asked has been read."""
        with translated("reading"):
            ends = self._consumer.end_offsets(self._partitions)
            return all(self._consumer.position(each) >= end for each, end in ends.items())

    def close(self) -> None:
        """Release."""
        self._consumer.close()
