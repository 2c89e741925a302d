"""Load and soak: the real service under a steady stream, a backlog, a burst of labels; what it takes all the while.

    python -m tests.chaos.endurance soak --minutes 60 --rate 5000 --picture docs/soak.png
    python -m tests.chaos.endurance backlog --events 2000000
    python -m tests.chaos.endurance burst --labels 50000 --rate 1000

A broker is started unless ``--bootstrap`` names one. Readings (memory, threads, descriptors, bytes on disk, lag,
latency since the reading before) are printed every ten seconds and summed up at the end.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tests.chaos.rooms import kafka_sections
from tests.integration.outside import Outside
from tests.integration.service import Service, until
from tests.kafka_server import running_broker

READ_EVERY = 10.0
QUANTILES = (0.5, 0.99)
LABELLED = 0.01


class Reading(NamedTuple):
    """What the service takes at one moment."""

    seconds: float
    megabytes: float
    threads: int
    descriptors: int
    disk_megabytes: float
    lag: float
    predicted: float
    p50: float
    p99: float
    is_live: bool

    def line(self) -> str:
        """Return the reading as text."""
        return (
            f"{self.seconds:5.0f} s  {self.megabytes:5.0f} MB  {self.threads} threads  {self.descriptors} files  "
            f"{self.disk_megabytes:6.1f} MB on disk  lag {self.lag:9,.0f}  {self.predicted:11,.0f} predicted  "
            f"p50 {1e3 * self.p50:6.0f} ms  p99 {1e3 * self.p99:6.0f} ms  {'live' if self.is_live else 'NOT LIVE'}"
        )


class Meter:
    """Takes readings of a service."""

    def __init__(self, service: Service, directory: Path) -> None:
        self.service, self.directory = service, directory
        self.begun = time.monotonic()
        self._buckets: dict[float, float] = {}

    def read(self) -> Reading:
        """Take one."""
        process = Path(f"/proc/{self.service.process.pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
        now = self._latency_buckets()
        p50, p99 = (self._quantile(now, q) for q in QUANTILES)
        self._buckets = now
        return Reading(
            seconds=time.monotonic() - self.begun,
            megabytes=int(status["VmRSS"].split()[0]) / 1024,
            threads=int(status["Threads"]),
            descriptors=len(list((process / "fd").iterdir())),
            disk_megabytes=sum(p.stat().st_size for p in self.directory.rglob("*") if p.is_file()) / 1e6,
            lag=self.service.metric("streamssl_consumer_lag_records"),
            predicted=self.service.metric("streamssl_events_total"),
            p50=p50,
            p99=p99,
            is_live=self.service.get("/health/live")[0] == 200,
        )

    def _latency_buckets(self) -> dict[float, float]:
        lines = self.service.get("/metrics")[1].splitlines()
        name = 'streamssl_prediction_latency_seconds_bucket{le="'
        return {
            float(line.removeprefix(name).partition('"')[0]): float(line.split()[-1])
            for line in lines
            if line.startswith(name)
        }

    def _quantile(self, now: dict[float, float], q: float) -> float:
        """Return the upper edge of the bucket in which the quantile of the time since the last reading lies."""
        since = {edge: count - self._buckets.get(edge, 0) for edge, count in now.items()}
        total = since.get(float("inf"), 0)
        return next((edge for edge in sorted(since) if total and since[edge] >= q * total), 0.0)


class Stream(threading.Thread):
    """Events of eight numbers at a steady rate, 1% of them labelled soon after."""

    def __init__(self, outside: Outside, rate: int, limit: int | None = None) -> None:
        super().__init__(daemon=True)
        self.outside, self.rate, self.limit = outside, rate, limit
        self.n = 0
        self.over = threading.Event()

    def run(self) -> None:
        rng = random.Random(0)
        values = [orjson.dumps({"features": [round(rng.gauss(0, 1), 4) for _ in range(8)]}) for _ in range(1_000)]
        begun = time.monotonic()
        while not self.over.is_set() and (self.limit is None or self.n < self.limit):
            due = min(int(self.rate * (time.monotonic() - begun)) + 1, self.n + 5_000)
            for n in range(self.n, due):
                self.outside.send(self.outside.topics.events[0], f"e{n}", values[n % 1_000])
                if rng.random() < LABELLED:
                    self.outside.label(f"e{n}", rng.choice(["good", "bad"]))
            self.n = due
            self.outside.producer.flush()
            time.sleep(0.02)


def soak(service: Service, outside: Outside, meter: Meter, options: argparse.Namespace) -> list[Reading]:
    """Keep a steady rate for so many minutes."""
    stream = Stream(outside, options.rate)
    stream.start()
    readings = list(_readings(meter, 60 * options.minutes))
    stream.over.set()
    stream.join()
    return readings


def backlog(service: Service, outside: Outside, meter: Meter, options: argparse.Namespace) -> list[Reading]:
    """Stop the service, let events pile up, and see it work them off."""
    assert service.stop() == 0
    stream = Stream(outside, 10**9, options.events)
    stream.start()
    stream.join()
    print(f"{stream.n:,} events wait")
    service.start()
    meter.begun = time.monotonic()
    readings = []
    for reading in _readings(meter, 3_600):
        readings.append(reading)
        if reading.lag == 0 and reading.predicted >= stream.n:
            break
    print(f"{stream.n / readings[-1].seconds:,.0f} events/s, the last reading's ten seconds included")
    return readings


def burst(service: Service, outside: Outside, meter: Meter, options: argparse.Namespace) -> list[Reading]:
    """Label so many waiting events at once, in the midst of a steady stream."""
    stream = Stream(outside, options.rate)
    stream.start()
    until(lambda: stream.n > 1.2 * options.labels, 3_600, "enough events")
    readings = list(_readings(meter, 30))
    print(f"now {options.labels:,} labels")
    rng = random.Random(1)
    for n in range(options.labels):
        outside.label(f"e{n}", rng.choice(["good", "bad"]))
    outside.producer.flush()
    readings += _readings(meter, 120)
    stream.over.set()
    stream.join()
    return readings


def _readings(meter: Meter, seconds: float) -> Iterator[Reading]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(READ_EVERY)
        reading = meter.read()
        print(reading.line(), flush=True)
        yield reading


def draw(readings: list[Reading], path: Path) -> None:
    """Draw memory, threads and files, disk, and latency over time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    minutes = [each.seconds / 60 for each in readings]
    figure, axes = pyplot.subplots(4, 1, figsize=(8, 9), sharex=True, layout="constrained")
    for axis, names, title in zip(
        axes,
        [("megabytes",), ("threads", "descriptors"), ("disk_megabytes",), ("p50", "p99")],
        ["resident memory, MB", "threads, open files", "state on disk, MB", "latency, seconds"],
        strict=True,
    ):
        for name in names:
            axis.plot(minutes, [getattr(each, name) for each in readings], label=name)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
        if len(names) > 1:
            axis.legend(frameon=False)
    axes[-1].set_xlabel("minutes")
    figure.savefig(path, dpi=110)


