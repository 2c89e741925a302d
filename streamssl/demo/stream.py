"""The world around the service: events go in, review requests come out, labels go in late, predictions come out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from streamssl.config import Config
from streamssl.demo.datasets import DemoSet
from streamssl.demo.person import Person
from streamssl.demo.reviewer import Reviewer
from streamssl.demo.scoreboard import Scoreboard
from streamssl.demo.service import Service, ServiceDied
from streamssl.monitoring.scrape import Scrape
from streamssl.transport.base import Message, Producer, Reader, Record, Transport

ROUND = 0.05
"""Seconds of a round."""
SCRAPE_EVERY = 1.0
READY_WITHIN = 600.0
"""Seconds for the service to become ready; compiling takes a minute or two on a slow machine."""
SILENT_AFTER = 30.0
"""Seconds without any progress, once everything is sent, after which the service counts as stuck."""
UNREAD = Scrape("", time=0.0)
"""What the service has said before it is first asked."""


@dataclass(slots=True)
class Progress:
    """How far the demo has come: what the view shows."""

    total: int
    sent: int = 0
    per_second: float = 0.0
    """Events predicted a second, lately."""
    waiting: int = 0
    """Answers that the reviewer has not given yet."""
    scrape: Scrape = UNREAD
    """The service's own metrics, at most about a second old."""


def event_ids(demo_set: DemoSet) -> list[str]:
    """Return the id of every event of a set, in its order.

    Examples
    --------
    >>> from streamssl.evaluation.datasets import Row
    >>> event_ids(DemoSet("digits", [Row({"x": 1}, "7", None, None)], 0.1))
    ['digits-00001']
    """
    return [f"{demo_set.name}-{number:05d}" for number in range(1, len(demo_set.rows) + 1)]


class Stream:
    """Feeds the service with a set at a rate and takes what it writes, until all is predicted and answered.

    One thread does everything in turn, so that what was sent, answered and seen is in step at every moment.

    Parameters
    ----------
    demo_set
        The events.
    config
        Of the service: names of topics.
    reviewer, scoreboard
        Who answers, a person or the simulated reviewer, and who compares.
    rate
        Events a second.
    clock
        Seconds, which tests replace.
    """

    def __init__(
        self,
        demo_set: DemoSet,
        config: Config,
        reviewer: Reviewer | Person,
        scoreboard: Scoreboard,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reviewer = reviewer
        self.scoreboard = scoreboard
        self.progress = Progress(len(demo_set.rows))
        self._topics = config.topics
        self._values = [
            (event_id, orjson.dumps({"id": event_id, "features": row.features}))
            for event_id, row in zip(event_ids(demo_set), demo_set.rows, strict=True)
        ]
        self._rate = rate
        self._clock = clock

    def play(self, transport: Transport, service: Service) -> Iterator[Progress]:
        """Go round until everything has been predicted, answered and taken up; yield after each round.

        Raises
        ------
        ServiceDied
            When the service ends by itself or stops answering.
        """
        topics = [self._topics.predictions, self._topics.review_requests]
        if isinstance(self.reviewer, Person):
            topics += self._topics.labels
        with transport.producer() as producer, transport.reader(topics) as reader:
            begun = moved = self._clock()
            scraped = measured = begun
            last, predicted = (0, 0, 0.0), 0
            while not self._is_done():
                now = self._clock()
                service.check()
                self._send_events(producer, now - begun)
                self._send_answers(producer, now)
                producer.flush()
                self._take(reader)
                if now >= scraped:
                    self.progress.scrape = service.scrape() or self.progress.scrape
                    scraped = now + SCRAPE_EVERY
                if now >= measured + SCRAPE_EVERY:
                    self.progress.per_second = (self.scoreboard.events - predicted) / (now - measured)
                    measured, predicted = now, self.scoreboard.events
                standing = (self.progress.sent, self.scoreboard.events, self._taken_up())
                if standing != last or self.reviewer.waiting:
                    last, moved = standing, now
                if now - moved > max(SILENT_AFTER, 2 / self._rate):
                    raise ServiceDied(f"the service has made no progress for {now - moved:.0f} s")
                yield self.progress

    def _is_done(self) -> bool:
        board = self.scoreboard
        return (
            board.events == self.progress.total
            and self.reviewer.asked == board.review_requests
            and not self.reviewer.waiting
            and self._taken_up() >= board.answers.total()
        )

    def _taken_up(self) -> float:
        """Return how many answers the service has met with their events."""
        labels = self.progress.scrape
        # A label that came before its event was counted is counted again when the event is there.
        return labels.total("streamssl_labels_total") - labels.total("streamssl_labels_total", case="early")

    def _send_events(self, producer: Producer, elapsed: float) -> None:
        due = min(self.progress.total, int(elapsed * self._rate) + 1)
        for event_id, value in self._values[self.progress.sent : due]:
            producer.send(Message(self._topics.events[0], event_id.encode(), value))
        self.progress.sent = due

    def _send_answers(self, producer: Producer, now: float) -> None:
        for answer in self.reviewer.answers(now):
            message = Message(self._topics.labels[0], answer.event_id.encode(), orjson.dumps(answer.record()))
            producer.send(message)
            self.scoreboard.answered(answer)
        self.progress.waiting = self.reviewer.waiting

    def _take(self, reader: Reader) -> None:
        until = self._clock() + ROUND
        while (left := until - self._clock()) > 0:
            for record in reader.poll(timeout=left):
                self._take_record(record)

    def _take_record(self, record: Record) -> None:
        value: dict[str, Any] = orjson.loads(record.value or b"{}")
        if record.topic == self._topics.predictions:
            self.scoreboard.predicted(value)
        elif record.topic in self._topics.labels and isinstance(self.reviewer, Person):
            self.scoreboard.answered(self.reviewer.heard(value, self._clock()))
        else:
            self.reviewer.ask(value["event"]["id"], value["request_id"], self._clock())


def wait_until_ready(service: Service, clock: Callable[[], float] = time.monotonic) -> Iterator[float]:
    """Wait for the service; yield the seconds that it has taken so far, some times a second.

    Raises
    ------
    ServiceDied
        When it ends or takes longer than `READY_WITHIN`.
    """
    begun = clock()
    while not service.is_ready():
        service.check()
        if clock() - begun > READY_WITHIN:
            raise ServiceDied(f"the service was not ready after {READY_WITHIN:.0f} s")
        yield clock() - begun
        time.sleep(0.2)
