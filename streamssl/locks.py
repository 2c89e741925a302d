"""One process at a time: a lock on a file, which the kernel takes back however its holder ends."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREDECESSOR_SECONDS = 10.0
"""How long a process that is still ending may hold a lock."""


class Taken(Exception):
    """Another process holds the lock and does not end; the message says of what."""


@contextmanager
def sole_use(lock: Path, taken: str, within: float = PREDECESSOR_SECONDS) -> Iterator[None]:
    """Hold a lock.

    Parameters
    ----------
    lock
        The file that stands for what is locked; made when missing, its folder too, and left there.
    taken
        What the error says.
    within
        Seconds that another holder is waited for.

    Raises
    ------
    Taken
        When another holds it for longer.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        deadline = time.monotonic() + within
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Taken(taken) from None
                time.sleep(0.1)
        yield