@contextmanager
def _service(bootstrap: str, directory: Path) -> Iterator[tuple[Service, Outside]]:
    sections: dict[str, Any] = kafka_sections(bootstrap, directory.name) | {
        "state": {"directory": str(directory / "state"), "snapshot_every_seconds": 60},
        "pending": {"capacity": 100_000},
    }
    service = Service(directory, **sections)
    outside = Outside(service)
    service.start()
    try:
        yield service, outside
    finally:
        service.kill()
        outside.close()


def main() -> None:
    """Run one of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.endurance", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["soak", "backlog", "burst"])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=5_000, help="events a second")
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--labels", type=int, default=50_000)
    parser.add_argument("--bootstrap")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    if options.bootstrap:
        os.environ["STREAMSSL_TEST_KAFKA"] = options.bootstrap
    with running_broker() as address, tempfile.TemporaryDirectory(prefix="endurance-") as name:
        directory = Path(name)
        with _service(address, directory) as (service, outside):
            work = {"soak": soak, "backlog": backlog, "burst": burst}[options.what]
            readings = work(service, outside, Meter(service, directory / "state"), options)
    for name in ("megabytes", "threads", "descriptors", "disk_megabytes", "p99"):
        values = [getattr(each, name) for each in readings]
        third = max(1, len(values) // 3)
        first, last = (sum(part) / len(part) for part in (values[:third], values[-third:]))
        print(f"{name:15} first third {first:9.3f}  last third {last:9.3f}  greatest {max(values):9.3f}")
    print("live all the time" if all(each.is_live for each in readings) else "NOT live all the time")
    if options.picture:
        draw(readings, options.picture)


if __name__ == "__main__":
    main()
