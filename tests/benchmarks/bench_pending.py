"""The pending store as it fills up: what appending and finding cost, and what an event takes.

    python -m tests.benchmarks pending
    python tests/benchmarks/bench_pending.py --events 10_000_000 --plot pending.png

Events have 20 features, 2 classes and 12 experts; they come in blocks of 1,000. After every 60 blocks (a
minute's worth at 1,000 events/s) the store is flushed as for a snapshot, which is not counted: the disk, not the
store, would be measured otherwise. `find` looks for 2,000 events at random among all that wait. The last lines
measure a restart and a day at 1,000 events/s.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from streamssl.engine.pending.store import Extras, PendingStore
from streamssl.learners.mixture import Memory

FEATURES, CLASSES, EXPERTS = 20, 2, 12
BLOCK = 1_000
DAY = 86_400_000


class Line(NamedTuple):
    """What was measured while the store grew to ``waiting`` events."""

    waiting: int
    insert_us: float
    slowest_block_ms: float
    find_us: float
    find_p99_us: float
    disk_bytes: float
    memory_bytes: float


def made_up() -> tuple[np.ndarray, Memory, Extras]:
    """Return a block of rows with what goes with them; its values do not matter."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(BLOCK, FEATURES)).astype(np.float32)
    memory = Memory(
        probabilities=random.random((BLOCK, CLASSES), dtype=np.float32),
        decisions=random.integers(0, CLASSES, BLOCK),
        experts=random.integers(0, 256, (BLOCK, EXPERTS, CLASSES), dtype=np.uint8),
        context=np.zeros((BLOCK, 2, FEATURES), dtype=np.float32),
        positions=np.arange(BLOCK),
    )
    nothing = Extras(np.zeros(BLOCK, dtype=np.float32), np.full(BLOCK, -1), np.full(BLOCK, -1))
    return rows, memory, nothing


def event_ids(numbers: np.ndarray) -> list[str]:
    """Return ids of 18 characters."""
    return [f"event-{number:012d}" for number in numbers.tolist()]


def fill(store: PendingStore, n: int) -> list[float]:
    """Append n events; return the seconds of each block."""
    rows, memory, nothing = made_up()
    seconds = []
    for number in range(n // BLOCK):
        numbers = np.arange(store.next_sequence, store.next_sequence + BLOCK)
        ids = event_ids(numbers)
        begun = time.perf_counter()
        store.append(ids, numbers, numbers, rows, memory, nothing)
        seconds.append(time.perf_counter() - begun)
        if number % 60 == 59:
            store.flush()
    return seconds


def look_up(store: PendingStore, n: int = 2_000) -> np.ndarray:
    """Find n events at random; return the seconds of each."""
    random = np.random.default_rng(len(store))
    seconds = []
    for event_id in event_ids(random.integers(store.first, store.next_sequence, n)):
        begun = time.perf_counter()
        found = store.find(event_id)
        seconds.append(time.perf_counter() - begun)
        assert found is not None
    return np.array(seconds)


def measure(store: PendingStore, most: int) -> list[Line]:
    """Fill the store up to ``most`` events, measuring at 10 k, 30 k, 100 k, ..."""
    lines = []
    sizes = [n for power in range(4, 10) for n in (10**power, 3 * 10**power)]
    for size in [n for n in sizes if n < most] + [most]:
        inserts = fill(store, size - len(store))
        finds = look_up(store)
        lines.append(
            Line(
                waiting=size,
                insert_us=1e6 * float(np.mean(inserts)) / BLOCK,
                slowest_block_ms=1e3 * max(inserts),
                find_us=1e6 * float(np.median(finds)),
                find_p99_us=1e6 * float(np.percentile(finds, 99)),
                disk_bytes=store.bytes_on_disk / size,
                memory_bytes=store.bytes_in_memory / size,
            )
        )
    return lines


def show(lines: list[Line]) -> None:
    """Print the table."""
    table = Table()
    for heading in (
        "events waiting",
        "insert, us",
        "slowest 1,000, ms",
        "find, us",
        "find p99, us",
        "disk, B",
        "memory, B",
    ):
        table.add_column(heading, justify="right")
    for line in lines:
        table.add_row(
            f"{line.waiting:,}", *(f"{value:.2f}" for value in line[1:5]), *(f"{v:.0f}" for v in line[5:])
        )
    Console(width=120).print(table)


def plot(lines: list[Line], path: Path) -> None:
    """Draw cost per event against the number of events that wait."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    waiting = [line.waiting for line in lines]
    axes.plot(waiting, [line.find_us for line in lines], "o-", label="find, median")
    axes.plot(waiting, [line.insert_us for line in lines], "s-", label="insert, in blocks of 1,000")
    axes.set(xscale="log", yscale="log", xlabel="events waiting", ylabel="microseconds an event")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)


def restart(store: PendingStore) -> None:
    """Print what a snapshot and a restart cost."""
    store.flush()
    begun = time.perf_counter()
    state = store.to_state()
    written = time.perf_counter()
    again = PendingStore.from_state(store.directory, *state)
    ended = time.perf_counter()
    nbytes = sum(array.nbytes for array in state[1].values())
    print(
        f"snapshot: {nbytes:,} bytes, {written - begun:.2f} s for all checksums; "
        f"restart with {len(again):,} waiting: {ended - written:.2f} s"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000, help="how many wait at the end")
    parser.add_argument("--plot", type=Path, help="write a picture to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        store = PendingStore(Path(directory), capacity=10**9, max_age_ms=DAY)
        fill(store, BLOCK)
        look_up(store)  # compiled from here on
        lines = measure(store, arguments.events)
        show(lines)
        restart(store)
        print(f"a day at 1,000 events/s: {86.4 * lines[-1].disk_bytes / 1e3:.1f} GB on disk")
    if arguments.plot:
        plot(lines, arguments.plot)


if __name__ == "__main__":
    main()
