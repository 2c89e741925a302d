"""The broker dies under load, comes back, stays away, or is not there at the start."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamssl.runtime.service import EXIT_FAILED, EXIT_FENCED
from streamssl.runtime.watchdog import EXIT_STUCK
from tests.chaos.kills import supervise, worker
from tests.chaos.rooms import kafka_sections
from tests.chaos.scene import scene
from tests.integration.outside import Outside
from tests.integration.service import until
from tests.kafka_server import KafkaServer

ENDS = (-signal.SIGKILL, EXIT_FAILED, EXIT_FENCED, EXIT_STUCK)


@pytest.fixture
def broker(tmp_path: Path, kafka_broker: str) -> Iterator[KafkaServer]:
    """A broker of the test's own, to be killed; `kafka_broker` says whether one can be had."""
    server = KafkaServer(tmp_path / "broker").start()
    yield server
    server.kill()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", [20, pytest.param(120, marks=pytest.mark.long)])
def test_a_broker_that_is_killed_and_comes_back(broker: KafkaServer, tmp_path: Path, seconds: int) -> None:
    with scene(kafka_sections(broker.bootstrap, "away"), tmp_path, workers=1) as play:
        [service] = play.services
        service.start()
        until(lambda: play.n_predictions() > 100, 60, "some predictions")
        if seconds > 100:
            play.feeder.pause()  # kafka-python's producers give up on a record after two minutes
        broker.kill()
        play.feeder.may_produce.clear()
        killed = time.monotonic()
        before = len(service.log.read_text().splitlines())
        until(lambda: service.get("/health/ready")[0] == 503 or service.process.poll() is not None, 30, "unready")
        if service.process.poll() is None:
            assert "has not answered for" in service.get("/health/ready")[1]
            assert time.time() - service.metric("streamssl_server_answered_timestamp_seconds") > 5
        while time.monotonic() < killed + seconds:
            supervise(service, ENDS)
            time.sleep(0.5)
        lines = len(service.log.read_text().splitlines()) - before
        assert lines < 2 * seconds + 40, f"{lines} lines of log in {seconds} s"
        broker.start()
        back = time.monotonic()
        play.feeder.may_produce.set()
        until(lambda: supervise(service, ENDS) or service.is_ready(), 90, "ready again")
        play.has_gone_on()
        print(f"went on {time.monotonic() - back:.1f} s after the broker was back")
        play.check()


@pytest.mark.timeout(300)
def test_a_broker_that_is_not_there_at_the_start_is_waited_for(broker: KafkaServer, tmp_path: Path) -> None:
    sections = kafka_sections(broker.bootstrap, "late")
    service = worker(sections, tmp_path, 0, "state")
    outside = Outside(service)
    broker.kill()
    service.start(wait=False)
    try:
        time.sleep(35)
        assert service.process.poll() is None, service.log.read_text()[-2_000:]
        assert service.get("/health/ready") == (503, "not ok: connecting\n")
        assert service.get("/health/live")[0] == 200
        assert "nobody listens there" in service.log.read_text()
        broker.start()
        until(service.is_ready, 90, "ready")
        assert service.stop() == 0
    finally:
        service.kill()
        outside.close()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_broker_that_is_gone_for_good_ends_the_process(broker: KafkaServer, tmp_path: Path) -> None:
    """Killed in mid-transaction: no call of the client would ever return, so the watchdog ends the process."""
    with scene(kafka_sections(broker.bootstrap, "gone"), tmp_path, workers=1) as play:
        [service] = play.services
        service.start(wait=False, fail_point="commit-3-journalled:5:freeze")
        until(service.is_frozen, 60, "frozen")
        play.feeder.pause()
        broker.kill()
        service.thaw()
        assert service.process.wait(240) in (EXIT_STUCK, EXIT_FAILED)
        broker.start()
        play.feeder.may_produce.set()
        service.start()
        play.check()
