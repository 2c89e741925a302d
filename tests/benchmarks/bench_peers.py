"""Kappa and speed beside the learners of River and CapyMOA: same labels, same times, one core, one run.

python -m tests.benchmarks peers --rows 2000 --seeds 1
STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks peers --rate 0.01 --delay 1000 --markdown peers.md elec2

CapyMOA's are left out, and the reason is printed, where `pip install 'streamssl[peers]'` or Java is missing; OSNN
needs PyTorch besides. The slow ones take minutes for 10,000 rows: ``--rows`` and ``--without`` help.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import cohen_kappa_score

from streamssl import SemiSupervisedClassifier
from streamssl.evaluation import label_mask, prequential
from streamssl.evaluation.peers import peer, prequential_peer
from streamssl.evaluation.prequential import PrequentialResult
from tests.benchmarks.streams import Stream, add_arguments, chosen

PEERS = {
    "River ARF": "river:forest.ARFClassifier",
    "River SRP": "river:ensemble.SRPClassifier",
    "River logistic": "river:linear_model.LogisticRegression",
    "River kNN": "river:neighbors.KNNClassifier",
    "River Hoeffding tree": "river:tree.HoeffdingTreeClassifier",
    "River naive Bayes": "river:naive_bayes.GaussianNB",
    "CapyMOA SLEADE": "capymoa:SLEADE",
    "CapyMOA OSNN": "capymoa:OSNN",
    "CapyMOA ARF": "capymoa:AdaptiveRandomForestClassifier",
    "CapyMOA SRP": "capymoa:StreamingRandomPatches",
}

Run = Callable[[NDArray[np.float32], NDArray[np.int64], int, int], PrequentialResult]
"""Runs a new learner on rows, the labels shown, their delay and a seed."""


def ours(*, learn_from_unlabelled: bool) -> Run:
    """Return how to run the learner, or its twin."""
    return lambda X, shown, delay, seed: prequential(
        SemiSupervisedClassifier(seed=seed, learn_from_unlabelled=learn_from_unlabelled), X, shown, delay
    )


def theirs(spec: str) -> Run:
    """Return how to run a peer."""
    return lambda X, shown, delay, seed: prequential_peer(peer(spec, seed), X, shown, delay)


def contestants(without: list[str]) -> dict[str, Run]:
    """Return everyone who can run here, by name, and print who cannot and why."""
    runs = {"streamssl": ours(learn_from_unlabelled=True), "twin": ours(learn_from_unlabelled=False)}
    for name, spec in PEERS.items():
        if name in without:
            continue
        try:
            peer(spec)
        except ImportError as reason:
            print(f"{name} is left out: {reason}")
        else:
            runs[name] = theirs(spec)
    return runs


def measure(run: Run, stream: Stream, rate: float, delay: int, n_seeds: int) -> tuple[float, float]:
    """Return mean kappa and mean events a second over the seeds."""
    kappas, speeds = [], []
    for seed in range(n_seeds):
        shown = np.where(label_mask(stream.y, rate, seed), stream.y, -1)
        result = run(stream.X, shown, delay, seed)
        kappas.append(cohen_kappa_score(stream.y, result.predictions))
        speeds.append(result.events_per_second)
    return float(np.mean(kappas)), float(np.mean(speeds))


def lines(names: list[str], kappas: NDArray[np.float64], speeds: NDArray[np.float64]) -> list[list[str]]:
    """Return a line a learner: its name, kappa on each stream, their mean, streams won, events a second.

    Parameters
    ----------
    kappas, speeds
        (learners, streams). The best kappa of a stream is starred; speeds are averaged as times.
    """
    best = kappas == kappas.max(axis=0)
    return [
        [
            name,
            *(f"{kappa:.3f}{'*' if first else ''}" for kappa, first in zip(kappas[i], best[i], strict=True)),
            f"{kappas[i].mean():.3f}",
            str(best[i].sum()),
            f"{1 / np.mean(1 / speeds[i]):,.0f}",
        ]
        for i, name in enumerate(names)
    ]


def markdown(heading: list[str], body: list[list[str]], title: str) -> str:
    """Return a table as Markdown, learners down and streams across."""
    rows = [heading, ["---", *["---:"] * (len(heading) - 1)], *body]
    return f"{title}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """Print a table, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--rate", type=float, default=0.01, help="share of labels that are shown")
    parser.add_argument("--delay", type=int, default=0, help="events by which labels are late")
    parser.add_argument("--seeds", type=int, default=3, help="masks to average over")
    parser.add_argument("--without", action="append", default=[], choices=list(PEERS), help="leave one out")
    parser.add_argument("--markdown", type=Path, help="write the table to this file too")
    arguments = parser.parse_args()

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    streams, runs = list(chosen(arguments)), contestants(arguments.without)
    if not streams:
        parser.error("there are no such streams: STREAMSSL_BENCH_DATA names the folder")
    figures = np.empty((len(runs), len(streams), 2))
    for i, (name, run) in enumerate(runs.items()):
        for j, stream in enumerate(streams):
            figures[i, j] = measure(run, stream, arguments.rate, arguments.delay, arguments.seeds)
            print(f"{name}, {stream.name}: {figures[i, j, 0]:.3f}, {figures[i, j, 1]:,.0f} events/s", flush=True)

    title = (
        f"Cohen's kappa, {arguments.rate:.3g} of the labels, {arguments.delay:,} events late; * best of a stream"
    )
    if arguments.rows:
        title += f"; first {arguments.rows:,} rows"
    heading = ["learner", *(stream.name for stream in streams), "mean", "won", "events/s"]
    body = lines(list(runs), figures[..., 0], figures[..., 1])
    table = Table(title=title)
    for i, column in enumerate(heading):
        table.add_column(column, justify="right" if i else "left")
    for row in body:
        table.add_row(*row)
    Console().print(table)
    if arguments.markdown:
        arguments.markdown.write_text(markdown(heading, body, title), encoding="utf-8")


if __name__ == "__main__":
    main()
