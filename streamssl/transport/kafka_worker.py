"""The transactional session of one worker with Kafka.

What must be right here, and why (each was seen to fail otherwise):

- The predecessor is fenced before anything is read: its open transaction is aborted at once.
- The journal is read to the high watermark, not to the last stable offset: a neighbour that is frozen in mid
  transaction would hide committed entries that lie behind its own.
- The group's metadata is taken right after the poll that returned the records. A member that has been thrown out
  carries generation -1, which a broker would accept: its events are not processed.
- A join may be in flight when a poll returns: as long as the membership is not stable, no partition is owned.
- Every new generation reads on from what is committed. kafka-python keeps the position of a partition that it had
  before, and does not see that a generation whose join it left halfway had given that partition to another.
- Events are read committed, whoever writes them: then the offset fetch waits for a zombie's open transaction.
- One static id serves as group instance id and transactional id, with the Range assignor.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.structs import MemberState, OffsetAndMetadata

from streamssl.config import KafkaSettings
from streamssl.fail_points import reach
from streamssl.transport.base import (
    Fenced,
    Marks,
    Message,
    Neighbours,
    OffsetRange,
    Positions,
    Record,
    Subscription,
    TransportError,
    made_again,
)
from streamssl.transport.kafka_client import (
    CLOSE_SECONDS,
    FENCING,
    client_options,
    partitions_of,
    polled,
    reading_consumer,
    to_record,
    translated,
    uncommitted_consumer,
)
from streamssl.transport.kafka_groups import marks_of_all
from streamssl.transport.kafka_replay import POLL_MS, KafkaReplay
from streamssl.transport.marks import marks_group

log = logging.getLogger(__name__)

JOIN_MS = 2_000
"""How long a poll may take while the group is (re)joined; it returns as soon as there are records."""
MOMENT_MS = 5
FENCE_MS = 30_000
"""How long taking over a worker id may last: where its coordinator dies meanwhile, it would for ever."""
ASK_MS = 5_000
"""How long the brokers may take to answer what can be asked again later."""


class KafkaWorker:
    """See `streamssl.transport.base.Worker` for the order of calls."""

    def __init__(self, settings: KafkaSettings, subscription: Subscription, largest_request: int) -> None:
        self.settings = settings
        self.subscription = subscription
        self._largest_request = largest_request
        self._producer: Any = None
        self._events: Any = None
        self._broadcast: Any = None
        self._replay = KafkaReplay(settings, largest_request)
        self._journal: TopicPartition | None = None
        self._journal_end = 0
        self._membership: Any = None
        self._generation: int | None = None  # whose partitions are read from where they are committed
        self._owned: frozenset[TopicPartition] = frozenset()
        self._knows_its_own = False
        self._admin: Any = None
        self._looking: Any = None
        self._marks_group = marks_group(subscription.group_id, subscription.worker_id)

    def fence(self) -> None:
        """Take over the worker id; a predecessor's open transaction is aborted."""
        worker = self.subscription
        with translated(f"taking over worker {worker.worker_id}"):
            self._producer = KafkaProducer(
                **client_options(self.settings),
                transactional_id=f"{worker.group_id}-{worker.worker_id}",
                transaction_timeout_ms=self.settings.transaction_timeout_ms,
                compression_type=None if self.settings.compression == "none" else self.settings.compression,
                batch_size=131_072,
                max_request_size=self._largest_request,
                max_block_ms=FENCE_MS,
            )
            self._producer.init_transactions()

    def read_journal(self, start: int | None = None) -> Iterator[Record]:
        """Yield this worker's journal records from ``start`` to the true end."""
        with translated("reading the journal"):
            consumer = reading_consumer(self.settings)
            try:
                partition = self._journal_partition(consumer)
                first, end = self._journal_bounds(partition)
                if start is not None and start > end:
                    raise TransportError(
                        f"{partition.topic}[{partition.partition}] ends at {end}, but the snapshot has read it to "
                        f"{start}: was the topic deleted and made again? Move the state directory away to begin "
                        "from what the topics hold."
                    )
                consumer.assign([partition])
                consumer.seek(partition, max(first, first if start is None else start))
                self._journal_end = end
                own_key = self.subscription.worker_id.encode()
                while consumer.position(partition) < end:
                    for raw in polled(consumer, POLL_MS):
                        if raw.key == own_key and raw.offset < end:
                            yield to_record(raw)
            finally:
                consumer.close(timeout_ms=1_000 * CLOSE_SECONDS)

    def fetch(self, ranges: Sequence[OffsetRange]) -> list[Record]:
        """Return exactly the records of ``ranges``."""
        return [record for each in ranges for record in self._replay.fetch(each)]

    def join(self, positions: Positions) -> None:
        """Go live: events from the group's committed offsets, broadcast topics from ``positions``."""
        self._replay.close()
        worker = self.subscription
        with translated("joining the group"):
            self._broadcast = reading_consumer(self.settings, max_partition_fetch_bytes=self._largest_request)
            self._seek_broadcast(positions)
            if worker.events:
                self._join_group()

    def assignment(self) -> frozenset[tuple[str, int]]:
        """Return the events partitions that this worker owned when it polled; none in a poll that began anew."""
        return frozenset((each.topic, each.partition) for each in self._owned)

    def is_settled(self) -> bool:
        """Return whether it is settled which events partitions this worker owns, be it none (last poll)."""
        return self._events is not None and self._knows_its_own

    def poll(self, max_records: int, timeout: float, max_broadcast: int | None = None) -> list[Record]:
        """Return the next records of all topics."""
        if self._events is None:
            with translated("polling"):
                raws = polled(self._broadcast, int(1_000 * timeout), max_broadcast or max_records)
                return [to_record(raw) for raw in raws]
        with translated("polling"):
            raws = polled(self._broadcast, 0, max_broadcast or max_records)
            events = self._poll_events(self._patience_ms(bool(raws), timeout), max_records)
            if not self._is_stable():
                # A join that metadata began is forgotten unless a rejoin is asked for: kafka-python 3.0.12 then
                # goes on with the partitions of the last generation under the number of the new one. And poll at
                # once: a join that ends while nobody polls begins anew.
                self._events._coordinator.request_rejoin()
                self._poll_events(JOIN_MS, max_records)
                self._generation = None  # who does not lead the group may get the same generation again
            self._membership = self._events.group_metadata()
            self._knows_its_own = self._is_settled()
            if self._knows_its_own:
                self._owned = frozenset(self._events.assignment())
            else:
                self._settle()
                self._owned, events = frozenset(), []  # read again from where they are committed
        return [to_record(raw) for raw in (*raws, *events)]

    def commit(
        self,
        outputs: Sequence[Message],
        journal: bytes | None,
        consumed: Sequence[OffsetRange],
        marks: Marks | None = None,
    ) -> int:
        """Commit outputs, the journal record, the consumed events offsets and the marks as one transaction."""
        events = {(each.topic, each.partition): each.end for each in consumed if self._is_of_events(each)}
        offsets = _to_offsets(events | dict(marks.decided) if marks else events)
        given_up = _to_offsets(marks.given_up) if marks else {}
        with translated("committing"):
            self._producer.begin_transaction()
            reach("commit-1-begun")
            futures = [self._send(message) for message in outputs]
            reach("commit-2-sent")
            entry = None if journal is None else self._send_journal(journal)
            reach("commit-3-journalled")
            if offsets:
                self._producer.send_offsets_to_transaction(offsets, self._membership)
            if given_up:
                self._producer.send_offsets_to_transaction(given_up, self._marks_group)
            if events:
                reach("commit-4-offsets-sent")
            self._producer.commit_transaction()
        for future in (*futures, *([entry] if entry else [])):
            if future.exception is not None:
                fenced = isinstance(future.exception, FENCING)
                raise (Fenced if fenced else TransportError)(f"committing: {future.exception!r}")
        if entry is not None:
            self._journal_end = entry.value.offset + 1
        return self._journal_end

    def neighbours(self) -> Neighbours:
        """Return the marks that the others of the group have committed."""
        worker = self.subscription
        with translated("looking at the group"):
            given_up = self._marks_of_all()
            given_up.pop(worker.worker_id, None)
            # Asked of the events consumer, which waits for what a zombie may still commit.
            decided = {
                (each.topic, each.partition): offset
                for each in self._broadcast.assignment()
                if self._events and (offset := self._events.committed(each, timeout_ms=ASK_MS)) is not None
            }
        return Neighbours(given_up, decided)

    def positions(self) -> dict[tuple[str, int], int]:
        """Return, for every partition being read, the offset that will be polled next."""
        positions = {}
        for consumer in self._consumers():
            for each in self._owned if consumer is self._events else consumer.assignment():
                # One that is not known yet stays out, and what waits for it waits on.
                with suppress(kafka_errors.KafkaError):
                    if (position := consumer.position(each, timeout_ms=1_000)) is not None:
                        positions[each.topic, each.partition] = position
        return positions

    def ends(self) -> dict[tuple[str, int], int]:
        """Return, for every partition being read, the offset after its last record, committed or not yet.

        A committed reader is only told where the first open transaction begins, and behind it may lie committed
        records.
        """
        with translated("asking for the ends of the topics"):
            if self._looking is None:
                self._looking = uncommitted_consumer(self.settings)
            reading = [each for consumer in self._consumers() for each in consumer.assignment()]
            ends = self._looking.end_offsets(reading, timeout_ms=1_000) if reading else {}
        return {(each.topic, each.partition): end for each, end in ends.items()}

    def close(self) -> None:
        """Leave and release, within some seconds even when the broker is gone."""
        with suppress(kafka_errors.KafkaError):
            self._replay.close()
        for consumer in (*self._consumers(), *([self._looking] if self._looking else [])):
            with suppress(kafka_errors.KafkaError):
                consumer.close(autocommit=False, timeout_ms=1_000 * CLOSE_SECONDS)
        with suppress(kafka_errors.KafkaError):
            if self._producer is not None:
                self._producer.close(timeout=CLOSE_SECONDS)
            if self._admin is not None:
                self._admin.close()

    def _marks_of_all(self) -> dict[str, Positions]:
        if self._admin is None:
            self._admin = KafkaAdminClient(**client_options(self.settings), request_timeout_ms=ASK_MS)
        try:
            return marks_of_all(self._admin, self.subscription.group_id)
        except kafka_errors.KafkaError:
            self._admin.close()
            self._admin = None  # it would go on asking a coordinator that has moved
            raise

    def _join_group(self) -> None:
        worker = self.subscription
        self._events = KafkaConsumer(
            **client_options(self.settings),
            group_id=worker.group_id,
            group_instance_id=worker.worker_id,
            enable_auto_commit=False,
            auto_offset_reset="none",  # "earliest" would jump silently over what retention has removed
            isolation_level="read_committed",
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=self.settings.session_timeout_ms,
            heartbeat_interval_ms=self.settings.heartbeat_interval_ms,
            allow_auto_create_topics=False,
            max_partition_fetch_bytes=self._largest_request,
            fetch_max_wait_ms=50,
        )
        for topic in worker.events:
            partitions_of(self._events, topic)  # subscribing to a topic too new to be seen finds no partitions
        self._events.subscribe(list(worker.events))

    def _patience_ms(self, has_records: bool, timeout: float) -> int:
        """Return how long a poll of the events may take.

        A rejoin whose poll is given no time is never completed: kafka-python 3.0.12 goes on returning records,
        sends no heartbeats, and the broker throws the member out.
        """
        if not self._is_stable():
            return JOIN_MS
        return MOMENT_MS if has_records else max(MOMENT_MS, int(1_000 * timeout))

    def _is_stable(self) -> bool:
        """Return whether this worker has joined, with no other join in flight."""
        return bool(self._events.group_metadata().state == MemberState.STABLE)

    def _is_settled(self) -> bool:
        """Return whether the partitions are this worker's, and are read from where they are committed."""
        return self._is_stable() and self._events.group_metadata().generation_id == self._generation

    def _settle(self) -> None:
        """Go to where the partitions of a new generation are committed, or leave that to the next poll."""
        self._generation = None
        if not self._is_stable():
            return
        for partition in self._events.assignment():
            try:
                # Waits for what a zombie may still commit.
                offset = self._events.committed(partition, timeout_ms=JOIN_MS)
            except kafka_errors.KafkaTimeoutError:
                return
            if offset is None:
                self._events.seek_to_beginning(partition)
            else:
                self._events.seek(partition, offset)
        self._generation = self._membership.generation_id

    def _poll_events(self, timeout_ms: int, max_records: int) -> list[Any]:
        """Poll; a partition without a usable position begins where the topic does, at the next poll."""
        try:
            return polled(self._events, timeout_ms, max_records)
        except kafka_errors.NoOffsetForPartitionError as error:
            lost = error.args[0]  # the group has never committed here
        except kafka_errors.OffsetOutOfRangeError as error:
            lost = error.args[0]
            for partition, offset in lost.items():
                log.error(
                    "%s[%d] no longer has offset %d, to which it was read: it is read from its beginning, and "
                    "the records between are lost",
                    partition.topic,
                    partition.partition,
                    offset,
                )
        if begin := set(lost) & self._events.assignment():
            self._events.seek_to_beginning(*begin)
        return []

    def _consumers(self) -> list[Any]:
        return [consumer for consumer in (self._events, self._broadcast) if consumer is not None]

    def _is_of_events(self, consumed: OffsetRange) -> bool:
        return consumed.topic in self.subscription.events

    def _send(self, message: Message) -> Any:
        value = message.value
        if value is None and message.key is None:
            value = b""  # kafka-python cannot write a record that is nothing at all
        return self._producer.send(message.topic, key=message.key, value=value, headers=list(message.headers))

    def _send_journal(self, value: bytes) -> Any:
        if self._journal is None:
            raise TransportError("commit before read_journal")
        return self._producer.send(
            self._journal.topic,
            key=self.subscription.worker_id.encode(),
            value=value,
            partition=self._journal.partition,
        )

    def _journal_partition(self, consumer: KafkaConsumer) -> TopicPartition:
        """Choose the journal partition by the worker's number: no neighbour's transaction lies in it."""
        partitions = partitions_of(consumer, self.subscription.journal)
        number = re.search(r"\d*$", self.subscription.worker_id)
        ordinal = int(number[0]) if number and number[0] else 0
        self._journal = partitions[ordinal % len(partitions)]
        return self._journal

    def _journal_bounds(self, partition: TopicPartition) -> tuple[int, int]:
        """Return the first offset and the high watermark, which only an uncommitted reader is told."""
        consumer = uncommitted_consumer(self.settings)
        try:
            return consumer.beginning_offsets([partition])[partition], consumer.end_offsets([partition])[partition]
        finally:
            consumer.close(timeout_ms=1_000 * CLOSE_SECONDS)

    def _seek_broadcast(self, positions: Positions) -> None:
        consumer = self._broadcast
        partitions = [each for topic in self.subscription.broadcast for each in partitions_of(consumer, topic)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        for partition, first in consumer.beginning_offsets(partitions).items():
            position = positions.get((partition.topic, partition.partition), first)
            if position > ends[partition]:
                raise made_again(partition.topic, partition.partition, ends[partition], position)
            if position < first:
                log.error(
                    "%s[%d] begins at %d, but was read only to %d: the records between are lost",
                    partition.topic,
                    partition.partition,
                    first,
                    position,
                )
            consumer.seek(partition, max(position, first))


def _to_offsets(positions: Positions) -> dict[TopicPartition, Any]:
    return {TopicPartition(*each): OffsetAndMetadata(offset, "", -1) for each, offset in positions.items()}
