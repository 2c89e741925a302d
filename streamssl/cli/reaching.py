"""Whether the topics can be reached, answered within seconds and with the reason if not.

A Kafka client that cannot connect tries for half a minute and then says "unable to bootstrap", whatever the cause:
a wrong password, a missing certificate, a port that speaks another protocol. The cause stands in its log.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from streamssl.cli.output import CommandFailed

if TYPE_CHECKING:
    from streamssl.config import Config

PATIENCE = 6.0
"""Seconds in which a broker that is there has answered."""


def reachable_topics(config: Config) -> dict[str, int]:
    """Return every topic there is and its partitions.

    Raises
    ------
    CommandFailed
        When there is no answer in time; the message says what the client's log gave as the reason.
    """
    from streamssl.transport import connect
    from streamssl.transport.base import TransportError

    answers: list[dict[str, int] | TransportError] = []

    def ask() -> None:
        try:
            transport = connect(config)
            answers.append(transport.topics())
            transport.close()
        except TransportError as error:
            answers.append(error)

    log = logging.getLogger("kafka")
    reasons = _Reasons()
    log.addHandler(reasons)
    # A thread that may be left behind: nothing in a Kafka client can be told to stop waiting.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    log.removeHandler(reasons)
    match answers:
        case [dict() as topics]:
            return topics
        case [error]:
            raise CommandFailed(f"{error}{reasons.said()}")
        case _:
            servers = config.kafka.bootstrap_servers
            raise CommandFailed(
                f"kafka.bootstrap_servers: {servers} did not answer in {PATIENCE:.0f} s{reasons.said()}"
            )


class _Reasons(logging.Handler):
    """Keeps the last error, or the last warning while there is no error."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._gravest: logging.LogRecord | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._gravest is None or record.levelno >= self._gravest.levelno:
            self._gravest = record

    def said(self) -> str:
        return f" (the client says: {self._gravest.getMessage()})" if self._gravest else ""
