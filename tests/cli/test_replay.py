"""When the events and labels of a replayed file are sent, and in which form."""

import math

import orjson
import pytest

from streamssl.cli.replay import Pace, as_messages, feed
from streamssl.config import Config
from streamssl.evaluation.datasets import Row
from streamssl.transport.base import Message


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds >= 0
        self.now += seconds


class Sent:
    """A producer that notes what was sent and when."""

    def __init__(self, clock):
        self.clock = clock
        self.messages = []
        self.flushed = 0

    def send(self, message, timestamp=None):
        self.messages.append((round(self.clock() - 100.0, 6), message.topic, message.key))

    def flush(self):
        self.flushed = len(self.messages)


def stream(count, labelled):
    for number in range(count):
        key = str(number).encode()
        yield Message("events", key, b"{}"), Message("labels", key, b"{}") if number in labelled else None


def run(messages, rate, delay):
    clock = Clock()
    sent = Sent(clock)
    progress = list(feed(messages, sent, Pace(rate, delay, clock, clock.sleep)))
    assert sent.flushed == len(sent.messages), "all that was sent is durable at the end"
    return sent.messages, progress


def test_events_keep_the_rate_and_labels_their_delay():
    sent, progress = run(stream(10, {0, 4}), rate=2.0, delay=1.2)
    events = [(when, key) for when, topic, key in sent if topic == "events"]
    labels = [(when, key) for when, topic, key in sent if topic == "labels"]
    assert events == [(number / 2, str(number).encode()) for number in range(10)]
    assert [key for _, key in labels] == [b"0", b"4"]
    for (when, _), event_time in zip(labels, (0.0, 2.0), strict=True):
        assert event_time + 1.2 <= when <= event_time + 1.2 + 0.1
    assert progress[-1] == (10, 2, 0)


def test_labels_that_come_after_the_last_event_are_waited_for():
    sent, progress = run(stream(3, {2}), rate=math.inf, delay=60.0)
    assert [topic for _, topic, _ in sent] == ["events"] * 3 + ["labels"]
    assert sent[-1][0] == pytest.approx(60.0, abs=0.1)
    assert any(each.waiting == 1 for each in progress)


def test_a_label_without_delay_follows_its_event():
    sent, _ = run(stream(3, {0, 1, 2}), rate=math.inf, delay=0.0)
    assert [(topic, key) for _, topic, key in sent] == [
        (topic, key) for key in (b"0", b"1", b"2") for topic in ("events", "labels")
    ]


def rows(count):
    return [Row({"x": number, "answer": "leak"}, "good", None, None) for number in range(count)]


def test_events_never_carry_their_label():
    pairs = list(as_messages(rows(50), Config(), name="f.csv", exclude=["answer"], label_rate=1.0, seed=0))
    for number, (event, label) in enumerate(pairs, start=1):
        event_id = f"f.csv-{number}"
        assert event.key == label.key == event_id.encode()
        assert orjson.loads(event.value) == {"id": event_id, "features": {"x": number - 1}}
        assert orjson.loads(label.value) == {"event_id": event_id, "label": "good", "annotator": "replay"}


def test_the_seed_chooses_the_labels():
    def chosen(seed):
        pairs = as_messages(rows(2_000), Config(), name="f", label_rate=0.1, seed=seed)
        return [event.key for event, label in pairs if label is not None]

    assert chosen(1) == chosen(1) != chosen(2)
    assert 120 < len(chosen(1)) < 280


def test_ids_and_times_of_the_file_are_kept_and_unlabelled_rows_stay_so():
    row = Row({"x": 1}, None, "alert/7", "2024-01-01T00:00:00Z")
    [(event, label)] = as_messages([row], Config(), name="f", label_rate=1.0, seed=0)
    assert label is None
    assert orjson.loads(event.value) == {"id": "alert/7", "time": "2024-01-01T00:00:00Z", "features": {"x": 1}}


def test_a_file_goes_to_the_topics_without_its_labels(cli, config_file, tmp_path, read):
    file = tmp_path / "events.csv"
    file.write_text("uid,when,x,answer,class\n" + "".join(f"e{n},{n},{n}.5,a,good\n" for n in range(20)))
    ended = cli(
        "replay", file, "--config", config_file, "--id-column", "uid", "--time-column", "when",
        "--exclude", "answer", "--label-column", "class", "--label-rate", 1, "--label-delay", 0, "--limit", 10,
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, "sent 10 events and 10 labels\n")
    events = read("events")
    assert [record.key for record in events] == [f"e{n}".encode() for n in range(10)]
    assert orjson.loads(events[3].value) == {"id": "e3", "time": 3, "features": {"x": 3.5}}
    assert [orjson.loads(record.value)["label"] for record in read("labels")] == ["good"] * 10


def test_the_mapping_of_the_configuration_is_written(cli, config_file, tmp_path, read):
    file = tmp_path / "events.csv"
    file.write_text("x,label\n1,good\n")
    ended = cli(
        "replay", file, "--config", config_file, "--label-rate", 1, "--label-delay", 0,
        "--set", "mapping.events={id: alert.uid, features: .}", "--set", "mapping.labels={label: verdict.final}",
    )  # fmt: skip
    assert ended.code == 0
    [event], [label] = read("events"), read("labels")
    assert orjson.loads(event.value) == {"x": 1, "alert": {"uid": "events.csv-1"}}
    assert orjson.loads(label.value)["verdict"] == {"final": "good"}


def test_a_mapping_that_cannot_say_an_event_is_named(cli, config_file, tmp_path):
    file = tmp_path / "events.csv"
    file.write_text("x,label\n1,good\n")
    ended = cli("replay", file, "--config", config_file, "--set", "mapping.events={id: x.uid, features: .}")
    assert ended.code == 2
    assert "cannot write x.uid" in ended.err


def test_ctrl_c_ends_quietly_and_says_what_was_sent(cli, config_file, tmp_path, monkeypatch):
    file = tmp_path / "events.csv"
    file.write_text("x,label\n" + "1,good\n" * 5)

    def interrupted(messages, producer, pace):
        yield from feed(list(messages)[:2], producer, pace)
        raise KeyboardInterrupt

    monkeypatch.setattr("streamssl.cli.replay.feed", interrupted)
    ended = cli("replay", file, "--config", config_file, "--label-rate", 0)
    assert (ended.code, ended.err) == (130, "sent 2 events and 0 labels\n")


@pytest.mark.parametrize("rate", ["0", "-3/s", "fast", "nan"])
def test_a_rate_is_a_number_above_0(cli, tmp_path, rate):
    ended = cli("replay", tmp_path / "events.csv", f"--rate={rate}")
    assert ended.code == 2
    assert f"--rate {rate}" in ended.err
