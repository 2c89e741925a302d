"""A configuration that has changed since the snapshot: what takes effect, and what cannot."""

from __future__ import annotations

import logging
from pathlib import Path

from streamssl.config import Config
from streamssl.engine.settings import EngineSettings
from streamssl.runtime.recovery import recover
from streamssl.runtime.snapshots import SnapshotStore
from streamssl.runtime.topics import topic_specs
from streamssl.transport import connect
from streamssl.transport.base import Subscription


def recovered(directory: Path, **sections):
    config = Config(sqlite={"path": str(directory / "topics.db")}, **sections)
    transport, topics = connect(config), config.topics
    transport.create_topics(topic_specs(config))
    worker = transport.worker(
        Subscription("worker-0", "g", topics.events, (*topics.labels, topics.examples), "journal")
    )
    recovery = recover(worker, SnapshotStore(directory / "s", 3), EngineSettings.of(config), directory / "pending")
    worker.close()
    transport.close()
    return recovery.state.settings


def test_what_the_learner_has_built_in_stays_and_the_user_is_told(tmp_path, caplog):
    recovered(tmp_path, learner={"preset": "lite"})
    with caplog.at_level(logging.WARNING):
        settings = recovered(tmp_path, learner={"preset": "tiny", "twin": "off"}, review={"share": 0.5})
    assert (settings.learner.preset, settings.learner.twin, settings.review.share) == ("lite", "off", 0.5)
    [warning] = caplog.messages
    assert warning.startswith(
        "learner.preset stays lite: it is built into the learner that this worker has. For tiny"
    )
    assert "streamssl workers warm-start" in warning


def test_nothing_is_said_where_nothing_has_changed(tmp_path, caplog):
    recovered(tmp_path)
    with caplog.at_level(logging.INFO, logger="streamssl"):
        recovered(tmp_path)
    assert caplog.messages == []
