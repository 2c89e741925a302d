"""The two connectors as processes: which threads they have, and how they end."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, closing
from pathlib import Path

from streamssl.config import Config
from streamssl.connectors.database import Database
from streamssl.connectors.label_studio import studio, tables
from streamssl.connectors.label_studio.hints import hints_app
from streamssl.connectors.listening import listening
from streamssl.connectors.parts import CommitLimit, begin, run_parts
from streamssl.connectors.pump import Pump
from streamssl.connectors.webhook import TABLES, Receiver, webhook_app
from streamssl.transport.base import Record

log = logging.getLogger(__name__)


def run_label_studio(config: Config, stop: threading.Event, commit_limit: CommitLimit) -> int:
    """Exchange review requests and labels with Label Studio until told to stop; return the exit code."""
    settings = config.connectors.label_studio
    name = f"label-studio-{settings.project}-connector"
    path = _path(config, name)
    hint, has_labels = threading.Event(), threading.Event()

    def take(database: Database, records: list[Record]) -> None:
        studio.take_requests(config, database, records)
        hint.set()

    pump = Pump(config, name, path, take, commit_limit)
    with ExitStack() as stack:
        if (code := begin(stack, path, tables.TABLES)) is not None:
            return code
        if settings.hook_port is not None and settings.hook_secret is not None:
            app = hints_app(settings.hook_secret.get_secret_value(), hint)
            port = stack.enter_context(listening(app, settings.hook_host, settings.hook_port))
            log.info("awaiting webhooks", extra={"url": f"http://{settings.hook_host}:{port}/"})
        return run_parts(
            stop,
            [hint, has_labels],
            [
                lambda: pump.run(stop, has_labels),
                lambda: studio.run(config, path, stop, hint, has_labels),
            ],
        )


def run_webhook(config: Config, stop: threading.Event, commit_limit: CommitLimit) -> int:
    """Receive signed webhooks until told to stop; return the exit code."""
    settings = config.connectors.webhook
    path = _path(config, "webhook-connector")
    has_labels = threading.Event()
    pump = Pump(config, "webhook-connector", path, None, commit_limit)
    with ExitStack() as stack:
        if (code := begin(stack, path, TABLES)) is not None:
            return code
        receiver = Receiver(config, stack.enter_context(closing(Database(path, TABLES))), has_labels)
        app = webhook_app(receiver, settings.max_bytes)
        port = stack.enter_context(listening(app, settings.host, settings.port))
        log.info("awaiting webhooks", extra={"url": f"http://{settings.host}:{port}/"})
        return run_parts(stop, [has_labels], [lambda: pump.run(stop, has_labels)])


def _path(config: Config, name: str) -> Path:
    return Path(config.state.directory) / "connectors" / f"{name}.db"
