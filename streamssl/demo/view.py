"""What the demo shows while it runs: a live panel on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from streamssl.demo.scoreboard import Scoreboard
    from streamssl.demo.stream import Progress
    from streamssl.monitoring.scrape import Scrape

LINE_EVERY = 5.0
"""Seconds between plain lines."""
REDRAW_EVERY = 0.25
BARS = " ▁▂▃▄▅▆▇█"
SPARK_WIDTH = 56

Show = Callable[["Progress", "Scoreboard"], None]


@contextmanager
def shown(console: Console, *, title: str, footer: str, live: bool) -> Iterator[Show]:
    """Show progress as long as the context lasts; the function that it gives may be called at any rate.

    Parameters
    ----------
    console
        Where to.
    title
        Of the panel.
    footer
        Of the panel: an address to look at meanwhile.
    live
        A panel that is redrawn; otherwise plain lines.
    """
    if not live:
        yield _lines(console)
        return
    with Live(console=console, auto_refresh=False, transient=True) as display:
        drawn = 0.0

        def show(progress: Progress, board: Scoreboard) -> None:
            nonlocal drawn
            if time.monotonic() - drawn >= REDRAW_EVERY:
                drawn = time.monotonic()
                display.update(panel(progress, board, title, footer), refresh=True)

        yield show


def _lines(console: Console) -> Show:
    due = 0.0

    def show(progress: Progress, board: Scoreboard) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + LINE_EVERY
            console.print(line(progress, board), soft_wrap=True, highlight=False, markup=False)

    return show


def line(progress: Progress, board: Scoreboard) -> str:
    """Return the state of things as one plain line."""
    return (
        f"{board.events:5d}/{progress.total} events, {progress.per_second:.0f}/s; "
        f"labels: {board.review_requests} asked, {board.labelled_events} arrived, {progress.waiting} waiting; "
        f"accuracy: {estimate(progress.scrape, 'learner')}, twin {estimate(progress.scrape, 'twin')}"
    )


def panel(progress: Progress, board: Scoreboard, title: str, footer: str) -> Panel:
    """Return the state of things as a panel."""
    scrape = progress.scrape
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        ProgressBar(total=progress.total, completed=board.events, width=SPARK_WIDTH - 16),
        f"{board.events:,} of {progress.total:,}",
    )
    table.add_row("events", bar)
    table.add_row("speed", f"{progress.per_second:.0f} events/s")
    table.add_row(
        "labels", f"{board.review_requests} asked, {board.labelled_events} arrived, {progress.waiting} waiting"
    )
    table.add_row("pseudo-labels", f"{board.pseudo_labels} given")
    table.add_row("", "")
    table.add_row(
        "accuracy",
        Text.assemble((estimate(scrape, "learner"), "bold"), "  on all events"),
    )
    table.add_row("its twin", f"{estimate(scrape, 'twin')}  fed with labelled events only")
    if board.events:
        service, twin = board.curves()
        table.add_row("", "")
        table.add_row("hidden truth", Text("accuracy over the last events, which only this demo can know", "dim"))
        table.add_row("service", Text(f"{sparkline(service.tolist())} {service[-1]:.0%}", "blue"))
        table.add_row("its twin", Text(f"{sparkline(twin.tolist())} {twin[-1]:.0%}", "yellow"))
    return Panel(
        Group(table, Text(), Text(footer, "dim")), title=title, title_align="left", border_style="dim", expand=False
    )


def estimate(scrape: Scrape, who: str) -> str:
    """Return the service's own estimate of an accuracy on all events, with its guaranteed 95% interval."""
    recent = {"who": who, "window": "recent"}
    value, low, high = (
        scrape.value(f"streamssl_live_accuracy{end}_ratio", **recent) for end in ("", "_low", "_high")
    )
    if math.isnan(value):
        return "too few labels yet"
    return f"{value:.0%} ({low:.0%} to {high:.0%})"


def sparkline(values: list[float], width: int = SPARK_WIDTH) -> str:
    """Return shares between 0 and 1 as a row of bars, at most ``width`` of them.

    Examples
    --------
    >>> sparkline([0.0, 0.5, 1.0])
    ' ▄█'
    >>> len(sparkline([0.5] * 1000, width=40))
    40
    """
    step = max(1, len(values) / width)
    chosen = [values[int((place + 1) * step) - 1] for place in range(min(width, len(values)))]
    return "".join(BARS[round(value * (len(BARS) - 1))] for value in chosen)
