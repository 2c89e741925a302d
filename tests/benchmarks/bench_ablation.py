"""What each expert is worth: kappa of the learner without it, and of it alone.

python -m tests.benchmarks ablation
STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks ablation --rate 0.01 --delay 1000 elec2 letter
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import cohen_kappa_score

from streamssl.evaluation import label_mask, prequential
from streamssl.learners.mixture import Mixture
from tests.benchmarks.streams import Stream, add_arguments, chosen


class Model(NamedTuple):
    """What `prequential` runs: a mixture and nothing around it."""

    mixture: Mixture


def variants(preset: str) -> dict[str, tuple[str, ...]]:
    """Return who takes part in each variant: all experts of a preset, all but one, one alone."""
    everyone = Mixture(preset=preset).expert_names
    without = {f"without {out}": tuple(name for name in everyone if name != out) for out in everyone}
    return {preset: everyone, **without, **{f"{name} alone": (name,) for name in everyone}}


def kappa(experts: tuple[str, ...], stream: Stream, rate: float, delay: int, n_seeds: int) -> float:
    """Return the mean over the seeds."""
    kappas = []
    for seed in range(n_seeds):
        shown = np.where(label_mask(stream.y, rate, seed), stream.y, -1)
        result = prequential(Model(Mixture(seed=seed, preset=experts)), stream.X, shown, delay)
        kappas.append(cohen_kappa_score(stream.y, result.predictions))
    return float(np.mean(kappas))


def main() -> None:
    """Print one line a variant: the whole in full, the others as differences from it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--preset", default="default", help="whose experts")
    parser.add_argument("--rate", type=float, default=0.01, help="share of labels that are shown")
    parser.add_argument("--delay", type=int, default=0, help="events by which labels are late")
    parser.add_argument("--seeds", type=int, default=3, help="masks to average over")
    arguments = parser.parse_args()

    streams = list(chosen(arguments))
    how = (arguments.rate, arguments.delay, arguments.seeds)
    table = Table(title=f"kappa; {arguments.rate:.3g} of the labels, {arguments.delay:,} events late")
    table.add_column("variant")
    for heading in (*(stream.name for stream in streams), "mean"):
        table.add_column(heading, justify="right")
    whole = None
    for name, experts in variants(arguments.preset).items():
        kappas = np.array([kappa(experts, stream, *how) for stream in streams])
        kappas = np.append(kappas, kappas.mean())
        shown = [f"{k:.3f}" for k in kappas] if whole is None else [f"{k:+.3f}" for k in kappas - whole]
        whole = kappas if whole is None else whole
        table.add_row(name, *shown)
    Console().print(table)


if __name__ == "__main__":
    main()
