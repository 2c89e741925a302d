"""A little world around the engine: topics are lists, and what it writes to `examples` comes back to it."""

from __future__ import annotations

import orjson

from streamssl.config import Config
from streamssl.engine.batch import Batch, merge
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.engine.step import step
from streamssl.engine.view import ALONE
from streamssl.transport.base import Record

NOW = 1_800_000_000_000


def settings(**sections):
    return EngineSettings.of(Config(**sections))


class World:
    """Builds records, steps the engine, collects what it emits."""

    def __init__(self, directory, **sections):
        self.settings = settings(**sections)
        self.state = EngineState(self.settings, directory)
        self.offsets = {}
        self.emitted = []
        self.time = NOW
        self.horizon = 0
        self.view = ALONE

    def record(self, topic, value, key=None, headers=(), timestamp=None):
        offset = self.offsets.get(topic, 0)
        self.offsets[topic] = offset + 1
        self.time += 1
        body = value if isinstance(value, bytes | None) else orjson.dumps(value)
        key = key.encode() if isinstance(key, str) else key
        return Record(topic, 0, offset, timestamp or self.time, key, body, headers)

    def event(self, event_id, features, **more):
        return self.record("events", {"id": event_id, "features": features, **more}, key=event_id)

    def label(self, event_id, label, **more):
        return self.record("labels", {"event_id": event_id, "label": label, **more}, key=event_id)

    def step(self, *records):
        """Process records as one batch; return what it emitted."""
        outcome = step(self.state, Batch(merge(records), NOW + 10**9, self.horizon, self.view))
        self.emitted += outcome.messages
        return outcome.messages

    def settle(self, *records):
        """Process records, then what comes back on `examples`; return all that was emitted."""
        emitted = list(self.step(*records))
        back = [
            self.record("examples", message.value, message.key, message.headers)
            for message in emitted
            if message.topic == "examples"
        ]
        if back:
            emitted += self.step(*back)
        return emitted

    def of(self, topic, messages=None):
        """Return the parsed values of what went to a topic."""
        chosen = self.emitted if messages is None else messages
        return [m.value and orjson.loads(m.value) for m in chosen if m.topic == topic]

    def labels(self, case):
        return self.state.counts["labels", case]
