"""Dead letters are shown safely and go back exactly as they came."""

import orjson
import pytest

from streamssl.config import load_config
from streamssl.messages import Invalid, dead_letter
from streamssl.runtime.topics import check_topics
from streamssl.transport.base import Message, Record

RAW = b'{"id": \xff\x1b[2J'


@pytest.fixture
def letters(config_file, transport):
    check_topics(transport, load_config(config_file, {}))
    with transport.producer() as producer:
        for offset, value in enumerate([RAW, None, b""]):
            record = Record("events", 0, offset, 1_700_000_000_000, b"k\x07", value, (("traceparent", b"00-1"),))
            producer.send(dead_letter(record, Invalid("decode", "id", "not JSON"), "dead-letters"))


def test_list_shows_where_and_why_and_no_control_characters(cli, config_file, letters):
    ended = cli("dead-letters", "list", "--config", config_file)
    assert ended.code == 0
    heading, first, *_ = [line.split("\t") for line in ended.out.splitlines()]
    row = dict(zip(heading, first, strict=True))
    assert row["position"] == "0:0"
    assert row["from"] == "events[0]@0"
    assert "not JSON" in row["message"]
    assert row["size"] == f"{len(RAW)} B"
    assert "\x1b" not in ended.out
    assert "\x07" not in ended.out


def test_list_shows_the_newest(cli, config_file, letters):
    out = cli("dead-letters", "list", "--config", config_file, "--limit", 1).out
    assert [line.split("\t")[0] for line in out.splitlines()] == ["position", "0:2"]


def test_json_has_everything(cli, config_file, letters):
    lines = cli("dead-letters", "list", "--config", config_file, "--json").out.splitlines()
    first, second, _ = map(orjson.loads, lines)
    assert (first["topic"], first["partition"], first["offset"]) == ("events", "0", "0")
    assert first["size"] == len(RAW)
    assert second["value"] is None


def test_replay_sends_bytes_key_and_headers_as_received(cli, config_file, letters, read):
    assert cli("dead-letters", "replay", "--config", config_file, "--all").code == 0
    sent = [record[4:] for record in read("events")]
    headers = (("traceparent", b"00-1"),)
    assert sent == [(b"k\x07", RAW, headers), (b"k\x07", None, headers), (b"k\x07", b"", headers)]


def test_replay_of_one(cli, config_file, letters, read):
    ended = cli("dead-letters", "replay", "--config", config_file, "--offset", "0:2")
    assert "sent 1 dead letter again" in ended.err
    assert [record.value for record in read("events")] == [b""]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--offset"),
        (["--all", "--offset", "0"], "either"),
        (["--offset", "x"], "PARTITION:OFFSET"),
        (["--offset", "0", "--offset", "0:99"], "holds nothing at 0:99"),
    ],
)
def test_mistakes_send_nothing(cli, config_file, letters, read, arguments, said):
    ended = cli("dead-letters", "replay", "--config", config_file, *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert read("events") == []


def test_a_record_that_does_not_say_where_it_came_from(cli, config_file, letters, transport, read):
    with transport.producer() as producer:
        producer.send(Message("dead-letters", b"k", b"v"))
    ended = cli("dead-letters", "replay", "--config", config_file, "--all")
    assert ended.code == 2
    assert "0:3" in ended.err
    assert read("events") == []


def test_no_topic_yet(cli, config_file):
    ended = cli("dead-letters", "list", "--config", config_file)
    assert ended.code == 2
    assert "no topic dead-letters" in ended.err
