"""Mutated records through the real engine, from the decoder to the learner, and what must be true all the while.

    python -m tests.chaos.fuzz --records 1000000 --seed 1

A stream of events, labels and examples as this project writes them; every second record of the input topics comes
with something wrong (`tests.chaos.mutations`). The examples that the engine makes come back to it, as from their
topic; now and then one comes again, mutated. After every batch

1. nothing was raised,
2. every events record gave one prediction, or one dead letter with the same bytes, or is counted as repeated,
3. every labels record was answered, or is a dead letter with the same bytes, or settled, or waits; every examples
   record was learnt from, or is a dead letter or an answer; the counters say the same,
4. what was predicted is finite and sums to 1,
5. the batch took less than some seconds;

and every so often the state is saved and what was saved is what goes on.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter, deque
from pathlib import Path
from random import Random
from typing import NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from streamssl.config import Config
from streamssl.engine.batch import Batch, merge
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.engine.step import step
from streamssl.engine.view import ALONE
from streamssl.engine.warm_up import warm_up
from streamssl.messages.answers import HEADER as ANSWERS
from streamssl.runtime.recovery import save_snapshot
from streamssl.runtime.snapshots import SnapshotStore
from streamssl.transport.base import Message, Record
from tests.chaos.ledger import Ledger
from tests.chaos.mutations import mutated

SETTINGS = EngineSettings.of(
    Config(
        features={"max_columns": 48, "max_categories": 8, "hash_buckets": 4},
        learner={"max_classes": 12},
        pending={"capacity": 20_000, "label_wait_seconds": 2, "max_waiting_labels": 1_000},
        review={"share": 0.02},
    )
)
BEGIN = 1_800_000_000_000
SLOWEST = 20.0
"""Seconds that a batch may take, on a machine that has other things to do."""
RESTART_EVERY = 100
"""Batches."""


class Report(NamedTuple):
    """What a run came to."""

    records: int
    seconds: float
    slowest: float
    """Seconds of the slowest batch."""
    outcomes: dict[str, Counter[str]]
    """Mutation -> what became of the events records that it made."""
    counts: Counter[tuple[str, ...]]
    memory: list[float]
    """MB, at every restart."""


class Source:
    """Makes events, labels and examples as users and this project write them."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.time = BEGIN
        self.n_events = 0
        self._offsets: Counter[str] = Counter()
        self._examples: deque[Message] = deque(maxlen=1_000)
        self._values: deque[bytes] = deque([b'{"id": "e"}'], maxlen=1_000)

    def record(self, topic: str, key: bytes | None, value: bytes | None, headers: tuple = ()) -> Record:
        """Return the next record of a topic."""
        self.time += 1
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        return Record(topic, 0, offset, self.time, key, value, headers)

    def back(self, messages: list[Message]) -> list[Record]:
        """Return what the engine wrote to ``examples``, as it comes back from there."""
        examples = [message for message in messages if message.topic == "examples"]
        self._examples += examples
        return [self.record("examples", m.key, m.value, m.headers) for m in examples]

    def next(self) -> tuple[str, Record]:
        """Return one record of an input topic, and how it was mutated."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.8 or not self.n_events:
            record = self._event()
        elif kind < 0.93 or not self._examples:
            record = self._label()
        else:
            again = rng.choice(self._examples)
            answered = self._offsets["labels"] + rng.randrange(-20, 20)  # or not yet
            headers = ((ANSWERS, b"labels/0/%d" % answered),) if rng.random() < 0.1 else again.headers
            record = self.record("examples", again.key, again.value, headers)
        other = rng.choice(self._values)
        if record.value:
            self._values.append(record.value)
        return mutated(rng, record, other) if rng.random() < 0.5 else ("none", record)

    def _event(self) -> Record:
        rng, n = self.rng, self.n_events
        if rng.random() < 0.02:
            n = max(0, n - rng.randrange(100))  # sent again
        else:
            self.n_events += 1
        kind = n % 3
        features = {"x": rng.gauss(kind, 1), "n": rng.randrange(9), "colour": rng.choice("rgb"), "on": kind == 1}
        features |= {"net": {"in": rng.random(), "out": None}, "vector": [rng.gauss(kind, 1) for _ in range(4)]}
        value = {
            "id": f"e{n}",
            "time": self.time,
            "features": list(features.values())[:2] if n % 50 == 0 else features,
        }
        if n % 10 == 0:
            value["label"] = f"class {kind}"
        if n % 20 == 7:
            del value["id"]
        headers = (("traceparent", b"00-%d" % n), ("ce_id", b"e%d" % n)) if n % 20 == 9 else ()
        return self.record("events", b"e%d" % n, orjson.dumps(value), headers)

    def _label(self) -> Record:
        rng = self.rng
        n = max(0, self.n_events + 50 - rng.randrange(500))  # some before their event, some for none
        value = {
            "event_id": f"e{n}",
            "label": f"class {n % 3}",
            "annotator": "ann",
            "confidence": 0.9,
            "time": self.time,
        }
        value |= rng.choice(
            (
                *(
                    {},
                    {},
                    {},
                    {},
                    {"label": None},
                    {"abstain": True, "label": None},
                    {"label": None, "not": ["class 1"]},
                ),
                *({"features": {"x": 1.0, "colour": "r"}}, {"request_id": "r", "seen_prediction": False}),
            )
        )
        return self.record("labels", b"e%d" % n, None if rng.random() < 0.02 else orjson.dumps(value))


class Fuzz:
    """The engine, its source and its ledger."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.directory = directory
        self.source = Source(seed)
        self.state = EngineState(SETTINGS, directory / "pending")
        self.snapshots = SnapshotStore(directory / "snapshots")
        self.ledger = Ledger(self.state)
        self.outcomes: dict[str, Counter[str]] = {}
        self.slowest = 0.0
        self._back: list[Record] = []

    def batch(self, size: int) -> int:
        """Step one batch and check it; return how many records it had."""
        made = [self.source.next() for _ in range(size)]
        records = [*self._back, *(record for _, record in made)]
        records.sort(key=lambda record: (record.topic, record.offset))
        begun = time.perf_counter()
        try:
            outcome = step(self.state, Batch(merge(records), self.source.time, self.source.time, ALONE))
        except Exception as error:
            raise AssertionError(f"{error!r}; alone: {culprits(records)}") from error
        seconds = time.perf_counter() - begun
        self.slowest = max(self.slowest, seconds)
        assert seconds < SLOWEST, f"{len(records)} records took {seconds:.1f} s"
        fates = self.ledger.check(records, outcome)
        for name, record in made:
            if record.topic == "events":
                self.outcomes.setdefault(name, Counter())[fates[record.offset]] += 1
        self._back = self.source.back(outcome.messages)
        return len(records)

    def restart(self) -> None:
        """Save the state, and go on from what was saved."""
        name = save_snapshot(self.state, 0, self.snapshots)
        saved = self.snapshots.load(name)
        document, arrays = self.state.to_state()
        self.state = EngineState.from_state(saved.document, saved.arrays, self.directory / "pending")
        again, arrays_again = self.state.to_state()
        assert again == document
        assert arrays.keys() == arrays_again.keys()
        for array in arrays:
            assert arrays[array].tobytes() == arrays_again[array].tobytes(), array
        self.ledger.state = self.state


