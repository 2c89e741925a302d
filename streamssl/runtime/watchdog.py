"""Ends the process when its loop stands still.

Some calls of a Kafka client wait for ever when the broker is gone for good. A process that hangs in one helps
nobody; one that ends is started again by its supervisor and recovers.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

EXIT_STUCK = 4


class Watchdog:
    """Watches the time since the last tick from a thread of its own.

    Parameters
    ----------
    limit
        Seconds without a tick after which the process ends with `EXIT_STUCK`.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._last = time.monotonic()
        self._until = math.inf
        self._stopped = threading.Event()

    def tick(self) -> None:
        """Say that the loop is alive."""
        self._last = time.monotonic()

    def silence(self) -> float:
        """Return the seconds since the last tick."""
        return time.monotonic() - self._last

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End the process, too, when what is done in this context takes longer."""
        self._until = time.monotonic() + seconds
        try:
            yield
        finally:
            self._until = math.inf

    def start(self) -> None:
        """Begin to watch."""
        self.tick()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(min(1.0, self.limit / 4)):
            if self.silence() > self.limit or time.monotonic() > self._until:
                log.critical("no progress for %.0f s: ending, so that recovery can start afresh", self.silence())
                logging.shutdown()
                os._exit(EXIT_STUCK)
