"""The connector as a process: killed anywhere, with either side away, on both transports."""

import signal
import time
import uuid

import httpx
import pytest

from streamssl.config import load_config
from streamssl.runtime.topics import topic_specs
from streamssl.transport import connect
from tests.connectors.connector import Connector
from tests.connectors.stand_in import StandIn
from tests.connectors.topics import labels, repeats, request, said, send, standing
from tests.integration.service import until
from tests.kafka_server import KafkaServer

KILLED = -signal.SIGKILL


@pytest.fixture
def connector(tmp_path, sections, config):
    connector = Connector("label-studio", tmp_path, sections)
    yield connector
    if connector.process and connector.process.poll() is None:
        connector.kill()


def ask(config, numbers):
    send(config, "review-requests", [request(number) for number in numbers])


def pushed(stand_in):
    return sorted(task["meta"]["streamssl"]["request_id"] for task in stand_in.tasks.values())


def named(numbers):
    return sorted(f"request-{number}" for number in numbers)


def test_there_and_back_and_an_end_as_asked(connector, config, stand_in):
    ask(config, range(3))
    connector.start()
    until(lambda: pushed(stand_in) == named(range(3)), 30, "pushed")
    stand_in.annotate(stand_in.task_of("request-1"), "ham")
    until(lambda: standing(labels(config)) == {("event-1", "ann@example.org"): "ham"}, 30, "labelled")
    assert connector.stop() == 0


@pytest.mark.parametrize("point", ["round-1-polled", "commit-2-sent", "round-3-committed"])
def test_killed_anywhere_nothing_is_lost_and_nothing_comes_twice(connector, config, stand_in, point):
    ask(config, range(2))
    connector.start()
    until(lambda: pushed(stand_in) == named(range(2)), 30, "pushed")
    connector.kill()
    stand_in.annotate(stand_in.task_of("request-0"), "spam")
    ask(config, [2])
    connector.start(fail_point=point)
    assert connector.ends() == KILLED
    stand_in.annotate(stand_in.task_of("request-1"), "ham")
    connector.start()
    until(lambda: pushed(stand_in) == named(range(3)), 30, "pushed")
    until(lambda: len(standing(labels(config))) == 2, 30, "labelled")
    assert [said(each) for each in labels(config)] in (["spam", "ham"], ["ham", "spam"])
    assert connector.stop() == 0


def test_killed_while_it_imports(connector, config, stand_in):
    """The tasks are made, and nobody is there to be told."""
    stand_in.refuses = lambda body: connector.process.kill()
    ask(config, range(4))
    connector.start()
    assert connector.ends() == KILLED
    until(lambda: stand_in.imports, 10, "imported")
    stand_in.refuses = lambda body: False
    ask(config, [4])
    connector.start()
    until(lambda: pushed(stand_in) == named(range(5)), 30, "pushed once each")
    assert stand_in.imports == [4, 1]


@pytest.mark.timeout(240)
def test_label_studio_is_away_for_a_while(connector, config, stand_in):
    ask(config, range(2))
    connector.start()
    until(lambda: pushed(stand_in) == named(range(2)), 30, "pushed")
    stand_in.close()
    ask(config, [2])
    until(lambda: "waiting for Label Studio" in connector.log.read_text(), 30, "said")
    again = StandIn(stand_in.port)
    try:
        again.tasks, again._ids, again._ticks = stand_in.tasks, stand_in._ids, 10_000
        again.annotate(again.task_of("request-0"), "spam")
        # It may have gone away in the middle of an import, of which nobody knows for a minute what became of it.
        until(lambda: pushed(again) == named(range(3)), 120, "pushed")
        until(lambda: standing(labels(config)) == {("event-0", "ann@example.org"): "spam"}, 30, "labelled")
        assert connector.process.poll() is None, "it has waited, and not ended"
    finally:
        again.close()


