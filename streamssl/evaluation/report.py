"""What a comparison found, as tables: for people and for programs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streamssl.evaluation.comparison import Labelling, Run, gains, learners, of
from streamssl.evaluation.metrics import Scores
from streamssl.evaluation.streams import Stream

COLUMNS = ("learner", "kappa", "accuracy", "macro F1", "log-loss", "ECE", "events/s")
"""ECE is the expected calibration error."""


def table(runs: Sequence[Run]) -> list[list[str]]:
    """Return a row for each learner, as in `COLUMNS`: means over the seeds, kappa with half their span.

    Parameters
    ----------
    runs
        Of any number of learners and seeds, at least one each.
    """
    rows = []
    for learner in learners(runs):
        own = of(runs, learner)
        mean = Scores(*np.mean([run.scores for run in own], axis=0))
        span = np.ptp([run.scores.kappa for run in own])
        speed = np.mean([run.events_per_second for run in own])
        rows.append(
            [
                learner,
                f"{mean.kappa:.3f} ±{span / 2:.3f}",
                f"{mean.accuracy:.3f}",
                f"{mean.macro_f1:.3f}",
                f"{mean.log_loss:.3f}",
                f"{mean.calibration_error:.3f}",
                f"{speed:,.0f}",
            ]
        )
    return rows


def gain_in_words(runs: Sequence[Run]) -> str:
    """Return what unlabelled events were worth, in one sentence."""
    gain = gains(runs)
    ahead = sum(each > 0 for each in gain)
    return (
        f"Unlabelled events were worth {np.mean(gain):+.3f} kappa; the twin, which learns from labelled events "
        f"only, was behind with {ahead} of {len(gain)} seed{'s' if len(gain) > 1 else ''}."
    )


def setting_in_words(stream: Stream, labelling: Labelling, seeds: Sequence[int], *, shuffle: bool) -> str:
    """Return what was run, in one sentence.

    Examples
    --------
    >>> stream = Stream("toy", np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1]), ["a", "b"], [])
    >>> setting_in_words(stream, Labelling(0.5, delay=2), [0], shuffle=False)
    'toy: 4 events, 2 columns, 2 classes; 50% of the labels and two of each class, 2 events late; seed 0.'
    """
    n, d = stream.X.shape
    delay = "at once" if not labelling.delay else f"{labelling.delay:,} events late"
    if labelling.delay and labelling.drawn:
        delay += " on average"
    order = ", in an order of each seed" if shuffle else ""
    chosen = ", ".join(map(str, seeds))
    return (
        f"{stream.name}: {n:,} events{order}, {d} columns, {len(stream.class_names)} classes; "
        f"{100 * labelling.rate:.4g}% of the labels and two of each class, {delay}; "
        f"seed{'s' if len(seeds) > 1 else ''} {chosen}."
    )


def suspects_in_words(stream: Stream) -> list[str]:
    """Return a warning for each field that may be the answer in another form."""
    return [
        f"{field} alone tells the class of {accuracy:.1%} of the events looked at. "
        f"Is it filled in with the label? Then leave it out: --exclude {field}"
        for field, accuracy in stream.suspects
    ]


def write_runs(runs: Sequence[Run], path: Path) -> None:
    """Write a CSV file with a line for each learner and seed."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["learner", "seed", *Scores._fields, "events_per_second"])
        writer.writerows([run.learner, run.seed, *run.scores, run.events_per_second] for run in runs)


def write_over_time(runs: Sequence[Run], path: Path) -> None:
    """Write a CSV file with a line for each learner, seed and point of the curves.

    Columns are the scores of the last events, then, ending in ``_so_far``, those of all events up to there.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        so_far = [f"{field}_so_far" for field in Scores._fields]
        writer.writerow(["learner", "seed", "events", *Scores._fields, *so_far])
        for run in runs:
            for events, *values in zip(run.rows.tolist(), run.lately.tolist(), run.so_far.tolist(), strict=True):
                writer.writerow([run.learner, run.seed, events, *values[0], *values[1]])


def write_markdown(setting: str, warnings: Sequence[str], runs: Sequence[Run], path: Path) -> None:
    """Write what was run, the table and what unlabelled events were worth, as Markdown."""
    rule = ["---" if column == "learner" else "---:" for column in COLUMNS]
    lines = [
        setting,
        "",
        *(f"> **Beware:** {warning}\n" for warning in warnings),
        *("| " + " | ".join(cells) + " |" for cells in (list(COLUMNS), rule, *table(runs))),
        "",
        "Means over the seeds; ± is half the span of the kappas. ECE: expected calibration error.",
        "",
        gain_in_words(runs),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
