"""How long events wait when partitions move from one worker to another.

    python -m tests.benchmarks rebalance
    STREAMSSL_TEST_KAFKA=host:9092 python -m tests.benchmarks rebalance

Two workers on a real broker under 200 events a second in four partitions. Something happens to the workers; printed
is the longest time that an event of the next half minute waited for its committed prediction (the record timestamps
of both), and for how many events it was more than a second. With the configuration's defaults: a session of 10 s.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamssl.config import Config, load_config
from streamssl.runtime.topics import topic_specs
from streamssl.transport import connect
from streamssl.transport.base import Message, Transport
from tests.benchmarks.bench_service import events
from tests.chaos.rooms import kafka_sections
from tests.integration.service import Service, until
from tests.kafka_server import running_broker

RATE = 200
PARTITIONS = 4
WATCHED = 30.0
DEFAULTS = {"session_timeout_ms": 10_000, "transaction_timeout_ms": 15_000}


class Stream(threading.Thread):
    """Events at a steady rate."""

    def __init__(self, transport: Transport, topic: str) -> None:
        super().__init__(daemon=True)
        self.producer, self.topic, self.over = transport.producer(), topic, threading.Event()
        self.n = 0

    def run(self) -> None:
        values = events(1_000)
        begun = time.monotonic()
        while not self.over.wait(0.02):
            due = int(RATE * (time.monotonic() - begun))
            for n in range(self.n, due):
                self.producer.send(Message(self.topic, f"r{n}".encode(), values[n % 1_000]))
            self.n = due
            self.producer.flush()
        self.producer.close()


def produced_at(transport: Transport, topic: str) -> dict[bytes, int]:
    """Return when the record of each key was produced, ms."""
    with transport.reader([topic]) as reader:
        found: dict[bytes, int] = {}
        while not reader.at_end():
            found |= {record.key or b"": record.timestamp for record in reader.poll(5_000, 0.2)}
    return found


def waits(transport: Transport, config: Config, since: float) -> list[float]:
    """Return the seconds that each event waited which was produced since a moment (s)."""
    asked = produced_at(transport, config.topics.events[0])
    said = produced_at(transport, config.topics.predictions)
    return [(said[key] - at) / 1_000 for key, at in asked.items() if at >= 1_000 * since]


def measure(
    name: str,
    happens: Callable[[list[Service]], Any],
    transport: Transport,
    config: Config,
    services: list[Service],
) -> None:
    """Let something happen and print what became of the events."""
    until(lambda: all(service.is_ready() for service in services), 60, "both ready")
    time.sleep(5)
    since = time.time()
    happens(services)
    time.sleep(max(0.0, since + WATCHED - time.time()))
    until(
        lambda: len(produced_at(transport, config.topics.predictions)) >= 0.99 * stream_size(transport, config),
        60,
        "predictions",
    )
    time.sleep(2)
    found = waits(transport, config, since)
    late = sum(wait > 1 for wait in found)
    print(
        f"{name:45} longest {max(found):5.1f} s; {late:5,} of {len(found):,} events waited more than a second",
        flush=True,
    )


def stream_size(transport: Transport, config: Config) -> int:
    """Return how many events there are."""
    return sum(end for _, end in transport.offsets(config.topics.events[0]).values())


def stopped_and_started(services: list[Service]) -> None:
    services[1].stop()
    services[1].start()


def killed_and_started(services: list[Service]) -> None:
    services[1].kill()
    services[1].start()


def killed(services: list[Service]) -> None:
    services[1].kill()
    time.sleep(WATCHED - 8)
    services[1].start()


def dismissed(services: list[Service]) -> None:
    """A planned scale-down: stopped, then taken out of the group at once."""
    services[1].stop()
    config = load_config(services[1].config, {})
    transport = connect(config)
    transport.dismiss(config.kafka.group_id, "worker-1")
    transport.close()


def added(services: list[Service]) -> None:
    services[1].start()


HAPPENINGS = {
    "a rolling restart of one worker": stopped_and_started,
    "a worker killed, started again at once": killed_and_started,
    "a worker killed, gone for 22 s": killed,
    "a planned scale-down (`workers retire`)": dismissed,
    "a worker added": added,
}


def main() -> None:
    """Let one after the other happen."""
    with tempfile.TemporaryDirectory() as name, running_broker() as bootstrap:
        directory = Path(name)
        services = []
        for number in range(2):
            home = directory / f"home-{number}"
            home.mkdir()
            sections = kafka_sections(bootstrap, directory.name, **DEFAULTS)
            state = {"directory": str(directory / "state"), "snapshot_every_seconds": 60}
            services.append(Service(home, **sections, worker={"id": f"worker-{number}"}, state=state))
        config = load_config(services[0].config, {})
        transport = connect(config)
        transport.create_topics(topic_specs(config, PARTITIONS))
        for service in services:
            service.start()
        stream = Stream(transport, config.topics.events[0])
        stream.start()
        for what, happens in HAPPENINGS.items():
            present = services[:1] if happens is added else services
            measure(what, lambda _, do=happens: do(services), transport, config, present)
        stream.over.set()
        stream.join()
        for service in services:
            service.stop()
        transport.close()


if __name__ == "__main__":
    main()
