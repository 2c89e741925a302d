"""What reviewers should know, from a file that may change at any time."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

log = logging.getLogger(__name__)

LONGEST = 200_000
"""Characters that are shown."""


class Guideline:
    """The text of a file, read again when it has changed.

    Parameters
    ----------
    path
        None: there is none.
    """

    def __init__(self, path: str | None) -> None:
        self._path = None if path is None else Path(path)
        self._as_of: tuple[int, int] | None = None
        self._text = ""
        self._one_at_a_time = threading.Lock()

    def text(self) -> str | None:
        """Return what it says now; None: there is none. Empty, and a line in the log, when it cannot be read."""
        if self._path is None:
            return None
        with self._one_at_a_time:
            try:
                status = self._path.stat()
                as_of = (status.st_mtime_ns, status.st_size)
                if as_of != self._as_of:
                    with self._path.open(encoding="utf-8", errors="replace") as file:
                        self._text = file.read(LONGEST)
                    self._as_of = as_of
            except OSError as error:
                log.warning("the guideline cannot be read: %s", error)
                self._as_of, self._text = None, ""
            return self._text
