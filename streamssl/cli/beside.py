"""How a process beside the learner is run: a connector, the review service."""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from streamssl.config import Config

Process = Callable[["Config", threading.Event, Callable[[], AbstractContextManager[None]]], int]


def run_beside(process: Process, config: Config) -> None:
    """Run it until a signal asks it to stop (a second one ends it at once); exit with its code."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(1) if stop.is_set() else stop.set())
    from streamssl.runtime.logs import configure_logging
    from streamssl.runtime.watchdog import Watchdog

    configure_logging(config.logging.level, config.logging.format)
    for talkative in ("httpx", "uvicorn.error"):  # of every look, and of every start
        logging.getLogger(talkative).setLevel(logging.WARNING)
    watchdog = Watchdog(math.inf)  # only commits have a limit: people may leave it without work for days
    watchdog.start()
    commit_limit = partial(watchdog.within, 2 * config.kafka.transaction_timeout_ms / 1_000)
    raise typer.Exit(process(config, stop, commit_limit))
