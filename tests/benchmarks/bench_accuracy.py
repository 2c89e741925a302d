"""Cohen's kappa of the learner and of its twin on partly labelled streams.

python -m tests.benchmarks accuracy
python -m tests.benchmarks accuracy --all --generated
STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks accuracy --rate 0.01 --delay 1000 -- elec2 letter
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import cohen_kappa_score

from streamssl import SemiSupervisedClassifier
from streamssl.evaluation import label_mask, prequential
from tests.benchmarks.streams import Stream, add_arguments, chosen


class Setting(NamedTuple):
    """Which labels are shown, and when."""

    rate: float
    """Share of the labels, beside the first two of every class."""
    delay: int
    """Events by which they are late."""

    def __str__(self) -> str:
        return f"{self.rate:.3g} of the labels" + (f", {self.delay:,} events late" if self.delay else "")


ALL = (Setting(0.01, 0), Setting(0.01, 1000), Setting(0.001, 0), Setting(0.05, 0))


def measure(stream: Stream, setting: Setting, n_seeds: int, *, learn_from_unlabelled: bool) -> tuple[float, float]:
    """Return mean kappa and mean events a second over the seeds."""
    kappas, speeds = [], []
    for seed in range(n_seeds):
        shown = np.where(label_mask(stream.y, setting.rate, seed), stream.y, -1)
        model = SemiSupervisedClassifier(seed=seed, learn_from_unlabelled=learn_from_unlabelled)
        result = prequential(model, stream.X, shown, delay=setting.delay)
        kappas.append(cohen_kappa_score(stream.y, result.predictions))
        speeds.append(result.events_per_second)
    return float(np.mean(kappas)), float(np.mean(speeds))


def table(setting: Setting, streams: list[Stream], n_seeds: int) -> Table:
    """Return one line a stream, and the mean."""
    shown = Table("stream", title=str(setting))
    for heading in ("kappa", "twin", "gain", "events/s"):
        shown.add_column(heading, justify="right")
    rows = []
    for stream in streams:
        kappa, speed = measure(stream, setting, n_seeds, learn_from_unlabelled=True)
        twin, _ = measure(stream, setting, n_seeds, learn_from_unlabelled=False)
        rows.append((kappa, twin))
        shown.add_row(stream.name, f"{kappa:.3f}", f"{twin:.3f}", f"{kappa - twin:+.3f}", f"{speed:,.0f}")
    if rows:
        kappa, twin = np.mean(rows, axis=0)
        shown.add_section()
        shown.add_row("mean", f"{kappa:.3f}", f"{twin:.3f}", f"{kappa - twin:+.3f}", "")
    return shown


def main() -> None:
    """Print a table for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--rate", type=float, default=0.01, help="share of labels that are shown")
    parser.add_argument("--delay", type=int, default=0, help="events by which labels are late")
    parser.add_argument("--all", action="store_true", help=f"instead: {'; '.join(map(str, ALL))}")
    parser.add_argument("--seeds", type=int, default=3, help="masks to average over")
    arguments = parser.parse_args()

    streams = list(chosen(arguments))
    for setting in ALL if arguments.all else (Setting(arguments.rate, arguments.delay),):
        Console().print(table(setting, streams, arguments.seeds))


if __name__ == "__main__":
    main()
