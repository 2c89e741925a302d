"""What flows while things break: good and bad records on every input topic, and what should come of them."""

from __future__ import annotations

import random
import threading
from collections import Counter

import orjson

from tests.integration.outside import GARBAGE, Outside

EVENTS_A_SECOND = 150
EVENTS_AT_ONCE = 15


class Feeder(threading.Thread):
    """Produces until told to stop, and remembers what came of it. The same seed produces the same, in order."""

    def __init__(self, outside: Outside, seed: int, events_a_second: int = EVENTS_A_SECOND) -> None:
        super().__init__(daemon=True)
        self.outside = outside
        self.rng = random.Random(seed)
        self.n_events = self.n_labels = 0
        self.labels: dict[str, str | None] = {}
        self.bad: Counter[bytes] = Counter()
        self._pause = EVENTS_AT_ONCE / events_a_second
        self._stop_asked = threading.Event()
        self._producing = threading.Lock()
        self.may_produce = threading.Event()
        self.may_produce.set()

    def run(self) -> None:
        while not self._stop_asked.wait(self._pause):
            self.may_produce.wait()
            with self._producing:
                if not self.may_produce.is_set():
                    continue
                for _ in range(EVENTS_AT_ONCE):
                    self._event()
                self.outside.producer.flush()

    def pause(self) -> None:
        """Stop producing for a while; what was produced is durable then."""
        self.may_produce.clear()
        with self._producing:
            self.outside.producer.flush()

    def finish(self) -> None:
        """Stop producing; everything is durable then."""
        self._stop_asked.set()
        self.may_produce.set()
        self.join()

    def _event(self) -> None:
        rng, n, topics = self.rng, self.n_events, self.outside.topics
        kind = rng.random() < 0.4
        if rng.random() < 0.02:
            self._label(f"e{n}", kind)  # before its event
        features = {"x": rng.gauss(2 * kind, 1), "y": rng.random(), "colour": rng.choice("rgb")}
        self.outside.event(f"e{n}", features)
        self.n_events += 1
        if rng.random() < 0.1:
            self._label(f"e{rng.randrange(max(0, n - 500), n + 1)}", kind)
        if rng.random() < 0.02 and self.labels:
            again = rng.choice(list(self.labels))
            self._label(again, rng.random() < 0.5)  # a correction, or the same again
        if rng.random() < 0.01 and self.labels:
            self._label(rng.choice(list(self.labels)), None)  # a retraction
        if rng.random() < 0.01:
            topic = rng.choice([topics.events[0], topics.labels[0], topics.examples])
            self._bad(topic, f"g{n}", rng.choice(GARBAGE[:-1]))
        if rng.random() < 0.005:
            self._bad(topics.labels[0], f"ghost{n}", orjson.dumps({"event_id": f"ghost{n}", "label": "good"}))

    def _bad(self, topic: str, key: str, value: bytes) -> None:
        self.bad[value] += 1
        self.outside.send(topic, key, value)

    def _label(self, event_id: str, kind: bool | None) -> None:
        said = None if kind is None else "bad" if kind else "good"
        self.labels[event_id] = said
        self.n_labels += 1
        body = {"event_id": event_id, "label": said, "annotator": "ann"}
        self.outside.send(self.outside.topics.labels[0], event_id, body)
