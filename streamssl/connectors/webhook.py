"""A receiver of labels by signed webhooks, after the Standard Webhooks rules (standardwebhooks.com).

A message is answered with 2xx only when its label is on the disk, in the same transaction as its id: a sender that
tries again, because the answer was lost, does not double it.
"""

from __future__ import annotations

import base64
import logging
import sqlite3
import threading
import time
from typing import Any

import orjson
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from streamssl.config import Config, MappingSettings
from streamssl.connectors import outbox
from streamssl.connectors.database import Database
from streamssl.connectors.listening import TooLarge, TooSlow, read_body
from streamssl.connectors.records import LabelWriter
from streamssl.messages import Invalid, decode_label
from streamssl.messages.mapped import Unwritable
from streamssl.messages.mapping import Mapper
from streamssl.transport.base import Record

log = logging.getLogger(__name__)

REMEMBERED_DAYS = 30
"""How long message ids are remembered. Senders try again for some days, each time with a new time stamp."""
LONGEST_ID = 256
SHORTEST_SECRET = 16
"""Bytes. Senders take 24 to 64."""

TABLES = """
CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, time INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_time ON messages (time);
"""


def verifier(secret: str) -> Webhook:
    """Return what tells whether a message is signed with a secret.

    Raises
    ------
    ValueError
        When it is no secret of the Standard Webhooks rules; the message does not repeat it.
    """
    encoded = secret.removeprefix("whsec_")
    try:
        length = len(base64.b64decode(encoded + "=="))
    except ValueError:
        raise ValueError("must be whsec_ and base64") from None
    if length < SHORTEST_SECRET:
        raise ValueError(f"must be whsec_ and base64 of {SHORTEST_SECRET} bytes at the least; it has {length}")
    return Webhook(secret)


class Receiver:
    """Takes messages in, one at a time.

    Parameters
    ----------
    config
        Its section ``connectors.webhook`` has a secret.
    database
        A connection of this receiver's own.
    has_labels
        Set when a label has been put into the outbox.
    """

    def __init__(self, config: Config, database: Database, has_labels: threading.Event) -> None:
        settings = config.connectors.webhook
        secret = settings.secret.get_secret_value() if settings.secret else ""
        self._types = frozenset(settings.types)
        self._verifier = verifier(secret)
        self._writer = LabelWriter(config)
        mapping = config.mapping
        if settings.mapping is not None:
            mapping = MappingSettings(events=config.mapping.events, labels=settings.mapping)
        self._mapper = Mapper(mapping)
        self._topic = self._writer.topic
        self._database = database
        self._has_labels = has_labels
        self._one_at_a_time = threading.Lock()

    def receive(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Take one message in; return the HTTP status of the answer and what is wrong, if anything is.

        204: its label is kept, or was before; or it is of a type that brings none. 401: it is not signed, or was
        signed more than five minutes ago. 422: it is no label.
        """
        try:
            self._verifier.verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            log.warning("a message was refused: %s", error)
            return 401, "not signed with the shared secret, or not within five minutes"
        message_id = headers["webhook-id"]
        if len(message_id) > LONGEST_ID:
            return 422, f"webhook-id is longer than {LONGEST_ID} characters"
        if self._types and _type(body) not in self._types:
            return 204, ""
        try:
            label = decode_label(Record(self._topic, 0, 0, int(1_000 * time.time()), None, body), self._mapper)
            message = self._writer.write(label)
        except (Invalid, Unwritable) as error:
            log.warning("a message is no label: %s", error, extra={"webhook_id": message_id})
            return 422, str(error)
        with self._one_at_a_time:
            self._keep(message_id, message.key or b"", message.value or b"")
        return 204, ""

    def _keep(self, message_id: str, key: bytes, value: bytes) -> None:
        now = int(time.time())
        with self._database.transaction():
            self._database.rows("DELETE FROM messages WHERE time < ?", now - 86_400 * REMEMBERED_DAYS)
            is_new = self._database.rows(
                "INSERT INTO messages VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id", message_id, now
            )
            if is_new:
                outbox.put(self._database, key, value)
        if is_new:
            self._has_labels.set()
        else:
            log.info("a message came again", extra={"webhook_id": message_id})


def webhook_app(receiver: Receiver, max_bytes: int) -> Starlette:
    """Return an application that receives messages by POST to ``/``."""

    async def post(request: Request) -> Response:
        try:
            body = await read_body(request, max_bytes)
        except TooLarge:
            return JSONResponse({"error": f"longer than {max_bytes:,} bytes"}, 413)
        except TooSlow:
            return JSONResponse({"error": "the body did not arrive in time"}, 408)
        try:
            status, problem = await run_in_threadpool(receiver.receive, body, dict(request.headers))
        except sqlite3.Error:
            log.exception("a message could not be kept")
            return JSONResponse({"error": "could not be kept; try again"}, 503)
        return JSONResponse({"error": problem}, status) if problem else Response(status_code=status)

    def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(routes=[Route("/", post, methods=["POST"]), Route("/health", health, methods=["GET"])])


def _type(body: bytes) -> Any:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    kind = parsed.get("type") if isinstance(parsed, dict) else None
    return kind if isinstance(kind, str) else None
