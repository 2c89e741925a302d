"""What the textbook families are worth around classifiers of River, on the same masks.

python -m tests.benchmarks families
STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks families --rate 0.01 elec2 weather

Three figures a family, all kappa: fed with all events, the gain over the classifier alone, and the gain over itself
fed with labelled events only. The last is what unlabelled events are worth; the rest is another model's gain.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from river import linear_model, metrics, naive_bayes, preprocessing, tree

from streamssl import SemiSupervisedClassifier, families
from streamssl.evaluation import label_mask
from tests.benchmarks.streams import Stream, add_arguments, chosen

BASES: dict[str, Callable[[], Any]] = {
    "softmax regression": lambda: preprocessing.StandardScaler() | linear_model.SoftmaxRegression(),
    "Gaussian naive Bayes": naive_bayes.GaussianNB,
    "Hoeffding tree": tree.HoeffdingTreeClassifier,
}
FAMILIES: dict[str, Callable[[Any], Any]] = {
    "SelfTraining": families.SelfTraining,
    "ConsistencyRegularization": families.ConsistencyRegularization,
    "NaiveBayesEM": families.NaiveBayesEM,
    "GaussianMixtureEM": families.GaussianMixtureEM,
    "LabelPropagation": families.LabelPropagation,
    "LabelSpreading": families.LabelSpreading,
}


def kappa(make: Callable[[], Any], stream: Stream, rate: float, n_seeds: int, unlabelled: bool) -> float:
    """Return the mean over the seeds; the first class stands for no prediction."""
    events = [dict(enumerate(row)) for row in stream.X.tolist()]
    kappas = []
    for seed in range(n_seeds):
        model, metric = make(), metrics.CohenKappa()
        mask = label_mask(stream.y, rate, seed)
        for x, y, is_labelled in zip(events, stream.y.tolist(), mask.tolist(), strict=True):
            predicted = model.predict_one(x)
            metric.update(y, 0 if predicted is None else predicted)
            if is_labelled:
                model.learn_one(x, y)
            elif unlabelled:
                model.learn_unlabelled_one(x)
        kappas.append(metric.get())
    return float(np.mean(kappas))


def main() -> None:
    """Print a table a base."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.set_defaults(rows=3000)
    parser.add_argument("--rate", type=float, default=0.02, help="share of labels that are shown")
    parser.add_argument("--seeds", type=int, default=3, help="masks to average over")
    arguments = parser.parse_args()
    streams = list(chosen(arguments))
    how = (arguments.rate, arguments.seeds)
    title = f"{arguments.rate:.3g} of the labels, first {arguments.rows:,} events"

    whole = [kappa(SemiSupervisedClassifier, stream, *how, unlabelled=True) for stream in streams]
    print(f"kappa, {title}: all events (over the base; over labelled events only)\n")
    print("SemiSupervisedClassifier:", ", ".join(f"{s.name} {k:.3f}" for s, k in zip(streams, whole, strict=True)))
    for name, base in BASES.items():
        table = Table("around " + name, *(stream.name for stream in streams))
        alone = [kappa(base, stream, *how, unlabelled=False) for stream in streams]
        table.add_row("alone", *(f"{k:.3f}" for k in alone))
        for family, wrap in track(FAMILIES.items(), name, console=Console(stderr=True), transient=True):
            cells = []
            for stream, reference in zip(streams, alone, strict=True):
                make = partial(lambda wrap, base: wrap(base()), wrap, base)
                with_all, with_labelled = (kappa(make, stream, *how, unlabelled) for unlabelled in (True, False))
                gains = f"({with_all - reference:+.3f}; {with_all - with_labelled:+.3f})"
                cells.append(f"{with_all:.3f} {gains}")
            table.add_row(family, *cells)
        Console(width=160).print(table)


if __name__ == "__main__":
    main()
