"""``streamssl run``: the service."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from streamssl.cli.options import ConfigFile, Settings, load


def run(
    config: ConfigFile = None,
    settings: Settings = None,
    transport: Annotated[str | None, typer.Option(metavar="sqlite|kafka", help="Where topics live.")] = None,
    bootstrap_servers: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Kafka brokers, separated by commas.")
    ] = None,
    sqlite_path: Annotated[Path | None, typer.Option(metavar="FILE", help="File of the embedded topics.")] = None,
    worker_id: Annotated[str | None, typer.Option(metavar="ID", help="This worker: one id, one process.")] = None,
    state_directory: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of snapshots and waiting events.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Port of /metrics and /health; 0 takes any free one.")
    ] = None,
) -> None:
    """Run the service.

    It predicts every event and learns from all of them, labelled or not. Ctrl-C or SIGTERM once finishes the
    batch, commits and snapshots. Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage or configuration,
    3 another process took over the worker id, 4 stuck. After 1 and 4 a supervisor should start it again: it
    recovers by itself.
    """
    # Loading the libraries takes seconds; who asks to stop meanwhile gets the same answer as later.
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
    loaded = load(
        config,
        settings,
        {
            "transport": transport,
            "kafka.bootstrap_servers": bootstrap_servers,
            "sqlite.path": str(sqlite_path) if sqlite_path else None,
            "worker.id": worker_id,
            "state.directory": str(state_directory) if state_directory else None,
            "metrics.port": metrics_port,
        },
    )
    from streamssl.runtime import service
    from streamssl.runtime.logs import configure_logging

    configure_logging(loaded.logging.level, loaded.logging.format)
    raise typer.Exit(service.run(loaded))
