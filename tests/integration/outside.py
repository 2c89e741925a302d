"""Another client of the service's topics: what feeds it and looks at what it says."""

from __future__ import annotations

from dataclasses import replace

import orjson

from streamssl.config import load_config
from streamssl.runtime.topics import topic_specs
from streamssl.transport import connect
from streamssl.transport.base import Message

GARBAGE = [
    b"",
    b"\xff\xfe",
    b"{",
    b"[1, 2]",
    b'{"id": "g", "features": {"x": 1e999}}',
    b'{"id": "g"}',
    b"x" * 5_000_000,
]


class Outside:
    """Another client of the same topics."""

    def __init__(self, service, journal_partitions=2):
        self.config = load_config(service.config, {})
        self.transport = connect(self.config)
        specs = {spec.name: spec for spec in topic_specs(self.config, partitions=2)}
        journal = self.config.topics.journal
        specs[journal] = replace(specs[journal], partitions=journal_partitions)
        self.transport.create_topics(list(specs.values()))
        self.producer = self.transport.producer()
        self.topics = self.config.topics

    def event(self, event_id, features):
        self.send(self.topics.events[0], event_id, {"id": event_id, "features": features})

    def label(self, event_id, label):
        self.send(self.topics.labels[0], event_id, {"event_id": event_id, "label": label})

    def send(self, topic, key, value):
        value = value if isinstance(value, bytes) else orjson.dumps(value)
        self.producer.send(Message(topic, key.encode(), value))

    def all(self, topic):
        """Return every committed record of a topic."""
        with self.transport.reader([topic]) as reader:
            records = []
            while not reader.at_end():
                records += reader.poll(5_000, 0.2)
            return records

    def close(self):
        self.producer.close()
        self.transport.close()
