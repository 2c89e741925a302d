"""Workers on embedded topics, without the service around them."""

from __future__ import annotations

from streamssl.config import Config
from streamssl.transport import connect
from streamssl.transport.base import Message, Subscription, TopicSpec


class Embedded:
    """Topics with two partitions of events, in a file."""

    def __init__(self, folder):
        self.transport = connect(Config(transport="sqlite", sqlite={"path": str(folder / "topics.db")}))
        partitions = {"events": 2, "labels": 1, "examples": 1, "journal": 2}
        self.transport.create_topics([TopicSpec(name, count, {}) for name, count in partitions.items()])
        self.workers = []

    def worker(self, number=0):
        """Return a worker that has joined."""
        worker = self.transport.worker(
            Subscription(f"worker-{number}", "group", ("events",), ("labels", "examples"), "journal")
        )
        worker.fence()
        list(worker.read_journal())
        worker.join({})
        self.workers.append(worker)
        return worker

    def write(self, topic, *values):
        with self.transport.producer() as producer:
            for value in values:
                producer.send(Message(topic, value, value))

    def close(self):
        for worker in self.workers:
            worker.close()
        self.transport.close()
