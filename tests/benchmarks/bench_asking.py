"""How many labels asking by uncertainty saves, against asking at random.

STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks asking
STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks asking --seeds 2 --delays 0 --shares 0.01 elec2 letter

The engine's own sampler asks about a share of each stream's events, the real learner predicts and learns, and every
request is answered, right, a number of events later. Kappa is over all rows, each predicted before it is learnt.
The factor is the number of labels with which random asking comes to the same kappa, over the number that was used:
random asking runs at several shares, with the same draws, and its kappa is taken to rise with the logarithm of the
labels in between (made monotone where chance has it fall; a factor beyond its ends is shown as > or <).

"Early, at random" is what the raise at the start does alone: random asking that begins like the sampler.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import cohen_kappa_score

from streamssl.config import ReviewSettings
from streamssl.engine.asking import ReviewSampler, Said
from streamssl.learners.mixture import Memory, Mixture
from tests.benchmarks.streams import Stream, add_arguments, chosen

SHARE = 0.01
SHARES = (0.0025, 0.005, 0.01, 0.02, 0.04)
"""At which random asking runs."""
A_SECOND = 1_000
NEVER = 10**15


class Run(NamedTuple):
    """What a run came to."""

    labels: int
    """Asked for, arrived or not."""
    kappa: float


class Factor(NamedTuple):
    """Labels that random asking needs, over those used."""

    value: float
    bound: str
    """'>' where random asking never came to this kappa, '<' where it was never below it; else empty."""

    def __str__(self) -> str:
        """Return it as a table shows it."""
        return f"{self.bound}{self.value:.2f}"


def asking(stream: Stream, review: ReviewSettings, delay: int, seed: int, *, is_blind: bool = False) -> Run:
    """Let a sampler ask about a stream; ``is_blind``: it is told that the model is as unsure of all events."""
    n, n_classes = len(stream.y), int(stream.y.max()) + 1
    learner = Mixture(seed=seed)
    learner.grow(stream.X.shape[1], n_classes)
    sampler = ReviewSampler(review, seed=seed)
    labelled = np.zeros(n_classes, dtype=np.int64)
    decisions = np.full(n, -1, dtype=np.int64)
    arrivals = np.arange(n, dtype=np.int64) * A_SECOND
    never = np.full(n, NEVER, dtype=np.int64)
    waiting: deque[tuple[int, Memory]] = deque()
    labels, begin = 0, 0
    while begin < n:
        while waiting and waiting[0][0] + delay < begin:
            event, memory = waiting.popleft()
            _learn(learner, stream, event, n_classes, memory)
            is_wrong = decisions[event] != stream.y[event]
            sampler.answered(event, float(is_wrong) - (1 - float(memory.confidences()[0])))
            labelled[stream.y[event]] += 1
        end = min(n, begin + 512, begin + max(1, delay), waiting[0][0] + delay + 1 if waiting else n)
        memory = learner.process(stream.X[begin:end])
        decisions[begin:end] = memory.decisions
        said = Said(memory.probabilities, memory.decisions)
        if is_blind:
            said = Said(np.full_like(memory.probabilities, 1 / n_classes), memory.decisions)
        drawn = sampler.ask(said, arrivals[begin:end], never[begin:end], first=begin, labelled=labelled)
        for i in np.flatnonzero(drawn.propensities).tolist():
            waiting.append((begin + i, memory.take(slice(i, i + 1))))
            labels += 1
        begin = end
    return Run(labels, float(cohen_kappa_score(stream.y, decisions)))


def at_random(stream: Stream, share: float, delay: int, seed: int) -> Run:
    """Let the same sampler ask at random: about the same events whatever is predicted, so all at once."""
    n, n_classes = len(stream.y), int(stream.y.max()) + 1
    sampler = ReviewSampler(ReviewSettings(sampler="random", share=share), seed=seed)
    nothing = Said(np.zeros((n, 0), np.float32), np.full(n, -1, dtype=np.int64))
    arrivals = np.arange(n, dtype=np.int64) * A_SECOND
    drawn = sampler.ask(nothing, arrivals, arrivals + NEVER, first=0, labelled=np.zeros(0, np.int64))
    asked = np.flatnonzero(drawn.propensities)
    arriving = asked[asked + delay < n]
    learner = Mixture(seed=seed)
    learner.grow(stream.X.shape[1], n_classes)
    targets = np.eye(n_classes, dtype=np.float32)[stream.y[arriving]]
    said = learner.test_then_train(stream.X, arriving, targets, arriving + delay)
    decisions = np.concatenate([memory.decisions for memory in said])
    return Run(len(asked), float(cohen_kappa_score(stream.y, decisions)))


def _learn(learner: Mixture, stream: Stream, event: int, n_classes: int, memory: Memory) -> None:
    target = np.zeros((1, n_classes), dtype=np.float32)
    target[0, stream.y[event]] = 1
    learner.learn(stream.X[event : event + 1], target, np.ones(1, np.float32), memory)


def mean(runs: Iterable[Run]) -> Run:
    """Return the mean of some runs."""
    labels, kappas = zip(*runs, strict=True)
    return Run(round(float(np.mean(labels))), float(np.mean(kappas)))


def factor(run: Run, curve: list[Run]) -> Factor:
    """Return how many times the labels random asking needs for the same kappa."""
    logs = np.log([each.labels for each in curve])
    kappas: NDArray[np.float64] = IsotonicRegression().fit_transform(logs, [each.kappa for each in curve])
    needed = float(np.exp(np.interp(run.kappa, kappas + 1e-9 * np.arange(len(kappas)), logs)))
    bound = ">" if run.kappa > kappas[-1] else "<" if run.kappa < kappas[0] else ""
    return Factor(needed / run.labels, bound)


def measure(stream: Stream, share: float, delay: int, seeds: range) -> tuple[Run, Run, Factor, Factor]:
    """Return random asking at this share, the sampler, its factor, and that of the early start alone."""
    curve = [mean(at_random(stream, each, delay, seed) for seed in seeds) for each in SHARES]
    review = ReviewSettings(share=share)
    sampled = mean(asking(stream, review, delay, seed) for seed in seeds)
    early = mean(asking(stream, review, delay, seed, is_blind=True) for seed in seeds)
    plain = mean(at_random(stream, share, delay, seed) for seed in seeds)
    return plain, sampled, factor(sampled, curve), factor(early, curve)


def main() -> None:
    """Print a table for each share and delay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--seeds", type=int, default=4, help="draws and learners to average over")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them")
    parser.add_argument("--delays", type=int, nargs="+", default=[0, 1_000, 4_000], help="events until a label")
    parser.add_argument("--shares", type=float, nargs="+", default=[SHARE], help="shares asked about")
    arguments = parser.parse_args()

    streams = list(chosen(arguments))
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    for share in arguments.shares:
        for delay in arguments.delays:
            title = f"{share:.2%} asked, labels {delay:,} events late, {arguments.seeds} seeds"
            table = Table("stream", title=title)
            for heading in ("labels, random", "kappa", "labels", "kappa", "factor", "early, at random"):
                table.add_column(heading, justify="right")
            for stream in streams:
                plain, sampled, gained, early = measure(stream, share, delay, seeds)
                table.add_row(
                    stream.name,
                    str(plain.labels),
                    f"{plain.kappa:.3f}",
                    str(sampled.labels),
                    f"{sampled.kappa:.3f}",
                    str(gained),
                    str(early),
                )
            Console().print(table)


if __name__ == "__main__":
    main()
