"""Cohen's kappa where annotators err: equal trust, the rule, and knowing how often each of them errs.

STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks annotators
STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks annotators --rate 0.02 --seeds 5 -- elec2 nslkdd

Three annotators label a share of the rows at once, each row by one of them, some (doubles) by two. Errors are
other classes, drawn at random. The learner and the engine's own consensus run as in the service.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import cohen_kappa_score

from streamssl.config import AnnotatorSettings
from streamssl.engine.annotators import Annotators
from streamssl.engine.consensus import FEW, Consensus, consensus, said_when_it_passed
from streamssl.engine.learnt import LearntExamples, Said
from streamssl.evaluation import label_mask
from streamssl.learners.mixture import Memory, Mixture
from streamssl.messages import Label
from tests.benchmarks.streams import Stream, add_arguments, chosen

NAMES = ("ann", "bob", "cyd")
BLOCK = 1_000


class Setting(NamedTuple):
    """Who errs how often, and how many rows two of them label."""

    errors: tuple[float, ...]
    doubles: float

    def __str__(self) -> str:
        return f"wrong {', '.join(f'{e:.0%}' for e in self.errors)}; {self.doubles:.0%} doubles"


SETTINGS = (
    Setting((0.05, 0.05, 0.40), 0.0),
    Setting((0.05, 0.05, 0.40), 0.07),
    Setting((0.05, 0.075, 0.10), 0.0),
    Setting((0.05, 0.075, 0.10), 0.07),
    Setting((0.0, 0.0, 0.0), 0.0),
)


class KnownErrors(Annotators):
    """Knows how often each annotator errs."""

    def __init__(self, errors: Sequence[float]) -> None:
        super().__init__()
        self.errors = dict(zip(NAMES, errors, strict=True))

    def confusion(
        self, name: str | None, n_classes: int, young: Sequence[int] = (), without: int | None = None
    ) -> NDArray[np.float64]:
        """Return the true table of mistakes."""
        error = max(1e-3, self.errors[name or ""])
        table = np.full((n_classes, n_classes), error / max(1, n_classes - 1))
        np.fill_diagonal(table, 1 - error)
        return table


def draw_answers(stream: Stream, rate: float, setting: Setting, seed: int) -> dict[int, list[Label]]:
    """Return, for each row that is labelled, who answers what."""
    random = np.random.default_rng([seed, 7])
    n_classes = int(stream.y.max()) + 1
    answers = {}
    for t in np.flatnonzero(label_mask(stream.y, rate, seed)).tolist():
        asked = random.permutation(len(NAMES))[: 2 if random.random() < setting.doubles else 1]
        answers[t] = []
        for who in asked.tolist():
            is_wrong = random.random() < setting.errors[who]
            said = (stream.y[t] + is_wrong * random.integers(1, n_classes)) % n_classes
            answers[t].append(Label(str(t), str(said), 0, NAMES[who]))
    return answers


class Service:
    """The learner and what the engine knows of annotators, without topics in between."""

    def __init__(self, n_features: int, seed: int, settings: AnnotatorSettings, annotators: Annotators) -> None:
        self.learner = Mixture(seed=seed)
        self.learner.grow(n_features, 0)
        self.classes: list[str] = []
        self.settings = settings
        self.annotators = annotators
        self.learnt = LearntExamples()

    def label(self, key: int, row: NDArray[np.float32], memory: Memory, answers: Sequence[Label]) -> None:
        """Learn the answers about a row."""
        decision = int(memory.decisions[0])
        said = said_when_it_passed(memory.experts[0], decision, float(memory.confidences()[0]))
        agreed = consensus(key, answers, said, self.classes, self._learnt(), self.annotators, self.settings)
        target = self._target(agreed)
        self.learner.grow(len(row), len(self.classes))
        self.learner.learn(row[None], target, np.ones(1, np.float32), memory, np.array([key]))
        learnt = Said(*agreed)
        self.annotators.replace(key, None, learnt, self.classes.index)
        self.learnt.put(key, learnt)

    def _learnt(self) -> LearntExamples:
        if not isinstance(self.annotators, KnownErrors):
            return self.learnt
        seasoned = LearntExamples()  # who knows the annotators needs no labels to know who can tell a class
        seasoned.labelled = Counter({name: FEW + self.learnt.labelled[name] for name in self.classes})
        return seasoned

    def _target(self, agreed: Consensus) -> NDArray[np.float32]:
        shares = agreed.soft or ((agreed.label or "", 1.0),)
        for name in [*(name for name, _ in shares), *(name for _, name in agreed.answers)]:
            if name not in self.classes:
                self.classes.append(name)
        target = np.zeros((1, len(self.classes)), np.float32)
        for name, share in shares:
            target[0, self.classes.index(name)] = share
        return target / target.sum()


def kappa(stream: Stream, answers: dict[int, list[Label]], service: Service) -> float:
    """Return kappa over the whole stream: every row is predicted before its answers are learnt."""
    predicted = np.full(len(stream.y), -1)
    begin = 0
    while begin < len(stream.y):
        end = begin + 1
        while end < len(stream.y) and end - begin < BLOCK and end - 1 not in answers:
            end += 1
        memory = service.learner.process(stream.X[begin:end])
        names = np.array([*map(int, service.classes), -1])
        predicted[begin:end] = names[memory.decisions]
        if end - 1 in answers:
            service.label(end - 1, stream.X[end - 1], memory.take(slice(-1, None)), answers[end - 1])
        begin = end
    return float(cohen_kappa_score(stream.y, predicted))


def measure(stream: Stream, rate: float, setting: Setting, n_seeds: int) -> NDArray[np.float64]:
    """Return mean kappa with equal trust, the rule and the truth about annotators, and the standard error of the
    rule's gain over equal trust."""
    kappas = []
    for seed in range(n_seeds):
        answers = draw_answers(stream, rate, setting, seed)
        kappas.append(
            [
                kappa(stream, answers, Service(stream.X.shape[1], seed, settings, annotators))
                for settings, annotators in (
                    (AnnotatorSettings(rule="equal"), Annotators()),
                    (AnnotatorSettings(), Annotators()),
                    (AnnotatorSettings(), KnownErrors(setting.errors)),
                )
            ]
        )
    gains = np.subtract([k[1] for k in kappas], [k[0] for k in kappas])
    return np.array([*np.mean(kappas, axis=0), gains.std(ddof=1) / n_seeds**0.5 if n_seeds > 1 else np.nan])


