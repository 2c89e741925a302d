"""Up to when everything that was produced has been processed.

Whether a partition is read to its end cannot be asked while others write: there is always one more record. So the
ends are noted at one moment, and once the worker has read past all of them, nothing from before that moment is
missing.
"""

from __future__ import annotations

import logging
import time
from typing import NamedTuple

from streamssl.transport.base import Positions, TransportError, Worker

log = logging.getLogger(__name__)


class _Noted(NamedTuple):
    time: int
    ends: Positions


class Horizon:
    """See the module's docstring.

    Parameters
    ----------
    worker
        The transactional session.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._noted: _Noted | None = None
        self.lag: dict[tuple[str, int], int] = {}
        """Partition -> records between what was read and the end, as last known."""
        self.answered_at = time.monotonic()
        """When the topics' server last answered."""

    @property
    def is_noted(self) -> bool:
        """Whether ends have been noted that are not reached yet."""
        return self._noted is not None

    def look(self) -> None:
        """Ask where the partitions end, and note it unless a note is there."""
        now = int(time.time() * 1_000)
        try:
            ends = self._worker.ends()
        except TransportError as error:
            log.warning("cannot see where the topics end: %s", error)
            return
        self.answered_at = time.monotonic()
        read = self._worker.positions()
        self.lag = {each: max(0, end - read[each]) for each, end in ends.items() if each in read}
        if self._noted is None:
            self._noted = _Noted(now, ends)

    def reached(self) -> int | None:
        """Return the moment (ms) before which nothing is missing, once; None while it is not reached.

        To be asked when everything that was polled has been processed.
        """
        if self._noted is None:
            return None
        read = self._worker.positions()
        if any(read.get(each, 0) < end for each, end in self._noted.ends.items()):
            return None
        reached, self._noted = self._noted.time, None
        return reached

    def reset(self) -> None:
        """Forget what was noted: partitions have moved."""
        self._noted = None
