"""How long to wait for a side that is down."""

from __future__ import annotations

import logging
import threading

SHORTEST, LONGEST = 0.5, 30.0
"""Seconds."""


class Backoff:
    """Waits twice as long each time, until what was waited for has worked again.

    Parameters
    ----------
    stop
        Ends every wait.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._seconds = SHORTEST

    def wait(self, log: logging.Logger, message: str, error: Exception) -> None:
        """Say what is waited for, and wait."""
        log.warning(message, error, extra={"again_in_seconds": self._seconds})
        self._stop.wait(self._seconds)
        self._seconds = min(2 * self._seconds, LONGEST)

    def reset(self) -> None:
        """Say that it has worked."""
        self._seconds = SHORTEST
