"""``streamssl connect``: bring labels from elsewhere."""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

import typer

from streamssl.cli.options import ConfigFile, Settings, load
from streamssl.cli.output import CommandError

if TYPE_CHECKING:
    from streamssl.config import Config

app = typer.Typer(no_args_is_help=True, help="Bring labels from other tools; each command is a process of its own.")

Process = Callable[["Config", threading.Event, Callable[[], AbstractContextManager[None]]], int]


@app.command("label-studio")
def label_studio(config: ConfigFile = None, settings: Settings = None) -> None:
    """Push review requests to a project of Label Studio, and bring its annotations back as labels.

    Whichever side is down is waited for; nothing is lost meanwhile, and nothing comes twice. Ctrl-C or SIGTERM ends
    it. Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage or configuration, 3 another process took over,
    4 stuck.
    """
    loaded = load(config, settings)
    section = loaded.connectors.label_studio
    if section.project is None or section.token is None:
        raise CommandError("connectors.label_studio: needs project and token")
    _run(_processes().run_label_studio, loaded)


@app.command("webhook")
def webhook(config: ConfigFile = None, settings: Settings = None) -> None:
    """Receive labels by webhooks that are signed by the Standard Webhooks rules.

    Where a label's parts lie in the body is said by connectors.webhook.mapping. Exit codes as of label-studio.
    """
    loaded = load(config, settings)
    secret = loaded.connectors.webhook.secret
    if secret is None:
        raise CommandError("connectors.webhook: needs secret")
    process = _processes().run_webhook
    from streamssl.connectors.webhook import verifier

    try:
        verifier(secret.get_secret_value())
    except ValueError as error:
        raise CommandError(f"connectors.webhook.secret: {error}") from error
    _run(process, loaded)


def _processes() -> ModuleType:
    try:
        from streamssl.connectors import processes
    except ModuleNotFoundError as error:
        raise CommandError(f"{error.name} is missing: pip install 'streamssl[connectors]'") from error
    return processes


def _run(process: Process, config: Config) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(1) if stop.is_set() else stop.set())
    from streamssl.runtime.logs import configure_logging
    from streamssl.runtime.watchdog import Watchdog

    configure_logging(config.logging.level, config.logging.format)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would tell of every look
    watchdog = Watchdog(math.inf)  # only commits have a limit: people may leave it without work for days
    watchdog.start()
    commit_limit = partial(watchdog.within, 2 * config.kafka.transaction_timeout_ms / 1_000)
    raise typer.Exit(process(config, stop, commit_limit))
