"""From an answer to the model's having learnt it, with learner and review service as processes of their own.

    python -m tests.benchmarks answers                 # both transports; Kafka from Java's jars if it is there
    python -m tests.benchmarks answers --answers 500

Events flow at a rate, a tenth of them is asked about. A script takes one question after the other from the API and
answers it, some a second. The time begins when the answer is sent and ends when the journal names the example that
followed from it: then it has been consumed, and the commit that says so can be read.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import orjson

from streamssl.messages import answered
from streamssl.messages.records import JournalRecord
from streamssl.transport import connect
from streamssl.transport.base import Message
from tests.integration.service import Service, until
from tests.kafka_server import running_broker
from tests.review.page import Page

RATE = 200
"""Events a second."""
PAUSE = 0.25
"""Seconds between two answers: faster than three people with one key each."""


class Watch(threading.Thread):
    """Notes when the example of each event has been consumed."""

    def __init__(self, config) -> None:
        super().__init__(daemon=True)
        self.consumed: dict[str, float] = {}
        self.stop = threading.Event()
        self._config = config

    def run(self) -> None:
        """Read examples and journal until told to stop."""
        topics = self._config.topics
        places: dict[tuple[int, int], str] = {}
        with (
            closing(connect(self._config)) as transport,
            transport.reader([topics.examples, topics.journal]) as reader,
        ):
            while not self.stop.is_set():
                for record in reader.poll(timeout=0.02):
                    if record.topic == topics.examples:
                        if record.value is not None and answered(record):
                            places[record.partition, record.offset] = orjson.loads(record.value)["event_id"]
                        continue
                    for topic, partition, first, end, _ in _ranges(record.value):
                        if topic == topics.examples:
                            for offset in range(first, end):
                                event_id = places.get((partition, offset))
                                if event_id is not None:
                                    self.consumed.setdefault(event_id, time.perf_counter())


def _ranges(value: bytes | None):
    try:
        return JournalRecord.model_validate_json(value or b"").ranges
    except ValueError:
        return []  # of the review service's own journal


class Feed(threading.Thread):
    """Events, at a rate."""

    def __init__(self, config) -> None:
        super().__init__(daemon=True)
        self.stop = threading.Event()
        self._config = config

    def run(self) -> None:
        """Send until told to stop."""
        rng = np.random.default_rng(0)
        with closing(connect(self._config)) as transport, transport.producer() as producer:
            number, begun = 0, time.monotonic()
            while not self.stop.wait(0.02):
                while number < RATE * (time.monotonic() - begun):
                    row = dict(zip("abcdefgh", rng.normal(size=8).round(4).tolist(), strict=True))
                    value = orjson.dumps({"id": f"e{number}", "features": row})
                    producer.send(Message(self._config.topics.events[0], f"e{number}".encode(), value))
                    number += 1
                producer.flush()


def measure(folder: Path, transport: dict, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the seconds to the page's own answer, and to the example consumed, of each answer."""
    with ExitStack() as stack:
        page = stack.enter_context(Page(folder, **transport))
        page.create_topics()
        stack.enter_context(Service(folder, **transport, review={"share": 0.1}))
        page.start()
        feed, watch = Feed(page.config), Watch(page.config)
        feed.start()
        watch.start()
        begun, answered_in = {}, {}
        client = stack.enter_context(page.client("ann"))
        for number in range(n):

            def question():
                got = client.get("/api/questions/next")
                return got.json() if got.status_code == 200 else None

            asked = until(question, 60, "a question")
            at = time.perf_counter()
            body = {"label": "spam" if number % 3 else "ham"}
            client.post(f"/api/questions/{asked['request_id']}/answer", json=body).raise_for_status()
            begun[asked["event_id"]], answered_in[asked["event_id"]] = at, time.perf_counter() - at
            time.sleep(PAUSE)
        until(lambda: begun.keys() <= watch.consumed.keys(), 60, "all consumed")
        for thread in (feed, watch):
            thread.stop.set()
            thread.join()
        learnt = np.array([watch.consumed[event_id] - at for event_id, at in begun.items()])
        return np.array(list(answered_in.values())), learnt


def main() -> None:
    """Print a line a transport."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=300)
    n = parser.parse_args().answers
    with tempfile.TemporaryDirectory() as folder:
        name = Path(folder) / "topics.db"
        show("embedded", *measure(Path(folder), {"sqlite": {"path": str(name)}}, n))
    with tempfile.TemporaryDirectory() as folder, running_broker() as broker:
        kafka = {"bootstrap_servers": broker, "group_id": "answers"}
        show("kafka", *measure(Path(folder), {"transport": "kafka", "kafka": kafka}, n))


def show(name: str, page: np.ndarray, learnt: np.ndarray) -> None:
    """Print medians and tails."""
    for what, seconds in (("answered by the page", page), ("learnt by the model", learnt)):
        p50, p95, p99 = np.quantile(1_000 * seconds, [0.5, 0.95, 0.99])
        print(
            f"{name:<10}{what:<24}p50 {p50:6.0f} ms  p95 {p95:6.0f} ms  p99 {p99:6.0f} ms  ({len(seconds)} answers)"
        )


if __name__ == "__main__":
    main()
