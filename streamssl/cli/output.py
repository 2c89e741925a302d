"""What commands print: tables on a terminal, plain text in a pipe; and mistakes, in one line.

Rich is imported only when a table is drawn on a terminal, so that a command which prints a line starts quickly.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Sequence
from typing import IO, Any


class CommandError(Exception):
    """The user asked for something that cannot be done; the message names it, its place and what would do.

    `streamssl.cli.main` prints the message as one line on standard error and ends with `exit_code`.
    """

    exit_code = 2


class CommandFailed(CommandError):
    """What was asked for is right but did not work, as with a broker that does not answer."""

    exit_code = 1


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return a hint that names the candidate most like ``name``; empty when none is like it.

    Examples
    --------
    >>> nearest("evnts", ["events", "labels"])
    "; did you mean 'events'?"
    >>> nearest("xyz", ["events", "labels"])
    ''
    """
    close = difflib.get_close_matches(name, list(candidates), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def on_terminal(stream: IO[str]) -> bool:
    """Tell whether a person reads ``stream`` as it is written."""
    return stream.isatty()


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Iterable[str] = (),
    apart: bool = False,
) -> None:
    """Print a table on standard output.

    Parameters
    ----------
    title
        Said above the table on a terminal; a pipe gets the columns and rows only.
    columns
        The heading of each column.
    rows
        Values in the order of ``columns``; None is an empty cell. In a pipe they are separated by tabs.
    right
        Columns that are aligned to the right: numbers.
    apart
        Leave a line empty before it, where a command prints several.
    """
    if apart:
        print()
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    if not on_terminal(sys.stdout):
        for row in [list(columns), *cells]:
            print("\t".join(cell.replace("\t", " ") for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    aligned = set(right)
    for column in columns:
        table.add_column(column, justify="right" if column in aligned else "left", overflow="fold")
    for row in cells:
        # Text, not markup: what comes out of topics may hold square brackets.
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def say(message: str) -> None:
    """Print a line about what is being done on standard error, where it is in no pipe's way."""
    print(message, file=sys.stderr)


def counted(number: int, noun: str) -> str:
    """Return a number of things in words.

    Examples
    --------
    >>> counted(1, "label"), counted(2_000, "label")
    ('1 label', '2,000 labels')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def escaped(value: bytes | None, limit: int = 60) -> str:
    r"""Return the first bytes of a record as printable text: no control character reaches the terminal.

    Examples
    --------
    >>> escaped(b'{"id": 1}\x1b[2J')
    '{"id": 1}\\x1b[2J'
    >>> escaped(None)
    'null'
    >>> escaped(b"abcdef", limit=3)
    'abc...'
    """
    if value is None:
        return "null"
    text = value[:limit].decode("utf-8", "backslashreplace")
    shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return shown + ("..." if len(value) > limit else "")


def size(count: int) -> str:
    """Return a number of bytes in the unit that reads best.

    Examples
    --------
    >>> size(812), size(2_400_000)
    ('812 B', '2.4 MB')
    """
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
