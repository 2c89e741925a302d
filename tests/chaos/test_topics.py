"""Retention takes what the journal names; topics are deleted and made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition

from streamssl.runtime.service import EXIT_FAILED
from streamssl.runtime.topics import topic_specs
from tests.chaos.scene import Scene, scene
from tests.integration.service import until


def admin(play: Scene) -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_servers=play.outside.config.kafka.bootstrap_servers)


@pytest.mark.timeout(300)
def test_records_that_retention_took_are_said_counted_and_gone_on_without(
    on_kafka: dict[str, Any], tmp_path: Path
) -> None:
    with scene(on_kafka, tmp_path, workers=1) as play:
        [service] = play.services
        service.start()
        play.has_gone_on()
        service.kill()
        play.feeder.finish()
        n = play.n_predictions()
        for home in (tmp_path / "state" / "worker-0" / "snapshots").iterdir():
            for file in home.iterdir():
                file.unlink()
        events = play.outside.topics.events[0]
        with admin(play) as client:
            client.delete_records({TopicPartition(events, 0): n // 8, TopicPartition(events, 1): n // 8})
        service.start()
        assert service.metric("streamssl_recovery_lost_records") > 0
        assert "are gone: the topic now starts at" in service.log.read_text()
        assert service.metric("streamssl_recovery_digest_mismatches") == 0, "what is lost is no mismatch"
        play.has_gone_on()
        predicted = [record.key for record in play.outside.all(play.outside.topics.predictions)]
        assert len(predicted) == len(set(predicted)) == play.feeder.n_events


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ["events", "labels", pytest.param("examples", marks=pytest.mark.long), "journal"])
def test_a_topic_that_was_made_again_is_refused(on_kafka: dict[str, Any], tmp_path: Path, role: str) -> None:
    with scene(on_kafka, tmp_path, workers=1) as play:
        [service] = play.services
        service.start()
        until(lambda: service.metric("streamssl_examples_total") > 5, 90, "some examples learnt")
        assert service.stop() == 0
        play.feeder.finish()
        config = play.outside.config
        topic = on_kafka["topics"][role]
        with admin(play) as client:
            client.delete_topics([topic])
        until(lambda: topic not in play.outside.transport.topics(), 30, "deletion")
        play.outside.transport.create_topics(topic_specs(config, 2))
        if role == "events":
            play.outside.event("new", {"x": 1.0})
            play.outside.producer.flush()
        service.start(wait=False)
        assert service.process.wait(90) == EXIT_FAILED
        said = service.log.read_text()
        assert "was the topic deleted and made again? Move the state directory away" in said
