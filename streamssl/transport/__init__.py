"""Where topics live: Kafka, or the embedded SQLite file."""

from __future__ import annotations

from pathlib import Path

from streamssl.config import Config
from streamssl.transport.base import Transport


def connect(config: Config) -> Transport:
    """Return the transport that a configuration names; the other one's libraries are not loaded."""
    if config.transport == "kafka":
        from streamssl.transport.kafka import KafkaTransport

        return KafkaTransport(config.kafka)
    from streamssl.transport.sqlite import SqliteTransport

    return SqliteTransport(Path(config.sqlite.path))
