"""A worker stays in its group however busy the labels are."""

import time
import uuid

from streamssl.config import KafkaSettings
from streamssl.engine.batch import ranges
from streamssl.transport.base import Message, Subscription, TopicSpec
from streamssl.transport.kafka import KafkaTransport

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
