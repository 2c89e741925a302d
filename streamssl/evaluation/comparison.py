"""The learner, its twin and others on the same stream, with the same labels at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamssl.evaluation.labels import label_delays, label_mask
from streamssl.evaluation.metrics import Reliability, Scores, outcomes, over_time, reliability, scores
from streamssl.evaluation.prequential import PrequentialResult, prequential
from streamssl.evaluation.streams import Stream
from streamssl.learners.classifier import SemiSupervisedClassifier

Runner = Callable[[int, NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]], PrequentialResult]
"""Runs a new learner of another kind: its seed, rows (n, d), the labels shown (n,) and their delays (n,)."""

LEARNER = "streamssl"
TWIN = "twin"

POINTS = 100
"""Points of a curve."""

SMALLEST_STEP = 100
"""Rows from one look at the weights to the next; a hundredth of the stream if that is more. A look costs time."""

SMALLEST_WINDOW = 200
"""Events behind a point of the windowed curves, and a twentieth of the stream if that is more."""


class Labelling(NamedTuple):
    """Which labels are shown, and when."""

    rate: float = 0.01
    """Share of the labels, beside the first two of every class."""
    delay: int = 0
    """Rows from an event to its label."""
    drawn: bool = False
    """Whether each label has a delay of its own, drawn around ``delay``."""

    def apply(self, y: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (n,) the labels that are shown, -1 = hidden, and (n,) their delays."""
        shown = np.where(label_mask(y, self.rate, seed), y, -1)
        delays = label_delays(y, self.delay, seed) if self.drawn else np.full(len(y), self.delay)
        return shown, delays


class Weights(NamedTuple):
    """What each expert counted for, over time."""

    rows: NDArray[np.int64]
    """(p,) rows that had passed."""
    experts: tuple[str, ...]
    values: NDArray[np.float64]
    """(p, e) each row sums to 1."""


class Run(NamedTuple):
    """What one learner made of one labelling of the stream."""

    learner: str
    seed: int
    scores: Scores
    reliability: Reliability
    events_per_second: float
    rows: NDArray[np.int64]
    """(p,) rows that had passed at each point of the curves."""
    lately: NDArray[np.float64]
    """(p, 5) `Scores` of the last events, a `window_of` them."""
    so_far: NDArray[np.float64]
    """(p, 5) `Scores` of all events up to there."""
    weights: Weights | None
    """The mixture's; None for other learners."""


def compare(
    stream: Stream,
    labelling: Labelling,
    seeds: Sequence[int],
    peers: Mapping[str, Runner] | None = None,
    *,
    shuffle: bool = False,
    progress: Callable[[str, int, int], None] = lambda learner, seed, rows: None,
) -> Iterator[Run]:
    """Run the learner, its twin and the peers, seed after seed; yield each run when it is done.

    Parameters
    ----------
    seeds
        Each chooses the labels that are shown, their delays if drawn, and is the learners' own seed.
    peers
        Others, by name; each is run on every labelling.
    shuffle
        Put the events in an order drawn for each seed: for sets that have none in time.
    progress
        Called with the learner's name, the seed and the rows it has done.

    Notes
    -----
    Hidden labels never reach any learner. Memory: one result at a time, and some 10 KB for each run.
    """
    for seed in seeds:
        X, y = stream.X, stream.y
        if shuffle:
            order = np.random.default_rng(seed).permutation(len(y))
            X, y = X[order], y[order]
        shown, delays = labelling.apply(y, seed)
        for name, learn_from_unlabelled in ((LEARNER, True), (TWIN, False)):
            model = SemiSupervisedClassifier(seed=seed, learn_from_unlabelled=learn_from_unlabelled)
            result, weights = _watched(model, X, shown, delays, partial(progress, name, seed))
            yield summarise(name, seed, y, result, weights)
        for name, run in (peers or {}).items():
            result = run(seed, X, shown, delays)
            progress(name, seed, len(y))
            yield summarise(name, seed, y, result, None)


def _watched(
    model: SemiSupervisedClassifier,
    X: NDArray[np.float32],
    shown: NDArray[np.int64],
    delays: NDArray[np.int64],
    progress: Callable[[int], None],
) -> tuple[PrequentialResult, Weights]:
    rows: list[int] = []
    values: list[list[float]] = []

    def note(n_rows: int) -> None:
        rows.append(n_rows)
        values.append(list(model.mixture.explain().values()))
        progress(n_rows)

    result = prequential(model, X, shown, delays, progress=note, every=max(SMALLEST_STEP, len(X) // POINTS))
    return result, Weights(np.array(rows), tuple(model.mixture.explain()), np.array(values))


def summarise(
    learner: str, seed: int, y: NDArray[np.int64], result: PrequentialResult, weights: Weights | None
) -> Run:
    """Score a run against the truth (n,), in total and over time."""
    judged = outcomes(y, result)
    n, every = len(judged.row), max(1, len(judged.row) // POINTS)
    rows, lately = over_time(judged, window_of(n), every)
    _, so_far = over_time(judged, max(n, 1), every)
    return Run(
        learner,
        seed,
        scores(judged),
        reliability(judged),
        result.events_per_second,
        rows,
        lately,
        so_far,
        weights,
    )


def window_of(n: int) -> int:
    """Return how many of ``n`` events are behind a point of a windowed curve."""
    return max(SMALLEST_WINDOW, n // 20)


def of(runs: Sequence[Run], learner: str) -> list[Run]:
    """Return the runs of one learner, by seed."""
    return [run for run in runs if run.learner == learner]


def learners(runs: Sequence[Run]) -> list[str]:
    """Return who ran, in order, each once."""
    return list(dict.fromkeys(run.learner for run in runs))


def gains(runs: Sequence[Run]) -> list[float]:
    """Return by how much kappa the learner was better than its twin, seed by seed."""
    return [
        mine.scores.kappa - its.scores.kappa for mine, its in zip(of(runs, LEARNER), of(runs, TWIN), strict=True)
    ]
