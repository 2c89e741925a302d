"""``/metrics`` and ``/health/*`` over HTTP.

- ``/health/live``     the loop has ticked lately; says nothing about the broker, whose outage no restart cures
- ``/health/ready``    state restored, kernels compiled, partitions assigned, and the broker answers
- ``/health/startup``  the same, once; stays well afterwards
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from streamssl.runtime.watchdog import Watchdog

Phase = Literal["starting", "recovering", "joining", "ready", "stopping"]

LIVE_WITHIN = 30.0
"""Seconds since the last tick of the loop within which the process counts as alive."""


ANSWERED_WITHIN = 10.0
"""Seconds since the topics' server last answered within which the process counts as ready."""


@dataclass(slots=True)
class Health:
    """What the probes are told."""

    watchdog: Watchdog
    phase: Phase = "starting"
    has_started: bool = False
    answered_at: float | None = None
    """When the topics' server last answered (`time.monotonic`); None: not asked yet."""

    def become(self, phase: Phase) -> None:
        """Enter the next phase."""
        self.phase = phase
        self.has_started = self.has_started or phase == "ready"

    def probe(self, name: str) -> tuple[bool, str] | None:
        """Answer one probe: is it well, and why; None for an unknown name."""
        match name:
            case "live":
                silence = self.watchdog.silence()
                return silence < LIVE_WITHIN, f"last tick {silence:.1f} s ago"
            case "ready":
                silence = 0.0 if self.answered_at is None else time.monotonic() - self.answered_at
                if silence > ANSWERED_WITHIN:
                    return False, f"the topics' server has not answered for {silence:.0f} s"
                return self.phase == "ready", self.phase
            case "startup":
                return self.has_started, self.phase
            case _:
                return None


class HealthServer:
    """Serves metrics and probes from a thread of its own.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes any free one, see `port`.

    Raises
    ------
    OSError
        When the address is taken or not ours.
    """

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Health) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                    self._answer(HTTPStatus.OK, content_type, encode(registry))
                    return
                answer = health.probe(path.removeprefix("/health/"))
                if answer is None or not path.startswith("/health/"):
                    self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"try /metrics or /health/live\n")
                    return
                well, why = answer
                status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(status, "text/plain", f"{'ok' if well else 'not ok'}: {why}\n".encode())

            def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Probes are not worth a line each."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Answer no longer."""
        self._server.shutdown()
        self._server.server_close()
