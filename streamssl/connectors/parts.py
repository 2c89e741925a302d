"""A process of several parts, a thread each: how it takes its file, and how it ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

from streamssl.connectors.database import Database
from streamssl.locks import Taken, sole_use
from streamssl.transport.base import Fenced

log = logging.getLogger(__name__)

EXIT_STOPPED, EXIT_FAILED, EXIT_FENCED = 0, 1, 3
"""As of ``streamssl run``."""

CommitLimit = Callable[[], AbstractContextManager[None]]


def begin(stack: ExitStack, path: Path, tables: str) -> int | None:
    """Take the connector's file for this process and make it; return an exit code if that cannot be."""
    taken = f"{path} is in use by another process: one file, one process"
    try:
        stack.enter_context(sole_use(path.with_suffix(".lock"), taken))
    except Taken as error:
        log.error("%s", error)
        return EXIT_FAILED
    except OSError as error:
        log.error("%s: %s", error.filename or path, error.strerror)
        return EXIT_FAILED
    # Made before there are threads, and held: of two connections that make a file, SQLite refuses one at once.
    stack.enter_context(closing(Database(path, tables)))
    return None


def run_parts(stop: threading.Event, wake: list[threading.Event], parts: list[Callable[[], None]]) -> int:
    """Run all parts, each in a thread; when one breaks, all end."""
    broken: list[BaseException] = []

    def guarded(part: Callable[[], None]) -> None:
        try:
            part()
        except BaseException as error:
            broken.append(error)
        finally:
            stop.set()

    threads = [threading.Thread(target=guarded, args=(part,), daemon=True) for part in parts]
    for thread in threads:
        thread.start()
    stop.wait()
    while any(thread.is_alive() for thread in threads):
        for event in wake:
            event.set()
        threads[0].join(0.1)
        for thread in threads[1:]:
            thread.join(0.1)
    for error in broken:
        if isinstance(error, Fenced):
            log.error("this process must make way for another process: %s", error)
            return EXIT_FENCED
        log.error("ended by a mistake of its own", exc_info=error)
        return EXIT_FAILED
    log.info("stopped")
    return EXIT_STOPPED
