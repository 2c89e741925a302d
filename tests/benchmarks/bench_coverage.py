"""How often the intervals of the live accuracy hold the truth, at every time that it is looked at.

python -m tests.benchmarks coverage
STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks coverage --runs 200 --only late

The engine's own sampler asks, and its own estimator is fed with predictions of which the truth is known: simulated
ones, and those of the real learner on two streams, computed once (1% of the labels, random). Each run draws anew
who is asked, how late the answers come and who does not answer. Coverage at one time is the share of runs whose
interval holds the accuracy of that run's window; shown is the worst time, and the mean. "Since start" holds when it
does at all times of a run.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from streamssl.config import ReviewSettings
from streamssl.engine.asking import ReviewSampler, Said
from streamssl.engine.live_accuracy import LiveAccuracy, Observed, read
from streamssl.engine.live_accuracy.evidence import evidence
from streamssl.engine.live_accuracy.intervals import tally
from streamssl.engine.live_accuracy.requests import Status
from streamssl.engine.scores import wilson_interval
from streamssl.evaluation import label_mask
from streamssl.learners.mixture import Mixture
from tests.benchmarks.streams import stored

SHARE = 0.02
QUEUED = 2_000
"""Events until a request expires where people do not get through the queue."""
WINDOW = 10_000
CHUNK = 500
LOOK_EVERY = 2_500
FIRST_LOOK = 10_000
EVENTS, MANY = 40_000, 100_000
"""Events of a run; where people do not get through the queue the service first has to notice."""
KINDS = ("guaranteed", "approximate", "normal", "plain", "since start", "twin", "gain", "pseudo-labels")


class Predictions(NamedTuple):
    """What was predicted of a stream, and the truth about it; n entries each."""

    decisions: NDArray[np.int64]
    confidences: NDArray[np.float32]
    right: NDArray[np.bool_]
    twins: NDArray[np.int64]
    twin_right: NDArray[np.bool_]
    pseudo: NDArray[np.int64]


class Scenario(NamedTuple):
    """How people are asked, and how they answer."""

    name: str
    predictions: Callable[[np.random.Generator], Predictions]
    is_uncertain_first: bool = False
    """The sampler's own preference, instead of the same propensity for all."""
    delay: float = 0.0
    """Mean delay of an answer, events; exponential."""
    silence: tuple[float, float] = (0.0, 0.0)
    """Chance of "I don't know", where the prediction is right and where it is wrong."""
    slower: int = 1
    """How many times as long it is from event to event in the first half."""
    per_hour: float | None = None
    """Answers that people can give."""
    reached: float | None = None
    """Requests that they get through, as a part of those that the share makes, by key; None: all."""


