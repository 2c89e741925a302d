"""Two workers beside one: processor seconds an event, on the same backlog.

    python -m tests.benchmarks scale_out
    STREAMSSL_TEST_KAFKA=host:9092 python -m tests.benchmarks scale_out

The real service as processes on a real broker. Processor time is the kernel's count of each process (user and
system), from when all are ready until the backlog is worked off, divided by all events that were predicted: what a
second worker costs beside what it brings is the labels, which each of them learns.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from streamssl.config import Config, load_config
from streamssl.runtime.topics import topic_specs
from streamssl.transport import connect
from streamssl.transport.base import Transport
from tests.benchmarks.bench_service import fill
from tests.chaos.rooms import kafka_sections
from tests.integration.service import Service, until
from tests.kafka_server import running_broker

EVENTS = 200_000
PARTITIONS = 8


def processor_seconds(service: Service) -> float:
    """Return what a process has used, user and system."""
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def predicted(service: Service) -> float:
    """Return how many events a process has predicted."""
    return service.metric("streamssl_prediction_latency_seconds_count")


def is_shared_out(transport: Transport, config: Config, n_workers: int) -> bool:
    """Tell whether so many workers own all partitions."""
    owned = [
        member.owned or () for member in transport.workers(config.kafka.group_id, config.topics.events).values()
    ]
    return len(owned) == n_workers and sum(map(len, owned)) == PARTITIONS


def measure(bootstrap: str, directory: Path, name: str, n_workers: int) -> tuple[float, float]:
    """Return processor microseconds an event, and events a second, of so many workers."""
    services = []
    for number in range(n_workers):
        folder = directory / f"{name}-{number}"
        folder.mkdir()
        sections = kafka_sections(bootstrap, f"{directory.name}-{name}")
        services.append(
            Service(
                folder,
                **sections,
                worker={"id": f"worker-{number}"},
                state={"directory": str(folder / "state"), "snapshot_every_seconds": 60},
            )
        )
    config = load_config(services[0].config, {})
    transport = connect(config)
    transport.create_topics(topic_specs(config, PARTITIONS))
    for service in services:
        service.start()
    until(lambda: is_shared_out(transport, config, n_workers), 60, "all partitions taken")
    time.sleep(5)
    before = [processor_seconds(service) for service in services]
    begun = time.perf_counter()
    fill(transport, config, EVENTS)
    until(lambda: sum(predicted(service) for service in services) >= EVENTS, 600, "the end of the backlog")
    seconds = time.perf_counter() - begun
    used = [processor_seconds(service) - each for service, each in zip(services, before, strict=True)]
    for service in services:
        service.stop()
    transport.close()
    return 1e6 * sum(used) / EVENTS, EVENTS / seconds


def main() -> None:
    """Measure one and two workers, alternating."""
    with tempfile.TemporaryDirectory() as name, running_broker() as bootstrap:
        for attempt in range(2):
            one, one_rate = measure(bootstrap, Path(name), f"one{attempt}", 1)
            two, two_rate = measure(bootstrap, Path(name), f"two{attempt}", 2)
            print(
                f"one worker {one:.0f} us of processor an event ({one_rate:,.0f}/s beside the producer), two "
                f"{two:.0f} us ({two_rate:,.0f}/s): ratio {two / one:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
