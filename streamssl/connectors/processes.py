"""The two connectors as processes: which threads they have, and how they end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

from streamssl.config import Config
from streamssl.connectors.database import Database, FileTaken, sole_use
from streamssl.connectors.label_studio import studio
from streamssl.connectors.label_studio.hints import hints_app
from streamssl.connectors.listening import listening
from streamssl.connectors.pump import Pump
from streamssl.connectors.webhook import Receiver, webhook_app
from streamssl.transport.base import Fenced, Record

log = logging.getLogger(__name__)

EXIT_STOPPED, EXIT_FAILED, EXIT_FENCED = 0, 1, 3
"""As of ``streamssl run``."""

CommitLimit = Callable[[], AbstractContextManager[None]]


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
        if (code := _begin(stack, path)) is not None:
            return code
        if settings.hook_port is not None and settings.hook_secret is not None:
            app = hints_app(settings.hook_secret.get_secret_value(), hint)
            port = stack.enter_context(listening(app, settings.hook_host, settings.hook_port))
            log.info("awaiting webhooks", extra={"url": f"http://{settings.hook_host}:{port}/"})
        return _run(
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
        if (code := _begin(stack, path)) is not None:
            return code
        receiver = Receiver(config, stack.enter_context(closing(Database(path))), has_labels)
        app = webhook_app(receiver, settings.max_bytes)
        port = stack.enter_context(listening(app, settings.host, settings.port))
        log.info("awaiting webhooks", extra={"url": f"http://{settings.host}:{port}/"})
        return _run(stop, [has_labels], [lambda: pump.run(stop, has_labels)])


def _path(config: Config, name: str) -> Path:
    return Path(config.state.directory) / "connectors" / f"{name}.db"


def _begin(stack: ExitStack, path: Path) -> int | None:
    """Take the connector's file for this process and make it; return an exit code if that cannot be."""
    try:
        stack.enter_context(sole_use(path))
    except FileTaken as error:
        log.error("%s", error)
        return EXIT_FAILED
    # Made before there are threads, and held: of two connections that make a file, SQLite refuses one at once.
    stack.enter_context(closing(Database(path)))
    return None


def _run(stop: threading.Event, wake: list[threading.Event], parts: list[Callable[[], None]]) -> int:
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
            log.error("this connector must make way for another process: %s", error)
            return EXIT_FENCED
        log.error("ended by a mistake of the connector's own", exc_info=error)
        return EXIT_FAILED
    log.info("stopped")
    return EXIT_STOPPED
