"""Metrics and probes answer, also beside clients that are slow, endless or many."""

import contextlib
import http.client
import socket
import time

import pytest
from prometheus_client import CollectorRegistry, Gauge

from streamssl.config import Config
from streamssl.runtime import health as module
from streamssl.runtime.health import Health, HealthServer
from streamssl.runtime.watchdog import Watchdog


@pytest.fixture
def health():
    return Health(Watchdog(120))


@pytest.fixture
def port(health, monkeypatch):
    monkeypatch.setattr(module, "SLOWEST", 0.5)
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 4)
    registry = CollectorRegistry()
    Gauge("streamssl_test", "A gauge.", registry=registry).set(7)
    server = HealthServer("127.0.0.1", 0, registry, health)
    server.start()
    yield server.port
    server.stop()


def ask(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def seconds_until_closed(client, trickle=b""):
    begun = time.monotonic()
    client.settimeout(0.05)
    while time.monotonic() < begun + 10:
        try:
            if trickle:
                client.sendall(trickle)
            if not client.recv(4_096):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - begun


def test_probes_and_metrics(port, health):
    assert ask(port, "/health/live")[0] == 200
    assert ask(port, "/health/ready") == (503, "not ok: starting\n")
    assert ask(port, "/health/startup")[0] == 503
    health.has_started = True
    assert ask(port, "/health/startup")[0] == 200, "a recovery may take its time"
    health.become("ready")
    assert ask(port, "/health/ready") == (200, "ok: ready\n")
    health.become("stopping")
    assert ask(port, "/health/ready")[0] == 503
    assert ask(port, "/health/startup")[0] == 200
    assert "streamssl_test 7.0" in ask(port, "/metrics?name[]=x")[1]
    assert ask(port, "/nothing")[0] == 404
    assert ask(port, "live")[0] in (400, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "CONNECT", "TRACE"])
def test_nothing_but_reading_is_possible(port, method):
    assert ask(port, "/health/live", method)[0] == 501


def test_it_is_served_on_loopback_unless_it_is_said_otherwise():
    assert Config().metrics.host == "127.0.0.1"


def test_a_silent_client_is_let_go_and_holds_up_nobody(port):
    with connect(port) as silent:
        assert ask(port, "/health/live")[0] == 200
        assert 0.3 < seconds_until_closed(silent) < 3


def test_a_client_that_trickles_is_let_go(port):
    with connect(port) as trickling:
        trickling.sendall(b"GET /health/live HTTP/1.1\r\n")
        assert seconds_until_closed(trickling, trickle=b"X-Header: more\r\n") < 3


def test_a_request_without_end_is_cut_off(port):
    with connect(port) as endless, contextlib.suppress(OSError):
        for _ in range(2_000):
            endless.sendall(b"X" * 10_000)
        pytest.fail("20 MB of a request line were taken")
    assert ask(port, "/health/live")[0] == 200


def test_many_headers_are_cut_off(port):
    with connect(port) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\n" + b"X-Header: many\r\n" * 5_000)
        assert seconds_until_closed(client) < 3


def test_a_client_that_does_not_take_its_answer_is_let_go(health, monkeypatch):
    monkeypatch.setattr(module, "SLOWEST", 0.5)
    registry = CollectorRegistry()
    large = Gauge("streamssl_large", "Many.", ["label"], registry=registry)
    for i in range(30_000):
        large.labels(f"{i:0>200}")
    server = HealthServer("127.0.0.1", 0, registry, health)
    server.start()
    with connect(server.port) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        time.sleep(3)
        taken = 0
        with contextlib.suppress(OSError):
            while received := client.recv(1_000_000):
                taken += len(received)
        assert taken < 30_000 * 200
    server.stop()


def test_many_silent_clients_make_way_for_a_probe(port, monkeypatch):
    monkeypatch.setattr(module, "SLOWEST", 60.0)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connect(port)) for _ in range(20)]
        assert ask(port, "/health/live")[0] == 200
        for client in silent[: -module.MOST_CONNECTIONS]:
            assert seconds_until_closed(client) < 3
