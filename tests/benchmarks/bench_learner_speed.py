"""What an event and a label cost the learner, and what its state weighs.

python -m tests.benchmarks learner_speed
STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks learner_speed -- elec2 letter
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

from streamssl.learners.mixture import Mixture, warm_up
from tests.benchmarks.streams import Stream, add_arguments, chosen

N_EVENTS = 10_000
N_LABELS = 1_000


def seconds(work: Callable[[], object]) -> float:
    """Return the median time of five runs."""
    times = []
    for _ in range(5):
        started = perf_counter()
        work()
        times.append(perf_counter() - started)
    return statistics.median(times)


def row(stream: Stream) -> list[str]:
    """Measure one stream: in blocks, one by one, labels; on a mixture that has seen events and labels."""
    n_classes = int(stream.y.max()) + 1
    rows, targets = stream.X[:N_EVENTS], np.eye(n_classes, dtype=np.float32)[stream.y[:N_LABELS]]
    labelled, weights = rows[: len(targets)], np.ones(len(targets), np.float32)
    mixture = Mixture(rows.shape[1], n_classes)
    memory = mixture.process(labelled)
    mixture.learn(labelled, targets, weights, memory)

    block = seconds(lambda: mixture.process(rows)) / len(rows)
    single = seconds(lambda: [mixture.process(rows[i : i + 1]) for i in range(200)]) / 200
    label = seconds(lambda: mixture.learn(labelled, targets, weights, memory)) / len(labelled)
    size = sum(array.nbytes for array in mixture.to_arrays().values())
    shape = f"{rows.shape[1]} x {n_classes}"
    return [stream.name, shape, *(f"{1e6 * t:.1f}" for t in (block, single, label)), f"{size / 1e6:.2f}"]


def main() -> None:
    """Print one line a stream."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    arguments = parser.parse_args()
    started = perf_counter()
    warm_up()
    table = Table("stream", "d x k", title=f"microseconds; warm-up {perf_counter() - started:.1f} s")
    for heading in ("event", "event alone", "label", "state, MB"):
        table.add_column(heading, justify="right")
    for stream in chosen(arguments):
        table.add_row(*row(stream))
    Console().print(table)


if __name__ == "__main__":
    main()
