"""What every further worker multiplies: bytes of an example, journal entry, snapshot; the time of an example.

    python -m tests.benchmarks sizes

Events of d numbers with ids of 15 characters; k classes. Times are the engine's own (`step`, from decoder to
learner and twin), in processor time, so that what else runs on the machine weighs less.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from streamssl.config import Config
from streamssl.engine.batch import Batch, ranges
from streamssl.engine.journal import JournalEntry
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.engine.step import step
from streamssl.engine.warm_up import warm_up
from streamssl.transport.base import Message, Record

SHAPES = ((8, 2), (20, 2), (16, 26), (100, 2), (384, 2), (1_000, 10))
"""Columns, classes."""
N_EVENTS = 3_000
N_LABELS = 1_000
NOW = 1_800_000_000_000


def processed(state: EngineState, records: list[Record]) -> tuple[list[Message], float]:
    """Step a batch; return what it gave, and microseconds a record."""
    begun = time.process_time()
    outcome = step(state, Batch(records, NOW, 0))
    messages = [m for m in outcome.messages if m.topic in ("predictions", "examples")]
    return messages, 1e6 * (time.process_time() - begun) / len(records)


def row(n_columns: int, n_classes: int) -> list[str]:
    """Measure one shape; the class of an event is the sign of its first columns."""
    rows = np.random.default_rng(0).normal(size=(N_EVENTS, n_columns)).astype(np.float32).round(4)
    kinds = (rows[:, :5] > 0) @ (1 << np.arange(5)) % n_classes
    events, labels = [], []
    for i, values in enumerate(rows.tolist()):
        features = {f"column{j}": value for j, value in enumerate(values)}
        event = {"id": f"event-{i:09d}", "features": features}
        events.append(Record("events", 0, i, NOW, None, orjson.dumps(event)))
        label = {"event_id": event["id"], "label": f"class {kinds[i]}"}
        labels.append(Record("labels", 0, i, NOW, None, orjson.dumps(label)))
    with tempfile.TemporaryDirectory() as directory:
        state = EngineState(EngineSettings.of(Config()), Path(directory))
        offset, costs = 0, []
        for part in (slice(100), slice(100, None)):
            predictions, event_cost = processed(state, events[part])
            back, _ = processed(state, labels[part][:N_LABELS])
            examples = [Record("examples", 0, offset + i, NOW, *message[1:]) for i, message in enumerate(back)]
            costs.append(processed(state, examples)[1])
            offset += len(back)
        _, arrays = state.to_state()
    example = np.mean([len(m.key) + len(m.value) + sum(len(n) + len(v) for n, v in m.headers) for m in back])
    snapshot = sum(array.nbytes for array in arrays.values()) / 1e6
    return [
        f"{n_columns:,}, {n_classes}",
        *(f"{len(each):,}" for each in (events[-1].value, predictions[-1].value, labels[-1].value)),
        f"{example:,.0f}",
        f"{event_cost:,.0f}",
        f"{costs[-1]:,.0f}",
        f"{snapshot:.1f}",
    ]


def journal_bytes(n_partitions: int) -> int:
    """Return the bytes of the journal entry of a batch of events partitions, labels and examples."""
    topics = [("events", partition) for partition in range(n_partitions)] + [("labels", 0), ("examples", 0)]
    records = [Record(*each, 10**9 + offset, 0, None, b"") for each in topics for offset in (0, 1_250)]
    return len(JournalEntry(123_456, NOW, NOW, ranges(records), "0" * 32).encode())


def main() -> None:
    """Print a line for each shape, and the journal's."""
    warm_up()
    table = Table("columns, classes", title="bytes on the wire, microseconds, megabytes")
    for heading in ("event", "prediction", "label", "example", "us an event", "us an example", "snapshot, MB"):
        table.add_column(heading, justify="right")
    for shape in SHAPES:
        table.add_row(*row(*shape))
    Console().print(table)
    print(*(f"journal entry, {n} partitions of events: {journal_bytes(n)} bytes" for n in (1, 4, 16)), sep="\n")


if __name__ == "__main__":
    main()
