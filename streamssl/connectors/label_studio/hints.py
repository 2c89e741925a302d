"""Label Studio's webhooks, taken as hints: something may have changed.

They are delivered at most once, unsigned, with a second's patience. Nothing that they say is believed or even read;
they only make the next look come at once.
"""

from __future__ import annotations

import hmac
import threading

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streamssl.connectors.listening import TooLarge, TooSlow, read_body

SECRET_HEADER = "X-Streamssl-Secret"
MOST_BYTES = 16 * 1024 * 1024
"""Of a body that is thrown away: news of an import holds all its tasks."""


def hints_app(secret: str, hint: threading.Event) -> Starlette:
    """Return an application that sets ``hint`` when Label Studio posts to any path, the secret in its header."""
    expected = secret.encode()

    async def post(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode(), expected):
            return Response(status_code=401)
        hint.set()
        try:
            await read_body(request, MOST_BYTES)
        except (TooLarge, TooSlow):
            return Response(status_code=413)
        return Response(status_code=204)

    def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/{path:path}", post, methods=["POST"]),
        ]
    )
