"""The service through its transport: throughput beside the bare loop, latency, where the time goes.

    python -m tests.benchmarks service                 # both transports; Kafka from Java's jars if it is there
    STREAMSSL_TEST_KAFKA=host:9092 python -m tests.benchmarks service

Throughput: 100,000 events of 8 numbers, 2 classes, 1% labelled, are in the topic before the worker starts. The
bare loop polls, produces one record each, journals, and commits the offsets, and does nothing else; the ratio is
of the two in one run, alternating. Latency: 1,000 events/s for some seconds, from the record's timestamp to the
committed prediction being read.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import orjson

from streamssl.config import Config
from streamssl.engine.batch import Batch, merge, ranges
from streamssl.engine.journal import JournalEntry
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.engine.step import step
from streamssl.engine.warm_up import warm_up
from streamssl.runtime.topics import topic_specs
from streamssl.transport import connect
from streamssl.transport.base import Message, Subscription

EVENTS = 100_000
BATCH = 5_000


def events(n: int) -> list[bytes]:
    """Return n events of 8 numbers as JSON."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n, 8)).astype(np.float32).round(4).tolist()
    return [
        orjson.dumps({"id": f"e{i}", "features": dict(zip("abcdefgh", row, strict=True))})
        for i, row in enumerate(rows)
    ]


def fill(transport, config: Config, n: int) -> None:
    """Put n events and labels for 1% of them into the topics."""
    values = events(n)
    rng = np.random.default_rng(1)
    with transport.producer() as producer:
        for i, value in enumerate(values):
            producer.send(Message(config.topics.events[0], f"e{i}".encode(), value))
            if rng.random() < 0.01:
                label = orjson.dumps({"event_id": f"e{i}", "label": str(rng.choice(["good", "bad"]))})
                producer.send(Message(config.topics.labels[0], f"e{i}".encode(), label))


def worker_of(transport, config: Config, name: str):
    """Return a worker that has joined under a group of its own."""
    topics = config.topics
    worker = transport.worker(
        Subscription(
            worker_id=f"{name}-0",
            group_id=name,
            events=topics.events,
            broadcast=(*topics.labels, topics.examples),
            journal=topics.journal,
        )
    )
    worker.fence()
    assert list(worker.read_journal()) == []
    worker.join({})
    return worker


def drain(worker, process) -> tuple[float, int]:
    """Poll and process until the topics are empty; return seconds and events, from the first record on."""
    begun, n, idle = None, 0, 0
    while idle < 20:
        records = worker.poll(BATCH, 0.1)
        if not records:
            idle += n > 0
            continue
        begun = begun or time.perf_counter()
        idle = 0
        n += process(records)
        ended = time.perf_counter()
    return ended - begun, n


def bare(worker, config: Config):
    """Return a processor that does what the transport needs and nothing else."""

    def process(records):
        batch = merge(records)
        inputs = [r for r in batch if r.topic in config.topics.events]
        outputs = [Message(config.topics.predictions, r.key, r.value) for r in inputs]
        worker.commit(outputs, b"{}", ranges(batch))
        return len(inputs)

    return process


def full(worker, config: Config, state: EngineState):
    """Return the service's own round: step and commit."""

    def process(records):
        batch = Batch(merge(records), int(time.time() * 1_000), 0)
        sequence = state.sequence
        outcome = step(state, batch)
        consumed = ranges(batch.records)
        entry = JournalEntry(sequence, batch.time, batch.horizon, consumed, state.digest.hex())
        worker.commit(outcome.messages, entry.encode(), consumed)
        return len(outcome.arrivals)

    return process


def throughput(config: Config, directory: Path) -> None:
    """Print events/s of the bare loop and of the service, and their ratio."""
    transport = connect(config)
    transport.create_topics(topic_specs(config))
    fill(transport, config, EVENTS)
    state = EngineState(EngineSettings.of(config), directory / "pending")
    warm_up()
    ratios = []
    for attempt in range(2):
        seconds, n = drain(*pair(transport, config, f"bare{attempt}", bare))
        bare_rate = n / seconds
        fresh = EngineState(EngineSettings.of(config), directory / f"pending{attempt}")
        seconds, n = drain(*pair(transport, config, f"full{attempt}", full, fresh))
        ratios.append(n / seconds / bare_rate)
        print(f"{config.transport:7} bare {bare_rate:8,.0f}/s  service {n / seconds:8,.0f}/s  {ratios[-1]:.0%}")
    profiler = cProfile.Profile()
    worker, process = pair(transport, config, "profiled", full, state)
    profiler.enable()
    drain(worker, process)
    profiler.disable()
    print("\nwhere the time goes (under the profiler, which slows small functions most):")
    pstats.Stats(profiler, stream=sys.stdout).sort_stats("cumulative").print_stats(r"streamssl|kafka/(producer|consumer)/", 30)
    transport.close()


def pair(transport, config: Config, name: str, make, *more):
    """Return a worker and its processor."""
    worker = worker_of(transport, config, name)
    return worker, make(worker, config, *more)


def main() -> None:
    """Measure both transports."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        throughput(Config(transport="sqlite", sqlite={"path": str(path / "topics.db")}), path / "sqlite")
        from tests.kafka_server import running_broker

        with running_broker() as bootstrap:
            throughput(Config(transport="kafka", kafka={"bootstrap_servers": bootstrap}), path / "kafka")


if __name__ == "__main__":
    main()
