"""Slow clients."""

import http.client
import socket
import threading
import time
from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from streamssl.connectors import listening

APP = Starlette(routes=[Route("/", lambda request: PlainTextResponse("well"))])


@pytest.fixture
def port(monkeypatch):
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.4)
    with listening.listening(APP, "127.0.0.1", 0) as port:
        yield port


def status(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    answer = connection.getresponse().status
    connection.close()
    return answer


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_whoever_does_not_come_to_the_point_makes_way_for_others(port, begin):
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(listening.MOST_AT_ONCE)]
    stop = threading.Event()

    def drip():
        while not stop.wait(0.05):
            for each in slow:
                with suppress(OSError):
                    each.sendall(b"x" if begin else b"")

    for each in slow:
        each.sendall(begin)
    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        deadline = time.monotonic() + 10
        while (answer := status(port)) == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert answer == 200
    finally:
        stop.set()
        dripping.join()
        for each in slow:
            each.close()


def test_a_connection_that_is_used_is_kept(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(4):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"well"
        before = connection.sock
        time.sleep(0.2)
    assert connection.sock is before
    connection.close()
