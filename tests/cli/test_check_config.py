"""A configuration is shown as it will hold, and what it makes of real records."""

import socket

import yaml

from streamssl.config import load_config
from streamssl.runtime.topics import check_topics
from streamssl.transport.base import Message

RECORDS = b"""\
{"id": "a", "features": {"amount": 12, "geo": {"country": "AT"}}, "label": "spam"}
{"id": "b", "features": {"amount": null}}
{"id": "c", "features": {"amount": NaN}}
{"features": 7}
"""


def rows(text, heading):
    """Return the rows of the table that begins with ``heading``."""
    lines = text.splitlines()
    start = lines.index(heading) + 1
    width = len(heading.split("\t"))
    found = []
    for line in lines[start:]:
        if len(line.split("\t")) != width or line.split("\t")[0] in ("field", "problem", "topic"):
            break
        found.append(tuple(line.split("\t")))
    return found


def test_the_effective_configuration_is_printed(cli, config_file):
    ended = cli("check-config", "--config", config_file, "--set", "review.share=0.5")
    assert ended.code == 0
    shown = yaml.safe_load(ended.out)
    assert shown["review"]["share"] == 0.5
    assert shown["worker"]["id"] == "worker-0"
    assert "the first run makes it" in ended.err


def test_checking_makes_nothing(cli, config_file, tmp_path):
    cli("check-config", "--config", config_file)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_secrets_are_masked(cli, config_file):
    ended = cli("check-config", "--config", config_file, "--set", "kafka.sasl_password=hunter2")
    assert ended.code == 0
    assert "hunter2" not in ended.out + ended.err
    assert "***" in ended.out


def test_the_topics_that_are_there(cli, config_file, transport):
    check_topics(transport, load_config(config_file, {}))
    ended = cli("check-config", "--config", config_file)
    assert ("dead-letters", "dead_letters", "1") in rows(ended.out, "topic\trole\tpartitions")


def check_fields(ended):
    assert ended.code == 0
    assert "4 records: 2 can be used, 2 would be dead letters" in ended.err
    assert rows(ended.out, "part\trecords\tfirst")[0] == ("id", "2", "a")
    assert rows(ended.out, "field\tread as (records)\tfirst") == [
        ("amount", "number (1), null (1)", "number 12"),
        ("geo.country", "text (1)", "text 'AT'"),
    ]
    problems = rows(ended.out, "problem\trecords\tfirst at")
    assert [count for _, count, _ in problems] == ["1", "1"]
    assert any("features" in problem for problem, _, _ in problems)


def test_a_file_as_sample(cli, config_file, tmp_path):
    sample = tmp_path / "sample.jsonl"
    sample.write_bytes(RECORDS)
    check_fields(cli("check-config", "--config", config_file, "--sample", sample))


def test_a_topic_as_sample(cli, config_file, transport):
    check_topics(transport, load_config(config_file, {}))
    with transport.producer() as producer:
        for line in RECORDS.splitlines():
            producer.send(Message("events", None, line))
    check_fields(cli("check-config", "--config", config_file, "--sample", "events"))


def test_a_sample_that_is_not_there(cli, config_file):
    ended = cli("check-config", "--config", config_file, "--sample", "evnts")
    assert ended.code == 2
    assert "did you mean 'events'?" in ended.err


def test_a_broker_that_does_not_answer_is_named_within_seconds(cli, config_file, monkeypatch):
    monkeypatch.setattr("streamssl.cli.reaching.PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        ended = cli(
            "check-config",
            "--config",
            config_file,
            "--set",
            "transport=kafka",
            "--set",
            f"kafka.bootstrap_servers={address}",
        )
    assert ended.code == 1
    assert address in ended.err