def culprits(records: list[Record]) -> list[tuple[str, Record]]:
    """Return the shortest records of a batch that a new engine cannot take even alone, and what it says of them."""
    found = []
    for record in records:
        with tempfile.TemporaryDirectory() as directory:
            try:
                step(EngineState(SETTINGS, Path(directory)), Batch([record], record.timestamp, 0, ALONE))
            except Exception as error:
                found.append((repr(error), record))
    return sorted(found, key=lambda each: len(each[1].value or b""))[:3]


def resident_megabytes() -> float:
    """Return what the process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096 / 1e6


def run(directory: Path, *, records: int, seed: int, batch: int = 500) -> Report:
    """Put so many records through an engine; an AssertionError says what was not true."""
    warm_up()
    fuzz = Fuzz(directory, seed)
    begun, done, batches, memory = time.perf_counter(), 0, 0, []
    while done < records:
        done += fuzz.batch(min(batch, fuzz.source.rng.choice((1, 50, batch, batch, batch))))
        batches += 1
        if batches % RESTART_EVERY == 0 or done >= records:
            fuzz.restart()
            memory.append(resident_megabytes())
    return Report(done, time.perf_counter() - begun, fuzz.slowest, fuzz.outcomes, fuzz.state.counts, memory)


def tables(report: Report) -> list[Table]:
    """Return what became of events by mutation, and all counters."""
    fates = sorted({fate for outcome in report.outcomes.values() for fate in outcome})
    by_mutation = Table("mutation", *fates, title="events")
    for name, outcome in sorted(report.outcomes.items()):
        by_mutation.add_row(name, *(f"{outcome[fate]:,}" for fate in fates))
    counters = Table("counter", "records", title="all")
    for names, count in sorted(report.counts.items()):
        counters.add_row(" ".join(names), f"{count:,}")
    return [by_mutation, counters]


def main() -> None:
    """Run once and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=500, help="records of a batch at the most")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        report = run(Path(directory), records=arguments.records, seed=arguments.seed, batch=arguments.batch)
    console = Console()
    for table in tables(report):
        console.print(table)
    warm = report.memory[len(report.memory) // 5]
    console.print(
        f"{report.records:,} records in {report.seconds:.0f} s, {report.records / report.seconds:,.0f} a second; "
        f"the slowest batch took {report.slowest:.2f} s; memory {warm:.0f} MB after a fifth of it, "
        f"{report.memory[-1]:.0f} MB at the end"
    )


if __name__ == "__main__":
    main()
