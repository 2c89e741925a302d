"""The tools against a real broker: topics are asked for, created, written, read."""

import uuid

import orjson
import pytest
import yaml


@pytest.fixture
def config_file(kafka_broker, tmp_path):
    """A configuration whose topics nobody else has."""
    prefix = f"cli-{uuid.uuid4().hex[:8]}"
    names = ("predictions", "review_requests", "examples", "dead_letters", "journal")
    settings = {
        "transport": "kafka",
        "kafka": {"bootstrap_servers": kafka_broker},
        "topics": {name: f"{prefix}-{name}" for name in ("events", "labels", *names)},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def test_from_missing_topics_to_labels(cli, config_file, read):
    topics = yaml.safe_load(config_file.read_text())["topics"]

    refused = cli("label", "e1", "spam", "--config", config_file)
    assert refused.code == 1
    assert topics["labels"] in refused.err
    assert "streamssl topics create" in refused.err

    created = cli("topics", "create", "--replication", 1, "--config", config_file)
    assert created.code == 0
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in created.out.splitlines()}
    assert rows[topics["events"]] == ["created", "4"]
    assert rows[topics["examples"]] == ["created", "1"]

    assert cli("label", "e1", "spam", "--config", config_file).code == 0
    assert [(record.key, orjson.loads(record.value)["label"]) for record in read(topics["labels"])] == [
        (b"e1", "spam")
    ]

    checked = cli("check-config", "--sample", topics["labels"], "--config", config_file)
    assert checked.code == 0
    assert "1 record: 1 can be used" in checked.err
    assert f"{topics['journal']}\tjournal\t4" in checked.out.splitlines()

    listed = cli("topics", "list", "--config", config_file).out.splitlines()
    assert f"{topics['labels']}\tlabels\t0\t0\t1\t1" in listed


def test_an_impossible_replication_is_an_error_of_the_broker(cli, config_file):
    ended = cli("topics", "create", "--replication", 9, "--config", config_file)
    assert ended.code == 1
    assert ended.err.startswith("streamssl: creating topics: ")
