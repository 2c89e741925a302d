"""The real services, each a process of its own, on the embedded transport, and what they say of themselves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from streamssl.monitoring.reading import Silent, read
from streamssl.monitoring.scrape import Scrape

HOST = "127.0.0.1"
STOP_WITHIN = 30.0
"""Seconds that the service may take to finish its batch and leave a snapshot."""
ANSWERS_WITHIN = 2.0
"""Seconds that it may be silent when it is asked something."""


class ServiceDied(Exception):
    """The service ended by itself or does not answer; the message says how it ended."""


class Service:
    """A service on a configuration of the demo's.

    Parameters
    ----------
    config
        Configuration file; its metrics must be on ``port``.
    log
        File that takes what the service writes.
    port
        Of ``/metrics`` and ``/health``.
    command
        The service's: ``run`` or ``review``.
    """

    def __init__(self, config: Path, log: Path, port: int, command: str = "run") -> None:
        self.log = log
        self.url = f"http://{HOST}:{port}"
        self._command = [sys.executable, "-m", "streamssl", command, "--config", str(config)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id; None before the start."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process; it becomes ready some seconds later."""
        # The demo's configuration must hold as it is written, whatever else this shell configures.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMSSL_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # Ctrl-C ends the demo, which then ends the service in good order
            )

    def is_ready(self) -> bool:
        """Tell whether state is restored, kernels are compiled and partitions assigned."""
        try:
            with _OPENER.open(f"{self.url}/health/ready", timeout=ANSWERS_WITHIN):
                return True
        except OSError:
            return False

    def scrape(self) -> Scrape | None:
        """Read ``/metrics``; None when it does not answer in time."""
        try:
            return read(f"{self.url}/metrics", ANSWERS_WITHIN)
        except Silent:
            return None

    def check(self) -> None:
        """Raise `ServiceDied` if the process has ended."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise ServiceDied(f"the service ended by itself, exit code {code}")

    def stop(self) -> int:
        """Ask the process to stop as a supervisor would, with SIGTERM, and return its exit code.

        It is killed when it does not stop within `STOP_WITHIN` seconds.
        """
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines that the service wrote."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Goes to this machine directly, whatever proxy the environment names."""


def settings(
    output: Path, port: int, *, share: float, precision: float, seed: int, page: Mapping[str, object]
) -> Mapping[str, object]:
    """Return the service's configuration, as it stands in the file: what differs from the defaults.

    Parameters
    ----------
    output
        Folder of topics and state.
    port
        Of the metrics.
    share
        Share of the events that people are asked about.
    precision
        What pseudo-labels promise.
    seed
        Of the learner and of the choice of events for review.
    page
        The section of the reviewers' page.
    """
    return {
        "transport": "sqlite",
        "sqlite": {"path": str(output / "topics.db")},
        "worker": {"id": "demo"},
        "state": {"directory": str(output / "state"), "snapshot_every_seconds": 10},
        "metrics": {"host": HOST, "port": port},
        "review": {"share": share},
        "review_service": dict(page),
        "pseudo_labels": {"precision": precision},
        "learner": {"seed": seed, "twin": "all"},
    }


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
