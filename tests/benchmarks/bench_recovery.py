"""What a snapshot costs, and how long a worker that was killed at full rate takes to be ready again.

    python -m tests.benchmarks recovery
    STREAMSSL_TEST_KAFKA=host:9092 python -m tests.benchmarks recovery

The real service on a real broker works off a backlog of events of 8 numbers, 1% of them labelled.

- Pause and size of a snapshot: the service's own metric, and the bytes of the newest one.
- Throughput with a snapshot every 5 seconds beside none at all, alternating; every 60 seconds costs a twelfth.
- Killed when the newest snapshot is 60 seconds old, at full rate all the while: seconds from the start of the
  process until it is ready, beside a start with nothing to replay.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from streamssl.config import load_config
from streamssl.runtime.topics import topic_specs
from streamssl.transport import connect
from tests.benchmarks.bench_service import fill
from tests.chaos.rooms import kafka_sections
from tests.integration.service import Service, until
from tests.kafka_server import running_broker

NEVER = 1e6
EVENTS = 300_000
MINUTE = 60


class Room:
    """A service with topics of its own, filled with a backlog."""

    def __init__(self, bootstrap: str, directory: Path, name: str, events: int, snapshot_every: float) -> None:
        self.directory = directory / name
        self.directory.mkdir()
        self.service = Service(
            self.directory,
            **kafka_sections(bootstrap, f"{directory.name}-{name}"),
            state={"directory": str(self.directory / "state"), "snapshot_every_seconds": snapshot_every},
        )
        config = load_config(self.service.config, {})
        transport = connect(config)
        transport.create_topics(topic_specs(config))
        fill(transport, config, events)
        transport.close()

    def predicted(self) -> float:
        """Return how many events this process has predicted."""
        return self.service.metric("streamssl_prediction_latency_seconds_count")

    def rate(self, events: int) -> float:
        """Return the events a second from the first prediction to the last but some."""
        until(lambda: self.predicted() > 0, 60, "the first prediction")
        begun, first = time.perf_counter(), self.predicted()
        until(lambda: self.predicted() >= 0.95 * events, 600, "the backlog's end")
        return (self.predicted() - first) / (time.perf_counter() - begun)


def throughput(bootstrap: str, directory: Path) -> None:
    """Print what snapshots cost."""
    for attempt in range(2):
        rates = {}
        for name, every in (("none", NEVER), ("every 5 s", 5.0)):
            room = Room(bootstrap, directory, f"{name.replace(' ', '-')}-{attempt}", EVENTS, every)
            with room.service as service:
                rates[name] = room.rate(EVENTS)
                pauses = service.metric("streamssl_snapshot_duration_seconds_sum")
                count = service.metric("streamssl_snapshot_duration_seconds_count")
                service.stop()
        newest = max((room.directory / "state").glob("*/snapshots/*"))
        size = sum(path.stat().st_size for path in newest.iterdir()) / 1e6
        print(
            f"without snapshots {rates['none']:,.0f}/s, every 5 s {rates['every 5 s']:,.0f}/s = "
            f"{rates['every 5 s'] / rates['none']:.1%}; pause {1e3 * pauses / count:.0f} ms, {size:.1f} MB",
            flush=True,
        )


def recovery(bootstrap: str, directory: Path) -> None:
    """Print how long a worker takes that was killed a minute after its snapshot."""
    room = Room(bootstrap, directory, "recovery", 1_500_000, NEVER)
    service = room.service
    begun = time.perf_counter()
    service.start()
    empty = time.perf_counter() - begun
    assert service.stop() == 0  # leaves a snapshot
    service.start()
    written, before = time.perf_counter(), room.predicted()
    until(lambda: time.perf_counter() - written > MINUTE, 2 * MINUTE, "a minute")
    rate = (room.predicted() - before) / MINUTE
    service.kill()
    begun = time.perf_counter()
    service.start()
    seconds = time.perf_counter() - begun
    replayed = service.metric("streamssl_recovery_replayed_records")
    assert service.metric("streamssl_recovery_digest_mismatches") == 0
    service.kill()
    print(
        f"killed after a minute at {rate:,.0f} events/s: {replayed:,.0f} records replayed, ready after "
        f"{seconds:.1f} s (with nothing to replay {empty:.1f} s): {replayed / (seconds - empty):,.0f}/s",
        flush=True,
    )


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as name, running_broker() as bootstrap:
        throughput(bootstrap, Path(name))
        recovery(bootstrap, Path(name))


if __name__ == "__main__":
    main()
