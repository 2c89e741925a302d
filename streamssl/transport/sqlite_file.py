"""A SQLite file that several processes use at once, and that holds after a power cut what it held when asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_SECONDS = 30
"""How long one writer waits for another's transaction."""


def opened(path: Path, tables: str) -> sqlite3.Connection:
    """Return a connection to a file, which any one thread at a time may use.

    Parameters
    ----------
    path
        Made when missing.
    tables
        Statements that make the tables where they are missing.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # a commit is on the disk when it returns
    connection.executescript(tables)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside becomes visible together, or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back by itself: a full disk
            connection.execute("ROLLBACK")
        raise
