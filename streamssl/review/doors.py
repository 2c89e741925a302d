"""What every request to the review service passes, page or API: host, size, time, and headers of the answer.

Pure ASGI, around everything else: also an answer to an error has the headers, and no error shows its traceback.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamssl.config.processes import ReviewServiceSettings
from streamssl.connectors import listening
from streamssl.connectors.listening import TooLarge, TooSlow
from streamssl.review.people import PeopleError

log = logging.getLogger(__name__)

LONGEST_FORM = 64_000
"""Bytes of a body, but for uploads."""
ENVELOPE = 4_000
"""Bytes that a form needs around the file that it holds."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # no-referrer would take the Origin from our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Doors:
    """Refuses what no page should see, and puts headers on every answer.

    Parameters
    ----------
    app
        What answers.
    settings
        Of the review service.
    uploads
        Paths whose bodies may be as long as an upload.
    """

    def __init__(self, app: ASGIApp, settings: ReviewServiceSettings, uploads: frozenset[str]) -> None:
        self._app = app
        self._settings = settings
        self._uploads = uploads
        self._policy = content_policy(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"the review service speaks HTTP, not {scope['type']}")
        has_begun = False

        async def send_on(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                self._add_headers(MutableHeaders(raw=message["headers"]))
            await send(message)

        body = _Body(receive, self._longest(scope["path"]))
        refusal: Response | None = None
        try:
            refusal = self._refusal(scope, body.most)
            if refusal is None:
                await self._app(scope, body.receive, send_on)
        except TooLarge:
            refusal = _plain(scope, 413, f"longer than {body.most:,} bytes")
        except TooSlow:
            refusal = _plain(scope, 408, "the rest of it did not arrive in time")
        except ClientDisconnect:
            return
        except PeopleError as error:
            log.error("%s", error)
            refusal = _plain(scope, 503, "who may enter cannot be read; the log says why")
        except Exception:
            log.exception("%s %r failed", scope["method"], scope["path"])  # a path may hold line feeds
            refusal = _plain(scope, 500, "something went wrong here; the log says what")
        if refusal is not None and not has_begun:
            await refusal(scope, receive, send_on)

    def _refusal(self, scope: Scope, most: int) -> Response | None:
        headers = Headers(scope=scope)
        if origin(scope, self._settings) is None:
            return _plain(scope, 400, "not the address of this service; it is set by review_service.public_url")
        announced = headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > most:
            return _plain(scope, 413, f"longer than {most:,} bytes")
        return None

    def _longest(self, path: str) -> int:
        return self._settings.max_upload_bytes + ENVELOPE if path in self._uploads else LONGEST_FORM

    def _add_headers(self, headers: MutableHeaders) -> None:
        headers["content-security-policy"] = self._policy
        for name, value in HEADERS.items():
            headers[name] = value
        headers.setdefault("cache-control", "no-store")
        if is_https(self._settings):
            headers["strict-transport-security"] = "max-age=31536000"


class _Body:
    """Hands a request's body on, as far as it is neither too long nor too slow."""

    def __init__(self, receive: Receive, most: int) -> None:
        self.most = most
        self._receive = receive
        self._deadline: float | None = None
        self._length = 0
        self._is_read = False

    async def receive(self) -> Message:
        if self._is_read:  # what follows is the connection's end, which is not waited for in vain
            return await self._receive()
        if self._deadline is None:
            self._deadline = time.monotonic() + listening.BODY_SECONDS
        try:
            with anyio.fail_after(max(0.0, self._deadline - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow from None
        if message["type"] == "http.request":
            self._length += len(message.get("body", b""))
            self._is_read = not message.get("more_body", False)
            if self._length > self.most:
                raise TooLarge
        return message


def origin(scope: Scope, settings: ReviewServiceSettings) -> str | None:
    """Return the origin that a request was sent to, as browsers write it; None: it is none of ours.

    Without a public URL that is the address listened on: an IP address that the connection was made to, or this
    machine's own names. A name that somebody else's DNS makes lead here is not among them.
    """
    host = Headers(scope=scope).get("host", "").lower()
    if settings.public_url is not None:
        address = urlsplit(settings.public_url)
        return f"{address.scheme}://{address.netloc}".lower() if host == address.netloc.lower() else None
    listens, port = scope.get("server") or ("", None)
    names = {settings.host.lower(), "localhost", "127.0.0.1", "::1"}
    if _is_address(listens):
        names.add(listens)
    known = {f"[{name}]" if ":" in name else name for name in names}
    allowed = {f"{name}:{port}" for name in known} | (known if port == 80 else set())
    return f"http://{host}" if host in allowed else None


def is_https(settings: ReviewServiceSettings) -> bool:
    """Tell whether browsers come by https."""
    return (settings.public_url or "").startswith("https://")


def content_policy(settings: ReviewServiceSettings) -> str:
    """Return what a page may do: what comes from here, and pictures from the hosts that are configured.

    Examples
    --------
    >>> "img-src 'self' https://i.example.com;" in content_policy(
    ...     ReviewServiceSettings(image_hosts=("https://i.example.com",))
    ... )
    True
    """
    images = " ".join(["'self'", *settings.image_hosts])
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _plain(scope: Scope, status: int, words: str) -> Response:
    # The connection ends: what else is on its way is not read.
    headers = {"connection": "close"} if status in (408, 413) else {}
    if scope["path"].startswith("/api/"):
        return JSONResponse({"error": words}, status, headers)
    return PlainTextResponse(f"{words}\n", status, headers)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
