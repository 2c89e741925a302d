"""``streamssl demo``: the real service on real data, with a simulated reviewer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamssl.cli.output import CommandError

RATE, RATE_OF_A_PERSON = 50.0, 5.0
"""Events a second: with a tenth asked about, a person has two seconds for each."""


def demo(
    review: Annotated[
        bool, typer.Option("--review", help="You answer, on the reviewers' page, instead of a simulated reviewer.")
    ] = False,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="image-segments (default), digits (default with --review), bananas, phishing, breast-cancer, "
            "shuttle; or a file with labels.",
        ),
    ] = None,
    events: Annotated[int | None, typer.Option(min=1, help="Events at the most. Default: 3,000.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="N", help="Events a second. Default: 50; with --review 5."),
    ] = None,
    review_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of the events that are asked about. Default: as suits the set."),
    ] = None,
    review_delay: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long an answer takes, on average.")
    ] = 3.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the order, the learner and the reviewer.")] = 0,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for everything; an earlier demo's is replaced.")
    ] = Path("demo-output"),
    live: Annotated[bool, typer.Option("--live/--no-live", help="Redraw a panel, if a terminal is there.")] = True,
) -> None:
    """Play everything on this machine: events, a reviewer, and the service between them.

    A real data set is replayed on the embedded transport; almost no event carries a label. A simulated reviewer
    answers review requests some seconds late, with a few mistakes; with --review you do, in a browser. At the end a
    table and a picture compare the service with its twin, which learns from labelled events only.
    """
    from streamssl.demo.datasets import DEFAULT
    from streamssl.demo.run import Options, OutputTaken, run
    from streamssl.evaluation.datasets import DatasetError

    if review:
        try:
            import streamssl.review.process  # noqa: F401
        except ModuleNotFoundError as error:
            raise CommandError(f"{error.name} is missing: pip install 'streamssl[review]'") from error
    try:
        code = run(
            Options(
                dataset or ("digits" if review else DEFAULT),
                events,
                rate or (RATE_OF_A_PERSON if review else RATE),
                review_share,
                review_delay,
                seed,
                output,
                live,
                review,
            )
        )
    except (DatasetError, OutputTaken) as error:
        raise CommandError(str(error)) from error
    raise typer.Exit(code)
