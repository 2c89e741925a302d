"""Features to rows: microseconds of processor time an event, in batches of 1,000.

python -m tests.benchmarks features
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from streamssl.config import FeatureSettings
from streamssl.features.encoder import FeatureEncoder

N_EVENTS = 50_000
BATCH = 1_000
REPEATS = 3


def streams() -> Iterator[tuple[str, list[Any]]]:
    """Return streams of events of different shapes."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(N_EVENTS, 8)).tolist()
    plain = [dict(zip("abcdefgh", row, strict=True)) for row in numbers]
    yield "8 numbers", plain
    gaps = rng.random((N_EVENTS, 8)) < 0.1
    yield (
        "8 numbers, 10% null",
        [
            {name: None if gap else value for (name, value), gap in zip(event.items(), row, strict=True)}
            for event, row in zip(plain, gaps, strict=True)
        ],
    )
    yield "list of 8 numbers", numbers
    colours = rng.choice(["red", "green", "blue", "grey"], size=(N_EVENTS, 4)).tolist()
    yield (
        "4 numbers, 4 categories",
        [dict(zip("abcdefgh", n[:4] + c, strict=True)) for n, c in zip(numbers, colours, strict=True)],
    )
    yield "8 numbers, nested", [{"alert": event, "source": {"x": 1}} for event in plain]
    vectors = rng.normal(size=(1_000, 384)).tolist()
    yield "vector of 384", [{"embedding": vectors[i % 1_000]} for i in range(N_EVENTS // 5)]


def microseconds_an_event(events: list[Any]) -> float:
    """Return the time of the fastest of some runs, the first batch left out."""
    fastest = float("inf")
    for _ in range(REPEATS):
        encoder = FeatureEncoder(FeatureSettings())
        encoder.encode(events[:BATCH])
        begin = time.process_time()
        for start in range(BATCH, len(events), BATCH):
            encoder.encode(events[start : start + BATCH])
        fastest = min(fastest, time.process_time() - begin)
    return 1e6 * fastest / (len(events) - BATCH)


def main() -> None:
    """Print one line a stream."""
    for name, events in streams():
        print(f"{name:<26}{microseconds_an_event(events):8.2f} us an event")


if __name__ == "__main__":
    main()
