"""What every Kafka client of ours has in common: options, quiet logs, errors in the transport's own words."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors

from streamssl.config import KafkaSettings
from streamssl.transport.base import Fenced, Record, TopicMissing, TransportError

FENCING = (
    kafka_errors.ProducerFencedError,
    kafka_errors.InvalidProducerEpochError,
    kafka_errors.FencedInstanceIdError,
    kafka_errors.CommitFailedError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.UnknownMemberIdError,
    kafka_errors.TransactionCoordinatorFencedError,
)
"""By any of these a broker says that another process owns what this one believes to own."""

T = TypeVar("T")

NOISY_LOGGERS = ("kafka.cluster", "kafka.net", "kafka.coordinator", "kafka.client", "kafka.conn")
NOISE_EVERY = 10.0
CLOSE_SECONDS = 3


class _SeldomNoise(logging.Filter):
    """Lets one record of the noisy loggers through every `NOISE_EVERY` seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is logged."""
        if not record.name.startswith(NOISY_LOGGERS):
            return True
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + NOISE_EVERY
        return True


def quieten_logs() -> None:
    """Rate-limit what kafka-python says while a broker is away: several lines a second otherwise."""
    logging.getLogger("kafka").setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        if not any(isinstance(each, _SeldomNoise) for each in handler.filters):
            handler.addFilter(_SeldomNoise())


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return the options that consumers, producers and admin clients share."""
    password = settings.sasl_password
    return {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "security_protocol": settings.security_protocol,
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": password.get_secret_value() if password else None,
        "ssl_cafile": settings.ssl_cafile,
        "ssl_certfile": settings.ssl_certfile,
        "ssl_keyfile": settings.ssl_keyfile,
        "ssl_password": "",  # for a key that is encrypted: else OpenSSL would ask at the terminal, and wait
        "metadata_max_age_ms": 10_000,
        "reconnect_backoff_max_ms": 1_000,
    }


def reading_consumer(settings: KafkaSettings, **options: Any) -> KafkaConsumer:
    """Return a consumer without a group that reads committed records of assigned partitions."""
    return KafkaConsumer(
        **client_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        fetch_max_wait_ms=50,
        **options,
    )


def uncommitted_consumer(settings: KafkaSettings) -> KafkaConsumer:
    """Return a consumer that is told the true ends of partitions: what open transactions have written counts."""
    return KafkaConsumer(
        **client_options(settings),
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_uncommitted",
        allow_auto_create_topics=False,
    )


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn kafka-python's errors into the transport's, saying what was being done."""
    try:
        yield
    except FENCING as error:
        raise Fenced(f"{doing}: {type(error).__name__}: {error}") from error
    except kafka_errors.KafkaError as error:
        # After the first refusal kafka-python wraps it into a plain KafkaError.
        is_fenced = any(isinstance(cause, FENCING) for cause in error.args)
        raise (Fenced if is_fenced else TransportError)(f"{doing}: {type(error).__name__}: {error}") from error
    except KeyError as error:
        # Asked for the ends of several partitions, kafka-python 3.0.12 forgets those whose leader it does not know.
        if not isinstance(error.args[0], TopicPartition):
            raise
        raise TransportError(f"{doing}: no leader of {error.args[0]} is known yet") from error


def partitions_of(consumer: KafkaConsumer, topic: str, patience: float = 10.0) -> list[TopicPartition]:
    """Return a topic's partitions; a topic made a moment ago gets some seconds to show.

    Raises
    ------
    TopicMissing
        When it does not exist.
    """
    partitions = wait_for(lambda: consumer.partitions_for_topic(topic), patience)
    if not partitions:
        raise TopicMissing(
            f"there is no topic {topic!r}, or no permission to see it: create it with `streamssl topics create`, "
            "or let this user read or write it"
        )
    return [TopicPartition(topic, number) for number in sorted(partitions)]


def wait_for(ask: Callable[[], T], patience: float) -> T:
    """Ask until the answer is true or the patience (seconds) ends; return the last answer."""
    deadline = time.monotonic() + patience
    while not (answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


def to_record(raw: Any) -> Record:
    """Return a record of kafka-python's as one of ours; a header without a value gets an empty one."""
    headers = tuple((name, value or b"") for name, value in raw.headers) if raw.headers else ()
    return Record(raw.topic, raw.partition, raw.offset, max(0, raw.timestamp), raw.key, raw.value, headers)


def polled(consumer: Any, timeout_ms: int, max_records: int | None = None) -> list[Any]:
    """Return what one poll gives, partition after partition."""
    return [raw for raws in consumer.poll(timeout_ms, max_records).values() for raw in raws]