def test_a_hook_makes_it_look_at_once(tmp_path, sections, config, stand_in):
    sections["connectors"]["label_studio"] |= {"poll_seconds": 3600, "hook_port": 0, "hook_secret": "a secret"}
    ask(config, range(1))
    with Connector("label-studio", tmp_path, sections) as connector:
        url = connector.url()
        until(lambda: pushed(stand_in) == named(range(1)), 30, "pushed: a new request is itself a reason to look")
        stand_in.annotate(stand_in.task_of("request-0"), "spam")
        assert httpx.post(url, json={}).status_code == 401
        assert httpx.post(url, json={}, headers={"X-Streamssl-Secret": "another"}).status_code == 401
        assert labels(config) == []
        unread = b"not even JSON: it is a hint, and nothing else"
        assert httpx.post(url, content=unread, headers={"X-Streamssl-Secret": "a secret"}).status_code == 204
        until(lambda: labels(config), 10, "labelled")
        assert httpx.get(url + "health").status_code == 200


def test_a_second_process_on_the_same_file_ends(tmp_path, sections, config):
    with Connector("label-studio", tmp_path, sections) as first:
        until(lambda: (tmp_path / "state/connectors").exists(), 30, "begun")
        second = Connector("label-studio", tmp_path, sections).start()
        assert second.ends() == 1
        assert "is in use by another process" in second.log.read_text()
        assert first.process.poll() is None


def test_what_is_missing_is_said(tmp_path, sections):
    del sections["connectors"]["label_studio"]["token"]
    connector = Connector("label-studio", tmp_path, sections).start()
    assert connector.ends() == 2
    assert "needs project and token" in connector.log.read_text()


def on_kafka(sections, broker):
    """Put topics that nobody has used on a broker; return the configuration."""
    name = f"connect-{uuid.uuid4().hex[:8]}"
    topics = {"events": "e", "labels": "l", "predictions": "p", "review_requests": "r", "examples": "x"}
    sections |= {
        "transport": "kafka",
        "kafka": {"bootstrap_servers": broker, "group_id": name},
        "topics": {
            role: f"{name}-{short}" for role, short in (topics | {"dead_letters": "d", "journal": "j"}).items()
        },
    }
    config = load_config(None, sections)
    connect(config).create_topics(topic_specs(config))
    return config


@pytest.mark.parametrize("point", ["commit-3-journalled", "round-3-committed"])
def test_on_kafka(tmp_path, sections, stand_in, kafka_broker, point):
    config = on_kafka(sections, kafka_broker)
    send(config, config.topics.review_requests, [request(number) for number in range(3)])
    connector = Connector("label-studio", tmp_path, sections).start()
    try:
        until(lambda: pushed(stand_in) == named(range(3)), 60, "pushed")
        connector.kill()
        stand_in.annotate(stand_in.task_of("request-1"), "ham")
        connector.start(fail_point=point)
        assert connector.ends() == KILLED
        connector.start()
        until(lambda: standing(labels(config)) == {("event-1", "ann@example.org"): "ham"}, 60, "labelled")
        stand_in.annotate(stand_in.task_of("request-2"), "spam")
        until(lambda: len(standing(labels(config))) == 2, 60, "labelled")
        assert repeats(labels(config)) == []
    finally:
        connector.kill()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_broker_is_away_for_a_while(tmp_path, sections, stand_in):
    broker = KafkaServer(tmp_path / "broker").start()
    try:
        config = on_kafka(sections, broker.bootstrap)
        send(config, config.topics.review_requests, [request(number) for number in range(3)])
        with Connector("label-studio", tmp_path, sections) as connector:
            until(lambda: pushed(stand_in) == named(range(3)), 60, "pushed")
            broker.kill()
            stand_in.annotate(stand_in.task_of("request-0"), "spam")
            until(lambda: "waiting for the topics" in connector.log.read_text(), 90, "said")
            time.sleep(40)  # longer than a commit may take
            stand_in.annotate(stand_in.task_of("request-1"), "ham")
            assert connector.process.poll() is None, "it waits, and does not end"
            broker.start()
            until(lambda: len(standing(labels(config))) == 2, 120, "labelled")
            send(config, config.topics.review_requests, [request(3)])
            until(lambda: pushed(stand_in) == named(range(4)), 60, "pushed")
            assert repeats(labels(config)) == []
    finally:
        broker.kill()
