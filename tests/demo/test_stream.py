"""The world around the service, without the service: topics are lists, and time is counted."""

from collections import defaultdict
from contextlib import nullcontext

import orjson
import pytest

from streamssl.config import Config
from streamssl.demo.datasets import DemoSet
from streamssl.demo.reviewer import Habits, Reviewer
from streamssl.demo.scoreboard import Scoreboard
from streamssl.demo.service import ServiceDied
from streamssl.demo.stream import SILENT_AFTER, Stream, event_ids
from streamssl.evaluation.datasets import Row
from streamssl.monitoring.scrape import Scrape
from streamssl.transport.base import Record

EVENTS = 100
SET = DemoSet("made", [Row({"x": number}, "ab"[number % 2], None, None) for number in range(EVENTS)], 0.5)
TRUTH = {event_id: row.label for event_id, row in zip(event_ids(SET), SET.rows, strict=True)}


class World:
    """Topics, clock and a service that predicts "a" and asks about every other event."""

    def __init__(self, *, answers=True):
        self.now = 50.0
        self.answers = answers
        self.sent = defaultdict(list)
        self.unread = []

    def clock(self):
        return self.now

    def producer(self):
        return nullcontext(self)

    def reader(self, topics):
        assert set(topics) == {"predictions", "review-requests"}
        return nullcontext(self)

    def send(self, message):
        value = orjson.loads(message.value)
        self.sent[message.topic].append((self.now, value))
        if message.topic == "events" and self.answers:
            asked = len(self.sent["events"]) % 2 == 0
            said = {
                "event_id": value["id"],
                "label": "a",
                "twin": "b",
                "pseudo_label": None,
                "review": asked or None,
            }
            self.unread.append(("predictions", said))
            if asked:
                self.unread.append(("review-requests", {"request_id": f"r-{value['id']}", "event": value}))

    def flush(self):
        pass

    def poll(self, timeout):
        self.now += timeout
        records = [Record(topic, 0, 0, 0, None, orjson.dumps(value)) for topic, value in self.unread]
        self.unread.clear()
        return records

    def check(self):
        pass

    def scrape(self):
        labels = len(self.sent["labels"])
        early = 'streamssl_labels_total{case="early"} 7\n'
        return Scrape(f'streamssl_labels_total{{case="joined"}} {labels}\n{early}', self.now)


def play(world, rate=20.0):
    board = Scoreboard(TRUTH)
    reviewer = Reviewer(TRUTH, SET.classes, Habits(seconds=2.0), seed=0)
    stream = Stream(SET, Config(), reviewer, board, rate, clock=world.clock)
    steps = [(progress.sent, progress.waiting, board.events) for progress in stream.play(world, world)]
    return steps, board, reviewer


def test_everything_is_predicted_and_every_answer_taken_up():
    world = World()
    _, board, reviewer = play(world)
    assert board.events == EVENTS
    assert board.accuracy() == board.twin_accuracy() == 0.5
    assert board.review_requests == reviewer.asked == EVENTS // 2
    assert len(world.sent["labels"]) == board.answers.total() >= EVENTS // 2


def test_events_go_out_at_the_rate():
    world = World()
    play(world, rate=20.0)
    times = [time - 50.0 for time, _ in world.sent["events"]]
    assert times == pytest.approx([number / 20.0 for number in range(EVENTS)], abs=0.1)


def test_no_event_carries_its_label():
    world = World()
    play(world)
    assert all(value.keys() == {"id", "features"} for _, value in world.sent["events"])


def test_labels_come_seconds_after_their_events():
    world = World()
    play(world)
    sent = {value["id"]: time for time, value in world.sent["events"]}
    delays = [time - sent[value["event_id"]] for time, value in world.sent["labels"]]
    assert min(delays) >= 1.0
    assert max(delays) <= 3.0 + 4.0 + 0.2


def test_what_is_waiting_is_shown():
    steps, _, _ = play(World())
    assert max(waiting for _, waiting, _ in steps) > 5
    assert steps[-1][1] == 0


def test_a_service_that_says_nothing_is_given_up():
    world = World(answers=False)
    with pytest.raises(ServiceDied, match="no progress"):
        play(world)
    assert world.now > 50.0 + EVENTS / 20.0 + SILENT_AFTER
