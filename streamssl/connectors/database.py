"""The file in which a process beside the learner keeps what it knows: a connector, the review service."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from streamssl.transport.sqlite_file import opened, transaction

COMMON = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value NOT NULL);
CREATE TABLE IF NOT EXISTS positions (
    topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)
);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, value BLOB NOT NULL
);
"""
"""What every such file holds: how far topics have been read, and labels on their way."""


class Database:
    """One connection to the file; one a thread.

    Parameters
    ----------
    path
        Made when missing, its folder too.
    tables
        Statements that make the tables of its own, where they are missing.
    """

    def __init__(self, path: Path, tables: str = "") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite would let everybody on this machine read it; the files that it puts beside it are as this one.
        path.touch(mode=0o600)
        self._connection = opened(path, COMMON + tables)

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside is kept together, or not at all; then it is on the disk, and may be acknowledged."""
        return transaction(self._connection)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        return self._connection.execute(statement, values).fetchall()

    def named(self, statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Run one statement with named values and return its rows."""
        return self._connection.execute(statement, values).fetchall()

    def fact(self, name: str) -> Any:
        """Return what is remembered under a name; None when nothing is."""
        found = self.rows("SELECT value FROM facts WHERE name = ?", name)
        return found[0][0] if found else None

    def remember(self, name: str, value: str | int | None) -> None:
        """Remember one value under a name; None forgets it."""
        if value is None:
            self.rows("DELETE FROM facts WHERE name = ?", name)
        else:
            self.rows("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, value)

    def close(self) -> None:
        """Release."""
        self._connection.close()
