"""``streamssl evaluate``: how good the learner is on a stream, beside its twin and beside others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamssl.cli.output import CommandError, on_terminal, print_table, say

if TYPE_CHECKING:
    from streamssl.evaluation.comparison import Run, Runner


def evaluate(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|DATASET",
            help="CSV, JSON Lines (both also .gz), Parquet, or NumPy's .npz with X and y; "
            "or a set of River's: phishing, image-segments, bananas, shuttle, elec2.",
        ),
    ],
    label: Annotated[
        str, typer.Option("--label", "--label-column", metavar="COLUMN", help="Column of the classes.")
    ] = "label",
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Column that is no feature, as an id. Repeatable.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Take so many events at the most.")] = None,
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="Draw an order for each seed: for sets that have none in time.")
    ] = False,
    rate: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="Labels shown, beside the first two of each class.")
    ] = 0.01,
    delay: Annotated[int, typer.Option(min=0, metavar="N", help="Events that pass before a label comes.")] = 0,
    drawn: Annotated[
        bool, typer.Option("--drawn", help="Draw a delay for each label, --delay on average.")
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="How many times, with other labels shown.")] = 3,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="Another learner beside it: river:linear_model.LogisticRegression, "
            "sklearn:linear_model.SGDClassifier, capymoa:SLEADE. Repeatable.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for tables and pictures; earlier ones are replaced.")
    ] = Path("evaluation"),
) -> None:
    """Predict every event of a stream before it is learnt from, with most labels hidden and the others late.

    The learner, its twin, which learns from labelled events only, and any others see the same labels at the same
    time; hidden labels reach none of them. A table goes to the terminal, and with pictures to the output folder.
    """
    from streamssl.evaluation import report
    from streamssl.evaluation.comparison import LEARNER, TWIN, Labelling, compare
    from streamssl.evaluation.datasets import DatasetError
    from streamssl.evaluation.streams import load

    labelling, numbers, peers = Labelling(rate, delay, drawn), range(seeds), _runners(peer) if peer else {}
    try:
        stream = load(source, label_column=label, exclude=exclude or (), limit=limit)
    except DatasetError as error:
        raise CommandError(str(error)) from error
    setting = report.setting_in_words(stream, labelling, numbers, shuffle=shuffle)
    warnings = report.suspects_in_words(stream)
    say(setting)
    for warning in warnings:
        say(f"beware: {warning}")
    output.mkdir(parents=True, exist_ok=True)
    with _shown(len(stream.y) * seeds * len([LEARNER, TWIN, *peers])) as show:
        runs = list(compare(stream, labelling, numbers, peers, shuffle=shuffle, progress=show))
    print_table(stream.name, report.COLUMNS, report.table(runs), right=report.COLUMNS[1:])
    say(report.gain_in_words(runs))
    report.write_markdown(setting, warnings, runs, output / "summary.md")
    report.write_runs(runs, output / "runs.csv")
    report.write_over_time(runs, output / "over_time.csv")
    _draw(runs, stream.name, output)
    say(f"tables and pictures are in {output}: summary.md says what was run")


def _runners(specs: Sequence[str]) -> dict[str, Runner]:
    """Return how to run each peer; a mistake in a name shows now and not after an hour."""
    from streamssl.evaluation.peers import peer, prequential_peer

    def runner(spec: str) -> Runner:
        return lambda seed, X, y, delay: prequential_peer(peer(spec, seed), X, y, delay)

    try:
        for spec in specs:
            peer(spec)
    except (ValueError, ImportError) as error:
        raise CommandError(f"--peer {spec}: {error}") from error
    return {spec: runner(spec) for spec in specs}


def _draw(runs: Sequence[Run], name: str, output: Path) -> None:
    from streamssl.evaluation import pictures

    pictures.draw_curves(runs, f"{name}: kappa", output / "curves.png")
    pictures.draw_gain(runs, f"{name}: what unlabelled events are worth", output / "gain.png")
    pictures.draw_calibration(runs, f"{name}: calibration", output / "calibration.png")
    first = runs[0]
    if first.weights is not None:
        title = f"{name}: weights of the experts, seed {first.seed}"
        pictures.draw_weights(first.weights, title, output / "weights.png")


@contextmanager
def _shown(total: int) -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar while a person watches."""
    if not on_terminal(sys.stderr):
        yield lambda learner, seed, rows: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=total)
        done: dict[tuple[str, int], int] = {}

        def show(learner: str, seed: int, rows: int) -> None:
            done[learner, seed] = rows
            bar.update(task, completed=sum(done.values()), description=f"{learner}, seed {seed}")

        yield show
