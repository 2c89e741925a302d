"""A worker stays in its group however busy the labels are."""

import time
import uuid

from kafka.structs import MemberState

from streamssl.config import KafkaSettings
from streamssl.engine.batch import ranges
from streamssl.transport.base import Message, Subscription, TopicSpec
from streamssl.transport.kafka import KafkaTransport
from tests.integration.service import until

SESSION_SECONDS = 3


def test_a_worker_whose_polls_never_lack_labels_joins_and_stays(kafka_broker):
    """Polls without time to wait used to leave a join unfinished and heartbeats unsent."""
    settings = KafkaSettings(bootstrap_servers=kafka_broker, session_timeout_ms=1_000 * SESSION_SECONDS)
    transport, prefix = KafkaTransport(settings), uuid.uuid4().hex[:8]
    events, labels, journal = (f"{prefix}-{name}" for name in ("events", "labels", "journal"))
    transport.create_topics([TopicSpec(name) for name in (events, labels, journal)])
    worker = transport.worker(Subscription("worker-0", prefix, (events,), (labels,), journal))
    worker.fence()
    assert list(worker.read_journal()) == []
    worker.join({})
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
    settings = KafkaSettings(bootstrap_servers=kafka_broker, session_timeout_ms=6_000)
    transport, prefix = KafkaTransport(settings), uuid.uuid4().hex[:8]
    events, labels, journal = (f"{prefix}-{name}" for name in ("events", "labels", "journal"))
    transport.create_topics([TopicSpec(name) for name in (events, labels, journal)])
    worker = transport.worker(Subscription("worker-0", prefix, (events,), (labels,), journal))
    worker.fence()
    assert list(worker.read_journal()) == []
    worker.join({})
    until(lambda: worker.poll(10, 0.1) or worker.assignment(), 20, "an assignment")
    generation = worker._membership.generation_id
    worker._events._coordinator.state = MemberState.REBALANCING
    assert worker.assignment() == frozenset()
    assert worker.poll(10, 0.001) == []
    assert worker.assignment() == {(events, 0)}
    assert worker._membership.generation_id > generation, "it has joined anew"
    worker.close()