def simulated(
    random: np.random.Generator, *, drift: float = 0.0, overconfident: float = 0.0, n: int = EVENTS
) -> Predictions:
    """Return n predictions as sure as they are right, until in mid-stream they are right less often."""
    confidences = 0.5 + 0.5 * random.beta(2.0, 0.6, n)
    chance = np.where(np.arange(n) < n // 2, confidences, confidences - drift) - overconfident
    right = random.random(n) < chance
    twin_right = np.where(right, random.random(n) < 0.95, random.random(n) < 0.2)
    decisions = random.integers(0, 2, n)
    return Predictions(
        decisions,
        confidences.astype(np.float32),
        right,
        np.where(twin_right == right, decisions, 1 - decisions),
        twin_right,
        np.where(confidences > 0.9, decisions, -1),
    )


def recorded(folder: Path, name: str) -> Predictions:
    """Return what the learner and its twin say of a stream's first rows with 1% of the labels, at once."""
    [stream] = [each for each in stored(folder, embeddings=False) if each.name == name]
    X, y = stream.X[:EVENTS], stream.y[:EVENTS]
    n_classes = int(y.max()) + 1
    learners = [Mixture(seed=0), Mixture(seed=0, learn_from_unlabelled=False)]
    for learner in learners:
        learner.grow(X.shape[1], n_classes)
    labelled = np.flatnonzero(label_mask(y, 0.01, 0))
    decisions, twins = np.full((2, len(y)), -1, dtype=np.int64)
    confidences = np.zeros(len(y), dtype=np.float32)
    begin = 0
    for end in [*(labelled + 1).tolist(), len(y)]:
        if end == begin:
            continue
        memory = learners[0].process(X[begin:end])
        decisions[begin:end], confidences[begin:end] = memory.decisions, memory.confidences()
        twins[begin:end] = learners[1].predict(X[begin:end]).decisions
        if end - 1 in labelled:
            row, key, one = X[end - 1 : end], np.array([end - 1]), np.ones(1, np.float32)
            target = np.eye(n_classes, dtype=np.float32)[y[end - 1 : end]]
            learners[0].learn(row, target, one, memory.take(slice(-1, None)), key)
            learners[1].learn(row, target, one, None, key)
        begin = end
    is_pseudo = confidences > np.quantile(confidences, 0.3)  # so that there are enough of them on any stream
    return Predictions(
        decisions, confidences, decisions == y, twins, twins == y, np.where(is_pseudo, decisions, -1)
    )


def run(
    scenario: Scenario, predictions: Predictions, random: np.random.Generator
) -> Iterator[list[tuple[float, ...]]]:
    """Yield, at each look, (low, high, truth) for each of the kinds."""
    n = len(predictions.right)
    review = ReviewSettings(
        sampler="uncertainty" if scenario.is_uncertain_first else "random", share=SHARE, per_hour=scenario.per_hour
    )
    sampler = ReviewSampler(review, seed=int(random.integers(2**32)))
    live = LiveAccuracy(share=SHARE, window=None if scenario.reached else WINDOW)
    expires = QUEUED if scenario.reached else max(1, int(5 * scenario.delay))
    arrivals = np.cumsum(np.where(np.arange(n) < n // 2, scenario.slower, 1)) * 1_000
    said = np.stack([predictions.confidences, 1 - predictions.confidences], axis=1)
    labelled = np.full(2, 100)  # the two columns stand for the likeliest class and all others
    answers: list[tuple[float, int]] = []
    waiting: list[tuple[float, int]] = []
    for begin in range(0, n, CHUNK):
        part = slice(begin, begin + CHUNK)
        ends = arrivals[part] + 1_000 * expires
        decisions = np.zeros(CHUNK, dtype=np.int64)
        drawn = sampler.ask(Said(said[part], decisions), arrivals[part], ends, first=begin, labelled=labelled)
        asked = drawn.propensities > 0
        for i in np.flatnonzero(asked).tolist():
            if scenario.reached:
                heappush(waiting, (drawn.keys[i], begin + i))
                continue
            heappush(answers, (begin + i + random.exponential(scenario.delay or 1e-9), begin + i))
        live.observe(
            Observed(
                first=begin,
                arrivals=arrivals[part],
                expires=ends,
                decisions=predictions.decisions[part],
                confidences=predictions.confidences[part],
                propensities=drawn.counted,
                pseudo=predictions.pseudo[part],
                twins=np.where(asked, predictions.twins[part], -1),
                promised=drawn.promised_to_count,
            ),
            pending_first=max(0, begin - 20_000),
        )
        for _ in range(random.poisson(scenario.reached * SHARE * CHUNK) if scenario.reached else 0):
            while waiting and waiting[0][1] <= begin + CHUNK - expires:
                heappop(waiting)
            if waiting:
                answers.append((begin, heappop(waiting)[1]))
        while answers and answers[0][0] < begin + CHUNK:
            when, event = heappop(answers)
            if scenario.delay and when - event >= expires:
                continue
            right = bool(predictions.right[event])
            if random.random() < scenario.silence[0 if right else 1]:
                live.abstain(event)
                sampler.answered(event)
            else:
                live.answer(event, right, bool(predictions.twin_right[event]))
                sampler.answered(event, float(predictions.confidences[event]) - right)
        now = begin + CHUNK
        if now >= FIRST_LOOK and now % LOOK_EVERY == 0:
            yield _look(live, predictions)


def _look(live: LiveAccuracy, truth: Predictions) -> list[tuple[float, ...]]:
    reading = read(live, 0)
    end = live.end_block()
    last = int(live.blocks.begins[end])
    window = slice(int(live.blocks.begins[live.recent_block(end)]), last)
    predicted = truth.decisions[window] >= 0
    right, twin_right = truth.right[window][predicted], truth.twin_right[window][predicted]
    pseudo = truth.pseudo[window] >= 0
    learner, twin, gain = reading.recent
    places = live.requests.places(window.start, window.stop)
    chosen = np.arange(places.start, places.stop)
    said = tally(evidence(live.requests, chosen, "learner"), np.array([live.floor]))
    value = learner.value
    error = 1.96 * np.sqrt(said.variance) / max(1, learner.events)
    answered = chosen[live.requests["status"][places] == Status.ANSWERED]
    plain = wilson_interval(int(live.requests["right"][answered].sum()), max(1, len(answered)))
    whole = reading.since_start.learner
    since = slice(min(live.start, last), last)
    of_all = truth.right[since][truth.decisions[since] >= 0].mean() if whole.events else np.nan
    precision = reading.pseudo_labels["all"]
    return [
        (learner.low, learner.high, right.mean()),
        (learner.approximate_low, learner.approximate_high, right.mean()),
        (value - error, value + error, right.mean()),
        (*plain, right.mean()),
        (whole.low, whole.high, of_all),
        (twin.low, twin.high, twin_right.mean()),
        (gain.low, gain.high, right.mean() - twin_right.mean()),
        (precision.low, precision.high, truth.right[window][pseudo].mean() if pseudo.any() else np.nan),
    ]


def measure(scenario: Scenario, n_runs: int) -> NDArray[np.float64]:
    """Return, for each kind, coverage at the worst time and the mean, the width, and whether it holds all along."""
    seen = []
    for seed in range(n_runs):
        random = np.random.default_rng([seed, 1])
        seen.append(list(run(scenario, scenario.predictions(random), random)))
    low, high, truth = np.moveaxis(np.array(seen), -1, 0)  # (run, look, kind) each
    is_there = ~np.isnan(low) & ~np.isnan(truth)
    holds = (low <= truth + 1e-12) & (truth <= high + 1e-12)
    rows = []
    for kind in range(len(KINDS)):
        looks = [holds[is_there[:, look, kind], look, kind] for look in range(holds.shape[1])]
        shares = [look.mean() for look in looks if len(look)]
        width = (high - low)[..., kind][is_there[..., kind]]
        along = (holds | ~is_there)[..., kind].all(axis=1).mean()
        mean = np.mean(shares) if shares else np.nan
        rows.append((min(shares, default=np.nan), mean, width.mean() if len(width) else np.nan, along))
    return np.array(rows)


def scenarios(folder: Path | None) -> list[Scenario]:
    """Return what is measured."""

    def drifting(random: np.random.Generator) -> Predictions:
        return simulated(random, drift=0.3)

    def drifting_on(random: np.random.Generator) -> Predictions:
        return simulated(random, drift=0.3, n=MANY)

    def boasting(random: np.random.Generator) -> Predictions:
        return simulated(random, overconfident=0.2)

    found = [
        Scenario("no drift", simulated),
        Scenario("drift", drifting),
        Scenario("drift, uncertain first", drifting, is_uncertain_first=True),
        Scenario("overconfident, uncertain first", boasting, is_uncertain_first=True),
        Scenario("drift, uncertain first, late", drifting, is_uncertain_first=True, delay=1_000),
        Scenario("drift, late, silent where wrong", drifting, True, 1_000, (0.02, 0.3)),
        Scenario("twice as many events, no more time", simulated, True, slower=2, per_hour=40.0),
        Scenario("half is reached, by key", drifting_on, reached=0.5),
        Scenario("half is reached, uncertain first", drifting_on, True, reached=0.5),
        Scenario("a fifth is reached, silent where wrong", drifting_on, True, silence=(0.02, 0.3), reached=0.2),
    ]
    for name in ("elec2", "nslkdd") if folder else ():
        assert folder is not None, "or there would be no names"
        known = recorded(folder, name)
        for is_uncertain_first, delay in ((False, 0.0), (True, 0.0), (True, 1_000.0)):
            words = [name, *["uncertain first"] * is_uncertain_first, *["late"] * (delay > 0)]
            found.append(Scenario(", ".join(words), lambda _, known=known: known, is_uncertain_first, delay))
    return found


def main() -> None:
    """Print a table of coverages, and one of widths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="runs of each scenario")
    parser.add_argument("--only", default="", help="only scenarios with this in their name")
    arguments = parser.parse_args()

    data = os.environ.get("STREAMSSL_BENCH_DATA")
    title = f"{arguments.runs} runs; {SHARE:.0%} asked; the last {WINDOW:,} of {EVENTS:,} events"
    coverage = Table("scenario", title=f"coverage at the worst time (mean over times); {title}")
    width = Table("scenario", title=f"mean width; {title}")
    for kind in KINDS:
        coverage.add_column(kind, justify="right")
        width.add_column(kind, justify="right")
    for scenario in scenarios(Path(data) if data else None):
        if arguments.only not in scenario.name:
            continue
        rows = measure(scenario, arguments.runs)
        cells = [f"{worst:.3f} ({mean:.3f})" for worst, mean, _, _ in rows]
        cells[KINDS.index("since start")] = f"{rows[KINDS.index('since start'), 3]:.3f}"
        coverage.add_row(scenario.name, *cells)
        width.add_row(scenario.name, *(f"{each:.3f}" for each in rows[:, 2]))
    console = Console(width=150)
    console.print(coverage)
    console.print(width)


if __name__ == "__main__":
    main()
