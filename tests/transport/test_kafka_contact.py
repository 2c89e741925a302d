"""There is an end to every first contact, and it says why."""

import logging
import socket
import time

import pytest

from streamssl.config import KafkaSettings
from streamssl.transport import kafka_contact
from streamssl.transport.base import TransportError
from streamssl.transport.kafka import KafkaTransport
from streamssl.transport.kafka_contact import Reasons, first_contact


@pytest.fixture
def silent():
    """Address of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_says_nothing_to_a_tls_handshake_is_given_up(silent, monkeypatch):
    """By itself kafka-python waits for ever."""
    monkeypatch.setattr(kafka_contact, "PATIENCE", 1.0)
    begun = time.monotonic()
    with pytest.raises(TransportError, match=f"connecting to {silent} as SSL: no success in 1 s"):
        KafkaTransport(KafkaSettings(bootstrap_servers=silent, security_protocol="SSL")).topics()
    assert time.monotonic() - begun < 10


def test_who_refuses_is_given_up_earlier_than_who_is_not_there(monkeypatch):
    monkeypatch.setattr(kafka_contact, "PATIENCE", 3.0)
    monkeypatch.setattr(kafka_contact, "PATIENCE_WHEN_REFUSED", 0.2)

    def after(said):
        def make():
            logging.getLogger("kafka.net.manager").error(said)
            time.sleep(5)

        begun = time.monotonic()
        with pytest.raises(TransportError, match="no success"):
            first_contact(make, KafkaSettings())
        return time.monotonic() - begun

    assert after("Connection failed: SaslAuthenticationFailedError: no") < 2
    assert after("Connection failed: KafkaConnectionError: 111 ECONNREFUSED") > 2.5


def test_the_most_telling_line_is_said_and_not_the_last():
    log = logging.getLogger("kafka.net.connection")
    with Reasons() as reasons:
        assert reasons.said() == ""
        log.warning("something")
        assert reasons.said() == " (the client says: something)"
        log.error("Connection lost: KafkaConnectionError: socket disconnected")
        log.error("Connection lost: [Error 58] SaslAuthenticationFailedError: invalid credentials")
        log.error("Connection lost: KafkaConnectionError: socket disconnected")
    log.error("Connection lost: SaslAuthenticationFailedError: of somebody else")
    assert reasons.is_refused
    assert reasons.said().startswith(": kafka.sasl_username, kafka.sasl_password: ")
    assert reasons.said().endswith(
        "(the client says: [Error 58] SaslAuthenticationFailedError: invalid credentials)"
    )


def test_a_refused_login_of_which_only_the_hanging_up_is_logged_names_the_login_too():
    with Reasons() as reasons:
        logging.getLogger("kafka.net.transport").error("<KafkaSSLTransport [::1:9093<-41002]>: socket disconnected")
    assert reasons.is_refused
    assert "kafka.sasl_username, kafka.sasl_password: the broker hangs up" in reasons.said()


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    settings = KafkaSettings(security_protocol="SSL", ssl_keyfile=str(tmp_path / "none.key"))
    with pytest.raises(TransportError, match=r"kafka.ssl_keyfile: .*none.key: cannot be read: No such file"):
        first_contact(lambda: None, settings)


def test_other_errors_of_a_client_are_the_transports():
    def make():
        raise AssertionError("socket options")

    with pytest.raises(TransportError, match="socket options"):
        first_contact(make, KafkaSettings())
