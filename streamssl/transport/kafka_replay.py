"""Reading again exactly what the journal names."""

from __future__ import annotations

from typing import Any, NamedTuple

from kafka import TopicPartition
from kafka import errors as kafka_errors

from streamssl.config import KafkaSettings
from streamssl.transport.base import OffsetRange, RangeLost, Record
from streamssl.transport.kafka_client import CLOSE_SECONDS, polled, reading_consumer, to_record, translated

POLL_MS = 200
"""How long a poll waits before it is looked whether the end is reached."""


class _Reading(NamedTuple):
    """What reads one partition again: its own consumer, so that ranges that follow each other are read ahead.

    The bounds are asked for once, not once a range: what the journal names was committed before it was read.
    """

    consumer: Any
    first: int
    end: int


class KafkaReplay:
    """Reads ranges of partitions, most of them one after the other.

    Parameters
    ----------
    settings
        Where the brokers are.
    largest_request
        Bytes that one fetch may bring.
    """

    def __init__(self, settings: KafkaSettings, largest_request: int) -> None:
        self._settings = settings
        self._largest_request = largest_request
        self._readings: dict[TopicPartition, _Reading] = {}

    def fetch(self, wanted: OffsetRange) -> list[Record]:
        """Return the records of a range; see `streamssl.transport.base.Worker.fetch`."""
        partition = TopicPartition(wanted.topic, wanted.partition)
        with translated(f"fetching {wanted.topic}[{wanted.partition}]"):
            consumer, first, end = self._reading_of(partition)
            if wanted.first < first:
                raise RangeLost(wanted, first)
            if consumer.position(partition) != wanted.first:
                consumer.seek(partition, wanted.first)
            end = min(end, wanted.end)  # in a topic that was made again the range's end may never come
            records: list[Record] = []
            try:
                while (position := consumer.position(partition)) < end:
                    records += [to_record(raw) for raw in polled(consumer, POLL_MS, end - position)]
            except kafka_errors.OffsetOutOfRangeError:
                raise RangeLost(wanted, consumer.beginning_offsets([partition])[partition]) from None
        records = [record for record in records if record.offset < wanted.end]
        if wanted.count not in (-1, len(records)):
            raise RangeLost(wanted, wanted.first)
        return records

    def close(self) -> None:
        """Release all connections."""
        for reading in self._readings.values():
            reading.consumer.close(timeout_ms=1_000 * CLOSE_SECONDS)
        self._readings.clear()

    def _reading_of(self, partition: TopicPartition) -> _Reading:
        """Return what reads one partition again, made when it is first asked for."""
        if partition not in self._readings:
            consumer = reading_consumer(self._settings, max_partition_fetch_bytes=self._largest_request)
            consumer.assign([partition])
            first = consumer.beginning_offsets([partition])[partition]
            end = consumer.end_offsets([partition])[partition]
            consumer.seek(partition, first)
            self._readings[partition] = _Reading(consumer, first, end)
        return self._readings[partition]
