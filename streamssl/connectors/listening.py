"""A small HTTP server in a thread of its own, and what every page of it refuses."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MOST_AT_ONCE = 64
"""Requests that are answered at a time; more get 503."""
HEAD_SECONDS = 10.0
"""How long a connection may be open without a request's head: browsers open some before they need them."""
BODY_SECONDS = 10.0
"""How long a body may take to arrive."""


class TooLarge(Exception):
    """The body is longer than it may be."""


class TooSlow(Exception):
    """The body did not arrive in time."""


async def read_body(request: Request, most: int) -> bytes:
    """Return a request's body.

    Raises
    ------
    TooLarge
        Before more than ``most`` bytes have been read, also when no length was announced.
    TooSlow
        After `BODY_SECONDS`.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise TooLarge
    body = bytearray()
    try:
        with anyio.fail_after(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise TooLarge
    except TimeoutError:
        raise TooSlow from None
    return bytes(body)


class _Impatient(H11Protocol):
    """Ends connections on which no request arrives: all that are open count among `MOST_AT_ONCE`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await_request()

    def _await_request(self) -> None:
        self.loop.call_later(HEAD_SECONDS, self._give_up, self.cycle)

    def _give_up(self, before: RequestResponseCycle | None) -> None:
        if self.cycle is before and (before is None or before.response_complete):
            self.transport.close()


@contextmanager
def listening(app: ASGIApp, host: str, port: int) -> Iterator[int]:
    """Serve an application; yield the port.

    Raises
    ------
    OSError
        When nothing can listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=MOST_AT_ONCE) as listener:
        # Inherited by every connection. asyncio sets it only on sockets that name their protocol, which these do
        # not; without it a body waits 40 ms for the acknowledgement of its headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(
            app,
            http=_Impatient,
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=5,
            lifespan="off",
            ws="none",
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="http", daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(10)
