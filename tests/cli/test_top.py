"""`streamssl top` against real servers: a worker's own, one that is silent, one that is something else."""

import io
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from streamssl.cli import top
from streamssl.cli.output import CommandFailed
from streamssl.monitoring.metrics import Metrics
from streamssl.monitoring.reading import read
from streamssl.monitoring.scrape import Scrape
from streamssl.monitoring.top import answers
from streamssl.runtime.health import Health, HealthServer
from streamssl.runtime.watchdog import Watchdog
from tests.integration.service import free_port


@pytest.fixture
def metrics():
    metrics = Metrics()
    metrics.build.info({"version": "0.1.0", "worker": "worker-7"})
    metrics.server_answered.set(time.time())
    metrics._counters["events"].labels("predicted").inc(5)
    return metrics


@contextmanager
def serving(metrics):
    """Serve metrics as the service itself does."""
    server = HealthServer("127.0.0.1", 0, metrics.registry, Health(Watchdog(60)))
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}/metrics"
    finally:
        server.stop()


@pytest.fixture
def url(metrics):
    with serving(metrics) as address:
        yield address


@contextmanager
def answering(body, status=200):
    """Serve one page at every address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("flags", [["--once"], []])
def test_in_a_pipe_it_prints_one_page(cli, url, flags):
    ended = cli("top", "--url", url, "--every", "0.2", *flags)
    assert ended.code == 0
    heading, *lines = ended.out.splitlines()
    assert heading.startswith("worker-7 0.1.0, up ")
    questions = [line.split("  ")[0] for line in lines]
    assert questions[:4] == ["behind by", "right", "gain over the twin", "pseudo-labels right"]
    assert "too few labels" in lines[1]
    assert "0 events/s" in lines[0]
    assert "\x1b" not in ended.out


def test_nobody_answers(cli):
    url = f"http://127.0.0.1:{free_port()}/metrics"
    ended = cli("top", "--url", url)
    assert ended.code == 1
    assert ended.err.startswith(f"streamssl: {url} does not answer: ")
    assert "is `streamssl run` up" in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"<html>hello", 200, "not with metrics"),
        (b"up 1.0\n", 200, "not with a worker's metrics"),
        (b"\xff\xfe", 200, "not with text"),
        (b"", 404, "does not answer: Not Found"),
    ],
)
def test_somebody_else_answers(cli, body, status, said):
    with answering(body, status) as url:
        ended = cli("top", "--url", url)
    assert ended.code == 1
    assert said in ended.err


def test_an_address_that_is_none(cli):
    ended = cli("top", "--url", "file:///etc/hosts")
    assert ended.code == 2
    assert "begins with http:// or https://" in ended.err


def test_watching_goes_on_through_a_silence_and_ends_with_a_message(metrics, monkeypatch):
    monkeypatch.setattr(top, "GIVE_UP_AFTER", 1.0)
    with serving(metrics) as url:
        before = read(url)
    terminal = io.StringIO()
    begun = time.monotonic()
    with pytest.raises(CommandFailed, match="does not answer: .*, for [12] s"):
        top._watch(url, before, 0.2, Console(file=terminal, force_terminal=True, width=100))
    assert 1.0 < time.monotonic() - begun < 20
    assert "no answer for" in terminal.getvalue()


def test_the_page_shows_every_answer_whatever_the_width(metrics, url):
    now: Scrape = read(url)
    for width in (60, 100, 200):
        console = Console(width=width, record=True, file=io.StringIO())
        console.print(top.page("worker-7", answers(now)))
        text = console.export_text()
        assert all(answer.question in text for answer in answers(now))
        assert max(len(line) for line in text.splitlines()) <= width
