"""Whether the topics can be reached, answered within seconds and with the reason if not."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from streamssl.cli.output import CommandFailed

if TYPE_CHECKING:
    from streamssl.config import Config

PATIENCE = 8.0
"""Seconds in which a broker that is there has answered, or refused."""


def reachable_topics(config: Config) -> dict[str, int]:
    """Return every topic there is and its partitions.

    Raises
    ------
    CommandFailed
        When there is no answer in time; the message says what the client's log gave as the reason.
    """
    from streamssl.transport import connect
    from streamssl.transport.base import TransportError
    from streamssl.transport.kafka_contact import Reasons

    answers: list[dict[str, int] | TransportError] = []

    def ask() -> None:
        try:
            transport = connect(config)
            answers.append(transport.topics())
            transport.close()
        except TransportError as error:
            answers.append(error)

    with Reasons() as reasons:
        # A thread that may be left behind: nothing in a Kafka client can be told to stop waiting.
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(PATIENCE)
    match answers:
        case [dict() as topics]:
            return topics
        case [error]:
            raise CommandFailed(str(error))
        case _:
            servers = config.kafka.bootstrap_servers
            raise CommandFailed(
                f"kafka.bootstrap_servers: {servers} did not answer in {PATIENCE:.0f} s{reasons.said()}"
            )
