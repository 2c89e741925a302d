"""Cohen's kappa of the learner and of its twin on partly labelled streams.

python -m tests.benchmarks accuracy
STREAMSSL_BENCH_DATA=folder python tests/benchmarks/bench_accuracy.py --rate 0.01 --delay 1000 elec2 letter
"""

from __future__ import annotations

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import cohen_kappa_score

from streamssl import SemiSupervisedClassifier
from streamssl.evaluation import label_mask, prequential
from tests.benchmarks.streams import Stream, streams


def measure(
    stream: Stream, *, learn_from_unlabelled: bool, rate: float, delay: int, n_seeds: int
) -> tuple[float, float]:
    """Return mean kappa and mean events a second over the seeds."""
    kappas, speeds = [], []
    for seed in range(n_seeds):
        shown = np.where(label_mask(stream.y, rate, seed), stream.y, -1)
        model = SemiSupervisedClassifier(seed=seed, learn_from_unlabelled=learn_from_unlabelled)
        result = prequential(model, stream.X, shown, delay=delay)
        kappas.append(cohen_kappa_score(stream.y, result.predictions))
        speeds.append(result.events_per_second)
    return float(np.mean(kappas)), float(np.mean(speeds))


def main() -> None:
    """Print one line a stream, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="streams to run; all if none is named")
    parser.add_argument("--rate", type=float, default=0.01, help="share of labels that are shown")
    parser.add_argument("--delay", type=int, default=0, help="events by which labels are late")
    parser.add_argument("--seeds", type=int, default=3, help="masks to average over")
    arguments = parser.parse_args()

    table = Table("stream", title=f"{arguments.rate:.1%} labels, {arguments.delay} events late")
    for heading in ("kappa", "twin", "gain", "events/s"):
        table.add_column(heading, justify="right")
    rows = []
    for stream in streams():
        if arguments.names and stream.name not in arguments.names:
            continue
        how = {"rate": arguments.rate, "delay": arguments.delay, "n_seeds": arguments.seeds}
        kappa, speed = measure(stream, learn_from_unlabelled=True, **how)
        twin, _ = measure(stream, learn_from_unlabelled=False, **how)
        rows.append((kappa, twin, speed))
        table.add_row(stream.name, f"{kappa:.3f}", f"{twin:.3f}", f"{kappa - twin:+.3f}", f"{speed:,.0f}")
    if rows:
        kappa, twin, _ = np.mean(rows, axis=0)
        table.add_section()
        table.add_row("mean", f"{kappa:.3f}", f"{twin:.3f}", f"{kappa - twin:+.3f}", "")
    Console().print(table)


if __name__ == "__main__":
    main()
