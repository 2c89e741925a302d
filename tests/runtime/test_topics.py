"""What the journal names outlives the snapshots and the waiting events; missing topics are seen to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.config import Config, KafkaSettings, PendingSettings, StateSettings, Topics
from streamssl.runtime.topics import check_topics, topic_specs
from streamssl.transport.base import TopicMissing


class Topology:
    """A transport as far as `check_topics` needs one."""

    def __init__(self, existing=()):
        self.existing = dict.fromkeys(existing, 1)

    def topics(self):
        return self.existing

    def create_topics(self, specs):
        self.existing |= {spec.name: spec.partitions for spec in specs}
        return [spec.name for spec in specs]


def by_name(config, partitions=1):
    return {spec.name: spec for spec in topic_specs(config, partitions)}


@given(max_age=st.integers(1, 10**7), every=st.integers(1, 10**5), kept=st.integers(1, 20))
def test_retention_covers_snapshots_and_waiting_events(max_age, every, kept):
    config = Config(
        pending=PendingSettings(max_age_seconds=max_age),
        state=StateSettings(snapshot_every_seconds=every, snapshots_kept=kept),
    )
    specs = by_name(config)
    needed = 1_000 * max(max_age, every * kept)
    for name in ("events", "labels", "journal"):
        assert int(specs[name].config["retention.ms"]) > needed
    assert specs["examples"].config["cleanup.policy"] == "compact"
    assert int(specs["examples"].config["min.compaction.lag.ms"]) > needed


def test_workers_share_events_and_do_not_wait_for_each_other():
    specs = by_name(Config(topics=Topics(events=("alerts", "payments"))), partitions=6)
    sixfold = {name for name, spec in specs.items() if spec.partitions == 6}
    assert sixfold == {"alerts", "payments", "predictions", "journal"}
    assert all(spec.partitions == 1 for name, spec in specs.items() if name not in sixfold)


def test_the_embedded_topics_are_made():
    transport = Topology(["events"])
    check_topics(transport, Config())
    assert transport.existing.keys() == by_name(Config()).keys()


def test_missing_topics_on_kafka_are_named():
    config = Config(transport="kafka", kafka=KafkaSettings(bootstrap_servers="broker:9092"))
    transport = Topology(by_name(config).keys() - {"labels", "journal"})
    with pytest.raises(TopicMissing, match=r"broker:9092 lacks labels, journal.*streamssl topics create"):
        check_topics(transport, config)
    check_topics(Topology(by_name(config)), config)
