"""``streamssl top``: the answers of the dashboards' top row, on a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from streamssl.cli.output import CommandError, CommandFailed, on_terminal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from streamssl.monitoring.scrape import Scrape
    from streamssl.monitoring.top import Answer

GIVE_UP_AFTER = 30.0
"""Seconds without an answer after which watching ends; a service that restarts comes back sooner."""
COLOURS = {"plain": "default", "well": "green", "warning": "yellow", "bad": "red", "unknown": "dim"}

Url = Annotated[str, typer.Option("--url", metavar="URL", help="The worker's metrics.")]


def top(
    url: Url = "http://127.0.0.1:9464/metrics",
    once: Annotated[bool, typer.Option("--once", help="Print the answers once, as text.")] = False,
    every: Annotated[float, typer.Option(min=0.2, metavar="SECONDS", help="Time between two readings.")] = 2.0,
) -> None:
    """Watch a worker: is it keeping up, is it right, do unlabelled events help, is anything wrong.

    Reads /metrics and nothing else, so it may run anywhere that reaches it. Rates are those since the reading
    before. Ctrl-C ends it; in a pipe, or with --once, it prints one page and ends.
    """
    from streamssl.monitoring.reading import Silent, read

    if not url.startswith(("http://", "https://")):
        raise CommandError(f"--url {url}: it begins with http:// or https://, as in http://127.0.0.1:9464/metrics")
    try:
        before = read(url)
    except Silent as error:
        raise CommandFailed(f"{error}; is `streamssl run` up, and is metrics.host reachable from here?") from error
    if once or not on_terminal(sys.stdout):
        time.sleep(every)
        _print_once(url, before)
    else:
        from rich.console import Console

        _watch(url, before, every, Console())


def _print_once(url: str, before: Scrape) -> None:
    from streamssl.monitoring.reading import Silent, read
    from streamssl.monitoring.top import answers, title

    try:
        now = read(url)
    except Silent as error:
        raise CommandFailed(str(error)) from error
    print(title(now))
    for answer in answers(now, before):
        print(f"{answer.question:<20}  {answer.value:<26}  {answer.detail}".rstrip())


def _watch(url: str, before: Scrape, every: float, console: Console) -> None:
    from rich.live import Live

    from streamssl.monitoring.reading import Silent, read
    from streamssl.monitoring.top import answers, title

    now, heard = before, time.monotonic()
    with Live(page(title(now), answers(now)), console=console, auto_refresh=False, screen=True) as display:
        while True:
            time.sleep(every)
            try:
                before, now = now, read(url)
                heard = time.monotonic()
                display.update(page(title(now), answers(now, before)), refresh=True)
            except Silent as error:
                silence = time.monotonic() - heard
                if silence > GIVE_UP_AFTER:
                    raise CommandFailed(f"{error}, for {silence:.0f} s") from error
                display.update(page(f"{title(now)}; no answer for {silence:.0f} s", answers(now)), refresh=True)


def page(heading: str, shown: list[Answer]) -> Table:
    """Return the answers as a table for a terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(f"streamssl  {heading}", "bold"),
        title_justify="left",
        box=None,
        show_header=False,
        padding=(0, 2),
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for answer in shown:
        table.add_row(answer.question, Text(answer.value, f"bold {COLOURS[answer.mood]}"), Text(answer.detail))
    return table
