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
