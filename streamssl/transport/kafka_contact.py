"""The first contact with the brokers, and in words why there is none.

A client of kafka-python that is refused tries again and again, and then says "unable to bootstrap", whatever the
cause: a wrong password, an unknown authority, a port that speaks another protocol. The cause stands in its log, and
not in the last line; where a broker's refusal and its hanging up arrive together, only the hanging up is logged, on
a busy machine at every attempt. Against a server that takes the connection and then says nothing to a TLS
handshake, it waits for ever.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from streamssl.config import KafkaSettings
from streamssl.transport.base import TransportError, Unreachable

PATIENCE = 20.0
"""Seconds for brokers that nobody hears of yet: they may be starting. Less than liveness has patience for."""
PATIENCE_WHEN_REFUSED = 4.0
"""Seconds for brokers that answer and refuse: one that is starting may not know its users yet."""


class _Cause(NamedTuple):
    pattern: str
    """Of what the client's log says."""
    advice: str
    """The keys to look at, and what is known."""
    is_refusal: bool = True
    """Whether somebody is there; waiting longer will then not help."""


CAUSES = (
    _Cause("SaslAuthenticationFailed", "kafka.sasl_username, kafka.sasl_password: the broker refuses this login"),
    _Cause("UnsupportedSaslMechanism", "kafka.sasl_mechanism: the broker does not offer it"),
    _Cause("IllegalSaslState", "kafka.security_protocol: this port asks for no login"),
    _Cause(
        "CERTIFICATE_VERIFY_FAILED.*mismatch",
        "kafka.bootstrap_servers: the broker's certificate is for another name",
    ),
    _Cause("CERTIFICATE_VERIFY_FAILED", "kafka.ssl_cafile: none of its authorities vouches for the broker"),
    _Cause(
        "ALERT.*(CERTIFICATE|UNKNOWN_CA)|CERTIFICATE_REQUIRED",
        "kafka.ssl_certfile, kafka.ssl_keyfile: the broker wants a client's certificate that it trusts",
    ),
    _Cause("InvalidReceiveError", "kafka.security_protocol: this port seems to speak TLS: SSL or SASL_SSL"),
    _Cause(
        "WRONG_VERSION_NUMBER|UNEXPECTED_EOF_WHILE_READING|UNKNOWN_PROTOCOL",
        "kafka.security_protocol: this port seems not to speak TLS",
    ),
    _Cause(
        r"\[SSL|PEM|Errno 22",
        "kafka.ssl_cafile, kafka.ssl_certfile, kafka.ssl_keyfile: TLS does not come about with these (a key "
        "must not be encrypted)",
    ),
    _Cause("DNS", "kafka.bootstrap_servers: the name is not known", is_refusal=False),
    _Cause("ECONNREFUSED", "kafka.bootstrap_servers: nobody listens there", is_refusal=False),
    _Cause(
        "socket disconnected",
        "kafka.security_protocol, kafka.sasl_mechanism, kafka.sasl_username, kafka.sasl_password: the broker hangs "
        "up, as a port does that speaks TLS to one who does not, or one that refuses this login",
    ),
)
"""The more telling first."""


class Reasons(logging.Handler):
    """Keeps the most telling thing that kafka-python logs; to be used as a context."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._rank = len(CAUSES)
        self._message = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record that tells more than the one kept."""
        message = record.getMessage()
        rank = next((i for i, cause in enumerate(CAUSES) if re.search(cause.pattern, message)), len(CAUSES))
        if rank < self._rank or not self._message:
            self._rank, self._message = rank, message

    @property
    def is_refused(self) -> bool:
        """Whether somebody has answered, and will not have us."""
        return self._rank < len(CAUSES) and CAUSES[self._rank].is_refusal

    def said(self) -> str:
        """Return what to look at and what the client says, to be put behind a message; empty if it says nothing."""
        if not self._message:
            return ""
        advice = f": {CAUSES[self._rank].advice}" if self._rank < len(CAUSES) else ""
        return f"{advice} (the client says: {_without_objects(self._message)})"

    def __enter__(self) -> Reasons:
        logging.getLogger("kafka").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("kafka").removeHandler(self)


def first_contact(make: Callable[[], Any], settings: KafkaSettings) -> Any:
    """Return the client that ``make`` makes, once it has reached a broker.

    Raises
    ------
    Unreachable
        When there is none within `PATIENCE` seconds.
    TransportError
        When of those that are there none wants us.
    """
    _check_files(settings)
    made: list[Any] = []

    def try_it() -> None:
        try:
            made.append(make())
        except Exception as error:
            made.append(error)

    with Reasons() as reasons:
        begun = time.monotonic()
        # A thread that may be left behind: nothing in kafka-python can be told to stop waiting.
        thread = threading.Thread(target=try_it, daemon=True)
        thread.start()
        while thread.is_alive() and (waited := time.monotonic() - begun) < PATIENCE:
            if reasons.is_refused and waited > PATIENCE_WHEN_REFUSED:
                break
            thread.join(0.1)
        problem = f"connecting to {settings.bootstrap_servers} as {settings.security_protocol}"
        kind = TransportError if reasons.is_refused else Unreachable
        match made:
            case []:
                raise kind(f"{problem}: no success in {time.monotonic() - begun:.0f} s{reasons.said()}")
            case [Exception() as error]:
                raise kind(f"{problem}: {error}{reasons.said()}") from error
    return made[0]


def _check_files(settings: KafkaSettings) -> None:
    """Refuse files that cannot be read: the client's log would not say which."""
    for key in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
        if name := getattr(settings, key):
            try:
                Path(name).open("rb").close()
            except OSError as error:
                raise TransportError(f"kafka.{key}: {name}: cannot be read: {error.strerror}") from None


def _without_objects(message: str) -> str:
    """Return what a line of kafka-python's log says, without the names of Python objects before it.

    Examples
    --------
    >>> _without_objects("<KafkaTCPTransport [::1:9092<-41002]>: Abort (KafkaConnectionError: socket disconnected)")
    'KafkaConnectionError: socket disconnected'
    >>> _without_objects("Connection failed: KafkaConnectionError: 111 ECONNREFUSED")
    'KafkaConnectionError: 111 ECONNREFUSED'
    """
    message = re.sub(r"^<Kafka.*?>: ", "", message)
    message = re.sub(r"^Abort \((.*)\)$", r"\1", message)
    return re.sub(r"^(Connection lost|Connection failed): ", "", message)
