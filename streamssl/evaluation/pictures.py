"""A comparison as pictures: learning curves, the gain over the twin, the experts' weights, calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from streamssl.evaluation.comparison import LEARNER, TWIN, Run, Weights, learners, of
from streamssl.evaluation.metrics import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
"""Of Okabe and Ito (2008): told apart by the colour-blind. The learner is blue, its twin orange."""
GREY, PALE = "#444444", "#BBBBBB"
EVENTS = "events"
KAPPA = Scores._fields.index("kappa")


def draw_curves(runs: Sequence[Run], title: str, path: Path) -> None:
    """Draw kappa over the stream: bold so far, thin lately; means over the seeds."""
    with _figure(path, title, EVENTS, "kappa") as axes:
        for i, learner in enumerate(learners(runs)):
            own = of(runs, learner)
            rows, colour = own[0].rows, COLOURS[i % len(COLOURS)]
            so_far = np.mean([run.so_far[:, KAPPA] for run in own], axis=0)
            lately = np.mean([run.lately[:, KAPPA] for run in own], axis=0)
            style = "-" if learner == LEARNER else (0, (5, 1.5))
            kappa = np.mean([run.scores.kappa for run in own])
            axes.plot(rows, lately, color=colour, alpha=0.4, linewidth=1)
            axes.plot(rows, so_far, color=colour, linestyle=style, linewidth=2.2, label=f"{learner}, {kappa:.3f}")
        axes.set_ylim(top=1)
        axes.legend(loc="best", frameon=False, title="bold: so far; thin: lately", alignment="left")


def draw_gain(runs: Sequence[Run], title: str, path: Path) -> None:
    """Draw by how much kappa so far is above the twin's: each seed thin, their mean bold."""
    with _figure(path, title, EVENTS, "kappa so far, above the twin's") as axes:
        mine, its = of(runs, LEARNER), of(runs, TWIN)
        rows = mine[0].rows
        gains = [a.so_far[:, KAPPA] - b.so_far[:, KAPPA] for a, b in zip(mine, its, strict=True)]
        mean = np.mean(gains, axis=0)
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.fill_between(rows, mean, where=mean >= 0, interpolate=True, color=COLOURS[0], alpha=0.25, linewidth=0)
        axes.fill_between(rows, mean, where=mean <= 0, interpolate=True, color=COLOURS[1], alpha=0.25, linewidth=0)
        for gain in gains:
            axes.plot(rows, gain, color=GREY, alpha=0.5, linewidth=0.8)
        axes.plot(rows, mean, color=GREY, linewidth=2.2, label=f"mean of {len(gains)}, {mean[-1]:+.3f} at the end")
        axes.legend(loc="best", frameon=False)


def draw_weights(weights: Weights, title: str, path: Path) -> None:
    """Draw how the experts share the mixture over the stream: the weightiest seven, and what is left."""
    with _figure(path, title, EVENTS, "weight") as axes:
        by_weight = np.argsort(-weights.values.mean(axis=0), kind="stable")
        shown = by_weight[: len(COLOURS)]
        bottom = np.zeros(len(weights.rows))
        for colour, e in zip(COLOURS, shown, strict=False):
            top = bottom + weights.values[:, e]
            name = weights.experts[e]
            axes.fill_between(weights.rows, bottom, top, color=colour, alpha=0.85, linewidth=0, label=name)
            bottom = top
        if len(by_weight) > len(shown):
            axes.fill_between(weights.rows, bottom, 1, color=PALE, linewidth=0, label="all others")
        axes.set_xlim(0, weights.rows[-1])
        axes.set_ylim(0, 1)
        # In the order in which the areas lie on each other.
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, reverse=True)


def draw_calibration(runs: Sequence[Run], title: str, path: Path) -> None:
    """Draw how often predictions of each confidence were right; points are larger where there are more."""
    with _figure(path, title, "confidence", "share of right predictions") as axes:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
        for i, learner in enumerate(learners(runs)):
            bins = [run.reliability for run in of(runs, learner)]
            count = np.sum([each.predictions for each in bins], axis=0)
            filled = count > 0
            confidence, accuracy = (
                np.sum([np.nan_to_num(values) * each.predictions for values, each in pairs], axis=0)[filled]
                / count[filled]
                for pairs in (
                    [(each.confidence, each) for each in bins],
                    [(each.accuracy, each) for each in bins],
                )
            )
            colour = COLOURS[i % len(COLOURS)]
            error = np.mean([run.scores.calibration_error for run in of(runs, learner)])
            size = 10 + 190 * count[filled] / count.sum()
            axes.plot(confidence, accuracy, color=colour, linewidth=1.2, label=f"{learner}, error {error:.3f}")
            axes.scatter(confidence, accuracy, s=size, color=colour, alpha=0.8, linewidths=0)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.legend(loc="best", frameon=False)


@contextmanager
def _figure(path: Path, title: str, x: str, y: str) -> Iterator[Axes]:
    """Lend axes to draw on, and write them as a PNG file afterwards."""
    # The figure alone: neither a window nor pyplot's state, so that a caller's own plots stay as they are.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(9, 4.8), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        if x == EVENTS:
            axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(axis="y", alpha=0.25)
        yield axes
        figure.savefig(path, dpi=130)
