"""Memory and disk of the engine over a million events: flat once the pending store has reached its capacity.

    python -m tests.benchmarks memory

8 numbers an event, 2 classes, 1% labelled, 50,000 events may wait; a snapshot every 50,000 events, as the service
takes them, which lets go of files that nobody needs any more.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import orjson

from streamssl.config import Config
from streamssl.engine.batch import Batch
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.engine.step import step
from streamssl.engine.warm_up import warm_up
from streamssl.runtime.recovery import save_snapshot
from streamssl.runtime.snapshots import SnapshotStore
from streamssl.transport.base import Record

EVENTS = 1_000_000
BATCH = 5_000
REPORT_EVERY = 100_000


def resident_megabytes() -> float:
    """Return what the process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096 / 1e6


def batch(first: int, rng: np.random.Generator, back: list[bytes]) -> list[Record]:
    """Return a batch: the examples that came back, events, and labels for one in a hundred of them."""
    examples = [Record("examples", 0, first + i, first, b"", value) for i, value in enumerate(back)]
    rows = rng.normal(size=(BATCH, 8)).astype(np.float32)
    kinds = rows.sum(axis=1) > 0
    events = []
    for i, row in enumerate(rows.tolist()):
        value = {"id": f"e{first + i}", "features": dict(zip("abcdefgh", row, strict=True))}
        events.append(Record("events", 0, first + i, first + i, b"", orjson.dumps(value)))
    labels = []
    for i in range(0, BATCH, 100):
        value = {"event_id": f"e{first + i}", "label": "yes" if kinds[i] else "no"}
        labels.append(Record("labels", 0, first + i, first + BATCH, b"", orjson.dumps(value)))
    return [*examples, *events, *labels]


def main() -> None:
    """Print memory and disk every 100,000 events."""
    warm_up()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        state = EngineState(EngineSettings.of(Config(pending={"capacity": 50_000})), path / "pending")
        snapshots = SnapshotStore(path / "snapshots")
        back: list[bytes] = []
        print("events       memory  pending on disk  pending in memory  snapshot")
        for first in range(0, EVENTS, BATCH):
            outcome = step(state, Batch(batch(first, rng, back), 10**12, 0))
            back = [m.value for m in outcome.messages if m.topic == "examples" and m.value]
            done = first + BATCH
            if done % (REPORT_EVERY // 2) == 0:
                name = save_snapshot(state, 0, snapshots)
            if done % REPORT_EVERY == 0:
                size = sum(file.stat().st_size for file in (snapshots.directory / name).iterdir())
                print(
                    f"{done:9,}  {resident_megabytes():6.0f} MB  {state.pending.bytes_on_disk / 1e6:12.1f} MB  "
                    f"{state.pending.bytes_in_memory / 1e6:14.1f} MB  {size / 1e6:5.1f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
