"""What the demo says at the end: the table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from streamssl.demo.scoreboard import Scoreboard

Rows = list[tuple[str, str, str]]


def rows(board: Scoreboard, promised: float) -> Rows:
    """Return the table's rows: what, how much, and what is to be known about it."""
    gain = board.gain()
    answers = board.answers
    share = board.labelled_events / board.events
    precision = (
        f"{board.pseudo_label_precision():.1%} of them right; at least {promised:.0%} promised"
        if board.pseudo_labels
        else ""
    )
    return [
        ("events predicted", f"{board.events:,}", "each before anything was learnt from it"),
        ("accuracy", f"{board.accuracy():.1%}", "against the hidden truth, all events from the first"),
        ("accuracy of the twin", f"{board.twin_accuracy():.1%}", "the same learner without the unlabelled events"),
        (
            "gain",
            f"{100 * gain.value:+.1f} points",
            f"95% interval {100 * gain.low:+.1f} to {100 * gain.high:+.1f}",
        ),
        (
            "labels used",
            f"{board.labelled_events:,}",
            f"{share:.1%} of the events, of {board.review_requests} asked",
        ),
        (
            "answers given",
            f"{answers.total():,}",
            f"{answers['mistake']} wrong, {answers['correction']} of them corrected; "
            f"{answers['repetition']} given twice; {answers['retraction']} taken back; "
            f'{answers["abstention"]} "I don\'t know"',
        ),
        ("pseudo-labels given", f"{board.pseudo_labels:,}", precision),
    ]


def print_report(console: Console, board: Scoreboard, title: str, *, promised: float, live: bool) -> None:
    """Print the table; without a terminal as plain lines.

    Parameters
    ----------
    console
        Where to.
    board
        With at least one event.
    title
        Of the table.
    promised
        Share of right ones that pseudo-labels promise.
    live
        Whether a person watches a terminal.
    """
    if not live:
        console.print(title, highlight=False, markup=False, soft_wrap=True)
        for what, value, note in rows(board, promised):
            text = f"  {what:<22}{value:>12}   {note}".rstrip()
            console.print(text, highlight=False, markup=False, soft_wrap=True)
        return
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for row in rows(board, promised):
        table.add_row(*row)
    console.print(table)
