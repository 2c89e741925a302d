"""What sharing a stream among workers costs in accuracy: kappa of 2, 4, 8 workers beside that of one.

    STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks workers
    STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks workers --peers none -- elec2 occupancy
    STREAMSSL_BENCH_DATA=folder python -m tests.benchmarks workers --run 256 -- elec2

As with the service, the workers partition the events and replicate the labels: every event is dealt to one of them
by a hash of its number, which predicts and observes it, and every label is learnt by all, from what the event's own
worker remembered of it (the examples topic). Nothing is delayed, so that only the partitioning makes a difference.
Of one worker this is `prequential`, bit for bit.

What the others make of a label can be varied (``--peers``), and so can the dealing (``--run``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import cohen_kappa_score

from streamssl.evaluation import label_mask
from streamssl.learners.mixture import Memory, Mixture
from tests.benchmarks.streams import Stream, add_arguments, chosen

NOTABLE = 0.02
"""A loss against one worker that is pointed out."""


class Example(NamedTuple):
    """One labelled event, as its worker passes it on."""

    rows: NDArray[np.float32]
    """(1, d)."""
    targets: NDArray[np.float32]
    """(1, k)."""
    memory: Memory


def learn_whole(worker: Mixture, example: Example) -> None:
    """Learn what a peer remembers, as the service does."""
    _learn(worker, example, example.memory)


def learn_anew(worker: Mixture, example: Example) -> None:
    """Ask one's own experts now, as where an example brings no memory."""
    _learn(worker, example, None)


def learn_in_own_context(worker: Mixture, example: Example) -> None:
    """Score the experts by what the peer's said, but teach them against one's own context and position."""
    now = worker.predict(example.rows)
    _learn(worker, example, example.memory._replace(context=now.context, positions=now.positions))


def learn_by_own_word(worker: Mixture, example: Example) -> None:
    """Score one's own experts as they are now, and teach them against the peer's context and position."""
    now = worker.predict(example.rows)
    _learn(worker, example, now._replace(context=example.memory.context, positions=example.memory.positions))


def learn_not(worker: Mixture, example: Example) -> None:
    """Leave it: every worker has the labels of its own events only."""


PEERS: dict[str, Callable[[Mixture, Example], None]] = {
    "whole": learn_whole,
    "anew": learn_anew,
    "own-context": learn_in_own_context,
    "own-word": learn_by_own_word,
    "none": learn_not,
}
"""What a worker makes of the label of a peer's event."""


def _learn(worker: Mixture, example: Example, memory: Memory | None) -> None:
    worker.learn(example.rows, example.targets, np.ones(1, np.float32), memory)


def dealt(n_events: int, n_workers: int, run: int) -> NDArray[np.int64]:
    """Return the worker of each event: by a hash of its number, the same for ``run`` events in a row."""
    numbers = np.arange(n_events, dtype=np.uint64) // np.uint64(run)
    # The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers = (numbers ^ (numbers >> np.uint64(shift))) * np.uint64(factor)
    return ((numbers ^ (numbers >> np.uint64(31))) % np.uint64(n_workers)).astype(np.int64)


def decisions_of(
    stream: Stream,
    shown: NDArray[np.bool_],
    owners: NDArray[np.int64],
    learn_from_peer: Callable[[Mixture, Example], None],
    seed: int,
    preset: str = "default",
) -> NDArray[np.int64]:
    """Return what was predicted for each event by its worker; -1 while it knew no class.

    Parameters
    ----------
    shown
        (n,) whose labels arrive, each right after its event.
    owners
        (n,) worker of each event.
    """
    n_classes = int(stream.y.max()) + 1
    labelled = np.flatnonzero(shown)
    workers, own, until = [], [], []
    for number in range(int(owners.max()) + 1):
        workers.append(Mixture(stream.X.shape[1], n_classes, seed=seed, preset=preset))
        own.append(np.flatnonzero(owners == number))
        until.append(np.searchsorted(own[number], labelled, side="right"))
    decisions = np.full(len(stream.y), -1)
    done = [0] * len(workers)

    def process(number: int, end: int) -> Memory:
        """Let a worker predict and observe its events up to one, and return what it said."""
        rows = own[number][done[number] : end]
        memory = workers[number].process(stream.X[rows])
        decisions[rows] = memory.decisions
        done[number] = end
        return memory

    for i, t in enumerate(labelled.tolist()):
        owner = int(owners[t])
        memories = [process(number, int(until[number][i])) for number in range(len(workers))]
        target = np.eye(n_classes, dtype=np.float32)[stream.y[t : t + 1]]
        example = Example(stream.X[t : t + 1], target, memories[owner].take(slice(-1, None)))
        for number, worker in enumerate(workers):
            if number == owner:
                learn_whole(worker, example)
            else:
                learn_from_peer(worker, example)
    for number in range(len(workers)):
        process(number, len(own[number]))
    return decisions


def measure(stream: Stream, n_workers: int, arguments: argparse.Namespace) -> float:
    """Return mean kappa over the seeds; events predicted before any label count as wrong."""
    kappas = []
    for seed in range(arguments.seeds):
        shown = label_mask(stream.y, arguments.rate, seed)
        owners = dealt(len(stream.y), n_workers, arguments.run)
        decisions = decisions_of(stream, shown, owners, PEERS[arguments.peers], seed, arguments.preset)
        kappas.append(cohen_kappa_score(stream.y, decisions))
    return float(np.mean(kappas))


def table(streams: list[Stream], arguments: argparse.Namespace) -> Table:
    """Return one line a stream, and the mean: kappa of one worker, and of more with the difference to it."""
    title = f"{arguments.rate:.3g} of the labels, peers' labels: {arguments.peers}, runs of {arguments.run}"
    shown = Table("stream", title=title)
    for n_workers in arguments.counts:
        shown.add_column(f"{n_workers} worker{'s' if n_workers > 1 else ''}", justify="right")
    lines = []
    for stream in streams:
        lines.append([measure(stream, n_workers, arguments) for n_workers in arguments.counts])
        shown.add_row(stream.name, *_cells(lines[-1]))
    if lines:
        shown.add_section()
        shown.add_row("mean", *_cells(np.mean(lines, axis=0).tolist()))
    return shown


def _cells(kappas: list[float]) -> list[str]:
    first, *others = kappas
    lost = [
        f"{kappa:.3f} [red]{kappa - first:+.3f}[/red]"
        if kappa < first - NOTABLE
        else f"{kappa:.3f} {kappa - first:+.3f}"
        for kappa in others
    ]
    return [f"{first:.3f}", *lost]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--rate", type=float, default=0.01, help="share of labels that are shown")
    parser.add_argument("--seeds", type=int, default=1, help="masks to average over")
    parser.add_argument(
        "--counts", type=int, nargs="+", default=[1, 2, 4, 8], help="workers; compared to the first"
    )
    parser.add_argument(
        "--peers", choices=PEERS, default="whole", help="what is made of the labels of peers' events"
    )
    parser.add_argument("--run", type=int, default=1, help="events in a row that go to one worker")
    parser.add_argument("--preset", default="default", help="preset of the learners")
    arguments = parser.parse_args()
    Console().print(table(list(chosen(arguments)), arguments))


if __name__ == "__main__":
    main()