def table(streams: list[Stream], rate: float, setting: Setting, n_seeds: int) -> Table:
    """Return one line a stream, and the mean."""
    shown = Table("stream", title=f"{rate:.3g} of the labels; {setting}; {n_seeds} seeds")
    for heading in ("equal", "rule", "oracle", "rule - equal", "s.e."):
        shown.add_column(heading, justify="right")
    rows = []
    for stream in streams:
        row = measure(stream, rate, setting, n_seeds)
        rows.append(row)
        shown.add_row(stream.name, *(f"{k:.3f}" for k in row[:3]), f"{row[1] - row[0]:+.3f}", f"{row[3]:.3f}")
    mean = np.mean(rows, axis=0)
    shown.add_section()
    shown.add_row("mean", *(f"{k:.3f}" for k in mean[:3]), f"{mean[1] - mean[0]:+.3f}", "")
    return shown


def main() -> None:
    """Print a table for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--rate", type=float, default=0.02, help="share of rows that are labelled")
    parser.add_argument("--seeds", type=int, default=4, help="masks, annotators and learners to average over")
    parser.add_argument("--only", type=int, choices=range(len(SETTINGS)), help="only this setting")
    arguments = parser.parse_args()

    streams = list(chosen(arguments))
    if not streams:
        raise SystemExit("no streams")
    for setting in SETTINGS if arguments.only is None else SETTINGS[arguments.only : arguments.only + 1]:
        Console().print(table(streams, arguments.rate, setting, arguments.seeds))


if __name__ == "__main__":
    main()
