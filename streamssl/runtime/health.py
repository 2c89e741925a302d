"""``/metrics`` and ``/health/*`` over HTTP.

- ``/health/live``     the loop has ticked lately; says nothing about the broker, whose outage no restart cures
- ``/health/ready``    state restored, kernels compiled, partitions assigned, and the broker answers
- ``/health/startup``  the same, once; stays well afterwards

Whoever can connect can ask; so what a client can hold on to is bounded: `LONGEST_REQUEST` bytes, `SLOWEST` seconds
to send them and as many to take the answer, and `MOST_CONNECTIONS`, the oldest of which makes way for the next.
"""

from __future__ import annotations

import io
import logging
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from streamssl.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

Phase = Literal["connecting", "starting", "recovering", "joining", "ready", "stopping"]

LIVE_WITHIN = 30.0
"""Seconds since the last tick of the loop within which the process counts as alive."""


ANSWERED_WITHIN = 10.0
"""Seconds since the topics' server last answered within which the process counts as ready."""

LONGEST_REQUEST = 16 * 1_024
"""Bytes of a request, which is all header; what follows is not read."""
SLOWEST = 5.0
"""Seconds in which a client must have sent its request, and in which it must have taken the answer."""
MOST_CONNECTIONS = 32


@dataclass(slots=True)
class Health:
    """What the probes are told."""

    watchdog: Watchdog
    phase: Phase = "starting"
    has_started: bool = False
    """Whether the watchdog watches: from then on liveness says whether the process is worth keeping."""
    answered_at: float | None = None
    """When the topics' server last answered (`time.monotonic`); None: not asked yet."""

    def become(self, phase: Phase) -> None:
        """Enter the next phase."""
        self.phase = phase

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


class _Server(ThreadingHTTPServer):
    """Serves each connection in a thread, but not more than `MOST_CONNECTIONS`."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._lock = threading.Lock()
        self._open: dict[Any, None] = {}  # in the order in which they came

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection; of too many, the oldest makes way, so that probes get through a siege."""
        with self._lock:
            self._open[request] = None
            if len(self._open) > MOST_CONNECTIONS:
                oldest = next(iter(self._open))
                del self._open[oldest]
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away or were too slow: they would fill the log."""
        if not isinstance(error := sys.exc_info()[1], OSError):
            log.error("a request was not answered: %r", error)


class _Bounded(BaseHTTPRequestHandler):
    """Reads the whole request, within its bounds, before anything is done."""

    timeout = SLOWEST

    def setup(self) -> None:
        """Take the request: a client that trickles cannot hold the connection open with every byte."""
        super().setup()
        deadline = time.monotonic() + SLOWEST
        request = b""
        while b"\r\n\r\n" not in request and b"\n\n" not in request and len(request) < LONGEST_REQUEST:
            self.connection.settimeout(max(0.001, deadline - time.monotonic()))
            if not (received := self.connection.recv(4_096)):
                break
            request += received
        self.connection.settimeout(SLOWEST)
        self.rfile = io.BufferedReader(io.BytesIO(request[:LONGEST_REQUEST]))

    def log_message(self, format: str, *args: object) -> None:
        """Probes are not worth a line each."""


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
        class Handler(_Bounded):
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

        self._server = _Server((host, port), Handler)
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Answer no longer."""
        self._server.shutdown()
        self._server.server_close()
