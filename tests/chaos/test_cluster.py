"""Three brokers that replicate for each other, and one after the other is killed: leaders and coordinators move."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.kills import supervise
from tests.chaos.rooms import kafka_sections
from tests.chaos.scene import SEED, Scene, scene
from tests.chaos.test_broker import ENDS
from tests.integration.service import until
from tests.kafka_cluster import BROKERS, KafkaCluster

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture
def cluster(tmp_path: Path, kafka_broker: str) -> Iterator[KafkaCluster]:
    """Brokers of the test's own; `kafka_broker` says whether they can be had."""
    brokers = KafkaCluster(tmp_path / "cluster")
    try:
        yield brokers.start()
    finally:
        brokers.close()


def keep_alive(play: Scene, seconds: float) -> None:
    """Start workers again that end, as whoever runs them would."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for service in play.services:
            supervise(service, ENDS)
        time.sleep(0.2)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_brokers_go_and_come_one_after_the_other(
    cluster: KafkaCluster, tmp_path: Path, how: signal.Signals
) -> None:
    rng = random.Random(SEED)
    with scene(kafka_sections(cluster.bootstrap, "cluster"), tmp_path) as play:
        for service in play.services:
            service.start()
        until(lambda: play.n_predictions() > 100, 60, "some predictions")
        for node in [*range(BROKERS), rng.randrange(BROKERS)]:
            cluster.kill(node, how)
            keep_alive(play, rng.uniform(1, 12))
            cluster.start_one(node)
            while not cluster.is_in_step():
                keep_alive(play, 1)
        while not all(service.get("/health/ready")[0] == 200 for service in play.services):
            keep_alive(play, 1)
        keep_alive(play, 25)  # a commit whose coordinator has died is given up on after 20 s
        play.check()
