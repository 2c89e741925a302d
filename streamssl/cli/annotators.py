"""``streamssl annotators``: how often each annotator is right, and how far they agree; for the lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamssl.cli.options import ConfigFile, Settings
from streamssl.cli.output import CommandError, nearest, print_table, say
from streamssl.cli.snapshots import part, read_snapshot

if TYPE_CHECKING:
    from streamssl.engine.annotators import Annotators, Pair, Report

UNNAMED = "(unnamed)"


def annotators(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One annotator: with their table of mistakes.")
    ] = None,
    snapshot: Annotated[
        str, typer.Option("--snapshot", metavar="NAME", help="A snapshot, as `streamssl snapshots list` names it.")
    ] = "latest",
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Show how often each annotator is right and how far they agree, as of the worker's newest snapshot.

    It is meant for the lead, who may show everyone their own line: nobody knows the truth for sure.
    """
    from streamssl.engine.annotators import Annotators

    loaded = read_snapshot(snapshot, config, settings)
    classes = loaded.document["classes"]
    known = Annotators.from_state(loaded.document["annotators"], part(loaded.arrays, "annotators"))
    reports = known.report(len(classes))
    if not reports:
        say("nobody has signed a label yet")
    elif name is None:
        _print_all(reports, known.pairs())
    else:
        _print_one(name, reports, known, classes)


def _print_all(reports: list[Report], pairs: list[Pair]) -> None:
    columns = ["annotator", "labels", "right, estimated", "doubles", "agreed"]
    print_table("Annotators", columns, map(_row, reports), right=columns[1:])
    if pairs:
        columns = ["one", "other", "doubles", "agreed"]
        rows = [(pair.one or UNNAMED, pair.other or UNNAMED, pair.doubles, _share(pair)) for pair in pairs]
        print_table("Pairs", columns, rows, right=columns[2:], apart=True)


def _print_one(name: str, reports: list[Report], known: Annotators, classes: list[str]) -> None:
    names = {report.name or UNNAMED: report for report in reports}
    if name not in names:
        raise CommandError(f"no annotator {name}{nearest(name, names)}; there are {', '.join(names)}")
    report = names[name]
    columns = ["annotator", "labels", "right, estimated", "doubles", "agreed"]
    print_table("Annotator", columns, [_row(report)], right=columns[1:])
    table = known.confusion(report.name, len(classes))
    rows = [(truth, *(f"{share:.0%}" for share in shares)) for truth, shares in zip(classes, table, strict=True)]
    print_table("What they say of events of each class", ["class", *classes], rows, right=classes, apart=True)


def _row(report: Report) -> tuple[Any, ...]:
    return (report.name or UNNAMED, report.labels, f"{report.reliability:.0%}", report.doubles, _share(report))


def _share(counted: Report | Pair) -> str | None:
    return f"{counted.agreed / counted.doubles:.0%}" if counted.doubles else None
