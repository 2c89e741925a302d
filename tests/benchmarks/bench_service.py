"""The service through its transport: throughput beside the bare loop, latency, where the time goes.

    python -m tests.benchmarks service                 # both transports; Kafka from Java's jars if it is there
    STREAMSSL_TEST_KAFKA=host:9092 python -m tests.benchmarks service

Throughput: 100,000 events of 8 numbers, 2 classes, 1% labelled, are in the topic before the worker starts. The
bare loop polls, produces one record each, journals, and commits the offsets, and does nothing else; the ratio is
of the two in one run, alternating. Latency: 1,000 events/s for some seconds, from handing over the event to reading
its committed prediction, with the service in a process of its own.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import orjson

from streamssl.config import Config, load_config
from streamssl.engine.batch import Batch, merge, ranges
from streamssl.engine.journal import JournalEntry
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.engine.step import step
from streamssl.engine.warm_up import warm_up
from streamssl.runtime.service import calm_garbage_collector
from streamssl.runtime.topics import topic_specs
from streamssl.transport import connect
from streamssl.transport.base import Message, Subscription
from tests.integration.service import Service
from tests.kafka_server import running_broker

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
    """Poll and process until the topics are empty; return the seconds from the first event on, and the events."""
    begun, n, idle = None, 0, 0
    while idle < 20:
        asked = time.perf_counter()
        records = worker.poll(BATCH, 0.1)
        if not records:
            idle += n > 0
            continue
        events = process(records)
        if begun is None:
            begun = time.perf_counter() if events == 0 else asked
        ended = time.perf_counter()
        idle, n = 0, n + events
    worker.close()
    return ended - begun, n


def bare(worker, config: Config, spent: Counter):
    """Return a processor that does what the transport needs and nothing else."""

    def process(records):
        batch = merge(records)
        inputs = [r for r in batch if r.topic in config.topics.events]
        outputs = [Message(config.topics.predictions, r.key, r.value) for r in inputs]
        worker.commit(outputs, b"{}", ranges(batch))
        return len(inputs)

    return process


def full(worker, config: Config, spent: Counter, state: EngineState):
    """Return the service's own round, which counts what its steps take."""

    def process(records):
        begun = time.perf_counter()
        batch = Batch(merge(records), int(time.time() * 1_000), 0)
        sequence = state.sequence
        outcome = step(state, batch)
        stepped = time.perf_counter()
        consumed = ranges(batch.records)
        entry = JournalEntry(sequence, batch.time, batch.horizon, consumed, state.digest.hex())
        worker.commit(outcome.messages, entry.encode(), consumed)
        spent["step"] += stepped - begun
        spent["commit"] += time.perf_counter() - stepped
        return len(outcome.arrivals)

    return process


def throughput(config: Config, directory: Path) -> None:
    """Print events/s of the bare loop and of the service, their ratio, and what the service's steps take."""
    transport = connect(config)
    transport.create_topics(topic_specs(config))
    fill(transport, config, EVENTS)
    for attempt in range(3):
        seconds, n = drain(*pair(transport, config, f"bare{attempt}", bare, Counter()))
        bare_rate = n / seconds
        fresh, spent = EngineState(EngineSettings.of(config), directory / f"pending{attempt}"), Counter()
        seconds, n = drain(*pair(transport, config, f"full{attempt}", full, spent, fresh))
        micros = {name: 1e6 * total / n for name, total in spent.items()}
        print(
            f"{config.transport:7} bare {bare_rate:7,.0f}/s  service {n / seconds:7,.0f}/s = "
            f"{n / seconds / bare_rate:.0%};  us/event: step {micros['step']:.0f}, commit {micros['commit']:.0f}, "
            f"poll {1e6 * seconds / n - micros['step'] - micros['commit']:.0f}",
            flush=True,
        )
    transport.close()


def latency(config: Config, directory: Path, rate: int = 1_000, seconds: int = 20) -> None:
    """Print how long events take to their committed prediction; the service has a process of its own."""
    directory.mkdir(parents=True)
    sections = config.model_dump(mode="json", include={"transport", "kafka", "sqlite"})
    names = {name: f"l-{name.replace('_', '-')}" for name in type(config.topics).model_fields}
    state = {"directory": str(directory / "state")}
    service = Service(directory, **sections, topics=names, state=state)
    quiet = load_config(service.config, {})
    transport = connect(quiet)
    transport.create_topics(topic_specs(quiet))
    values = events(rate * seconds)
    sent, delays = {}, []
    begun = time.perf_counter()
    with service, transport.producer() as producer, transport.reader([quiet.topics.predictions], "end") as reader:
        print(f"{config.transport:7} ready after {time.perf_counter() - begun:.1f} s;", end=" ", flush=True)
        begun, n = time.perf_counter(), 0
        while len(delays) < len(values):
            due = min(len(values), int((time.perf_counter() - begun) * rate))
            for i in range(n, due):
                key = f"e{i}".encode()
                producer.send(Message(quiet.topics.events[0], key, values[i]))
                sent[key] = time.perf_counter()
            n = max(n, due)
            producer.flush()
            now_read = reader.poll(10_000, 0.005)
            now = time.perf_counter()
            delays += [now - sent[record.key] for record in now_read]
        assert service.stop() == 0
    p50, p99 = np.percentile(delays[rate:], [50, 99])
    print(f"{rate:,} events/s: p50 {1e3 * p50:.0f} ms, p99 {1e3 * p99:.0f} ms", flush=True)
    transport.close()


def pair(transport, config: Config, name: str, make, *more):
    """Return a worker and its processor."""
    worker = worker_of(transport, config, name)
    return worker, make(worker, config, *more)


def main() -> None:
    """Measure both transports."""
    warm_up()
    calm_garbage_collector()
    with tempfile.TemporaryDirectory() as directory, running_broker() as bootstrap:
        path = Path(directory)
        embedded = Config(transport="sqlite", sqlite={"path": str(path / "topics.db")})
        kafka = Config(transport="kafka", kafka={"bootstrap_servers": bootstrap})
        for config in (embedded, kafka):
            throughput(config, path / config.transport)
            latency(config, path / f"{config.transport}-latency")


if __name__ == "__main__":
    main()
