"""A worker stays in its group however busy the labels are."""

import time
import uuid

from kafka import KafkaProducer, TopicPartition
from kafka.structs import MemberState, OffsetAndMetadata

from streamssl.config import KafkaSettings
from streamssl.engine.batch import ranges
from streamssl.transport.base import Message, Subscription, TopicSpec
from streamssl.transport.kafka import KafkaTransport
from tests.integration.service import until

SESSION_SECONDS = 3


def joined_worker(broker, session_seconds):
    """Return a transport, a worker that joins a group of its own, and its topics of events and labels."""
    settings = KafkaSettings(bootstrap_servers=broker, session_timeout_ms=1_000 * session_seconds)
    transport, prefix = KafkaTransport(settings), uuid.uuid4().hex[:8]
    events, labels, journal = (f"{prefix}-{name}" for name in ("events", "labels", "journal"))
    transport.create_topics([TopicSpec(name) for name in (events, labels, journal)])
    worker = transport.worker(Subscription("worker-0", prefix, (events,), (labels,), journal))
    worker.fence()
    assert list(worker.read_journal()) == []
    worker.join({})
    return transport, worker, events, labels


def test_a_worker_whose_polls_never_lack_labels_joins_and_stays(kafka_broker):
    """Polls without time to wait used to leave a join unfinished and heartbeats unsent."""
    transport, worker, events, labels = joined_worker(kafka_broker, SESSION_SECONDS)
    committed, n = 0, 0
    with transport.producer() as producer:
        deadline = time.monotonic() + 3 * SESSION_SECONDS
        while time.monotonic() < deadline:
            producer.send(Message(labels, b"k", b"label"))
            producer.send(Message(events, b"k", b"event"))
            producer.flush()
            n += 1
            records = worker.poll(1_000, 0.1)
            worker.commit([], b"", ranges(records))
            committed += sum(record.topic == events for record in records)
    assert worker.assignment() == {(events, 0)}
    assert committed > 0.5 * n
    worker.close()


def test_a_join_that_was_left_halfway_gives_no_events_and_is_taken_up_again(kafka_broker):
    """What kafka-python 3.0.12 comes to when metadata begins a join and a poll is too short to end it.

    The number of the generation is the new one then, and the partitions are still the old ones, whoever has them by
    now: two workers predicted the same events, and the broker accepted both.
    """
    _, worker, events, _ = joined_worker(kafka_broker, 6)
    until(lambda: worker.poll(10, 0.1) or worker.assignment(), 20, "an assignment")
    generation = worker._membership.generation_id
    worker._events._coordinator.state = MemberState.REBALANCING
    assert worker.poll(10, 0.001) == []
    assert worker.assignment() == frozenset()
    until(lambda: worker.poll(10, 0.1) or worker.assignment(), 20, "an assignment")
    assert worker.assignment() == {(events, 0)}
    assert worker._membership.generation_id > generation, "it has joined anew"
    worker.close()


def test_nothing_is_skipped_where_a_join_that_is_taken_up_again_changes_nothing(kafka_broker):
    """Who does not lead the group gets its generation again, and what was polled meanwhile was passed by."""
    settings = KafkaSettings(bootstrap_servers=kafka_broker, session_timeout_ms=10_000)
    transport, prefix = KafkaTransport(settings), uuid.uuid4().hex[:8]
    events, labels, journal = (f"{prefix}-{name}" for name in ("events", "labels", "journal"))
    transport.create_topics([TopicSpec(events, 2), TopicSpec(labels), TopicSpec(journal, 2)])
    names = ("worker-0", "worker-1")
    workers = [transport.worker(Subscription(name, prefix, (events,), (labels,), journal)) for name in names]
    for worker in workers:
        worker.fence()
        assert list(worker.read_journal()) == []
        worker.join({})

    def both_own_one():
        for worker in workers:
            worker.poll(10, 0.1)
        return all(len(worker.assignment()) == 1 for worker in workers)

    until(both_own_one, 40, "a partition each")
    leader, follower = sorted(workers, key=lambda worker: not worker._events._coordinator._is_leader)
    [(_, partition)] = follower.assignment()
    producer = KafkaProducer(bootstrap_servers=kafka_broker)
    for number in range(50):
        producer.send(events, b"%d" % number, partition=partition)
    producer.close()
    follower._events._coordinator.state = MemberState.REBALANCING
    records = follower.poll(10, 0.001)

    def all_came():
        polled = follower.poll(10, 0.1)
        leader.poll(10, 0.01)
        follower.commit([], b"", ranges(polled))
        records.extend(polled)
        return len(records) >= 50

    until(all_came, 30, "fifty events")
    assert [int(record.value) for record in records] == list(range(50))
    for worker in workers:
        worker.close()


def test_a_partition_that_was_another_workers_meanwhile_is_read_on_from_what_that_one_committed(kafka_broker):
    """A generation of which this worker saw nothing, because it left that join halfway.

    kafka-python keeps its old position in the partition: it predicted again what the other had predicted, and did
    not wait for the transaction that the other had open.
    """
    transport, worker, events, _ = joined_worker(kafka_broker, 6)
    until(lambda: worker.poll(10, 0.1) or worker.assignment(), 20, "an assignment")
    with transport.producer() as producer:
        for number in range(10):
            producer.send(Message(events, b"k", b"%d" % number))
    records = []
    until(lambda: records.extend(worker.poll(3, 0.1)) or len(records) >= 3, 10, "three events")
    worker.commit([], b"", ranges(records))
    n_committed = len(records)

    other = KafkaProducer(bootstrap_servers=kafka_broker, transactional_id=f"{events}-other")
    other.init_transactions()
    other.begin_transaction()
    offset = {TopicPartition(events, 0): OffsetAndMetadata(8, "", -1)}
    other.send_offsets_to_transaction(offset, worker.subscription.group_id)
    worker._events._coordinator.request_rejoin()
    assert worker.poll(10, 0.1) == []
    assert worker.assignment() == frozenset(), "not before it is known from where"
    other.commit_transaction()
    other.close()
    records = []
    until(lambda: records.extend(worker.poll(10, 0.1)) or len(records) >= 2, 20, "the last two events")
    assert [record.value for record in records] == [b"8", b"9"]
    assert n_committed < 8, "it has read less than the other has committed"
    worker.close()
