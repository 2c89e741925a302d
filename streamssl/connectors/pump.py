"""Between the topics and a connector's file: labels go out, review requests come in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

from streamssl.config import Config
from streamssl.connectors import outbox
from streamssl.connectors.backoff import Backoff
from streamssl.connectors.database import Database
from streamssl.fail_points import reach
from streamssl.transport import connect
from streamssl.transport.base import (
    Fenced,
    Positions,
    Record,
    Subscription,
    TopicMissing,
    Transport,
    TransportError,
    Worker,
)

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
MOST_RECORDS = 500

Take = Callable[[Database, list[Record]], None]
"""Keeps records; called inside the transaction that also keeps how far the topic has been read."""


@dataclass(frozen=True)
class Pump:
    """What one connector exchanges with the topics.

    Parameters
    ----------
    config
        Where the topics are.
    name
        Of the connector, without digits at its end: its worker id. No two processes may use one at a time; the
        older one ends (`Fenced`).
    path
        The connector's file.
    take
        What becomes of review requests; None when they are not read.
    commit_limit
        Entered around each commit; may end the process when that takes too long. kafka-python may wait for ever.
    """

    config: Config
    name: str
    path: Path
    take: Take | None
    commit_limit: Callable[[], AbstractContextManager[None]]

    def run(self, stop: threading.Event, has_labels: threading.Event) -> None:
        """Pump until told to stop; a server that is away is waited for.

        Parameters
        ----------
        has_labels
            Set by whoever has put a label into the outbox.
        """
        backoff = Backoff(stop)
        with closing(Database(self.path)) as database:
            while not stop.is_set():
                try:
                    self._session(database, stop, has_labels, backoff)
                except Fenced:
                    raise
                except TransportError as error:
                    backoff.wait(log, "waiting for the topics: %s", error)

    def _session(
        self, database: Database, stop: threading.Event, has_labels: threading.Event, backoff: Backoff
    ) -> None:
        """Connect, recover, and go round until told to stop or something breaks."""
        topics = self.config.topics
        with closing(connect(self.config)) as transport:
            _check(transport, (topics.labels[0], topics.journal, *([topics.review_requests] if self.take else [])))
            with closing(transport.worker(self._subscription())) as worker:
                outbox.recover(database, worker, transport, topics.journal)
                if self.take:
                    worker.join(_positions(database))
                backoff.reset()
                while not stop.is_set():
                    self._round(database, worker, transport, has_labels)

    def _round(self, database: Database, worker: Worker, transport: Transport, has_labels: threading.Event) -> None:
        if self.take is None:
            has_labels.wait(POLL_SECONDS)
        elif records := worker.poll(MOST_RECORDS, 0.01 if has_labels.is_set() else POLL_SECONDS):
            reach("round-1-polled")
            with database.transaction():
                self.take(database, records)
                _advance(database, records)
        has_labels.clear()
        if outbox.waiting(database):
            transport.offsets(self.config.topics.journal)  # raises when nobody answers; a commit might hang
            with self.commit_limit():
                sent = outbox.publish(database, worker, self.config.topics.labels[0])
            log.info("labels sent", extra={"labels": sent})

    def _subscription(self) -> Subscription:
        topics = self.config.topics
        return Subscription(
            worker_id=self.name,
            group_id=f"{self.config.kafka.group_id}-connectors",
            events=(),
            broadcast=(topics.review_requests,) if self.take else (),
            journal=topics.journal,
        )


def _check(transport: Transport, needed: tuple[str, ...]) -> None:
    existing = transport.topics()
    if missing := [name for name in needed if name not in existing]:
        raise TopicMissing(
            f"there is no topic {', '.join(missing)}: start the service, or `streamssl topics create`"
        )


def _positions(database: Database) -> Positions:
    rows = database.rows("SELECT topic, partition, next FROM positions")
    return {(topic, partition): following for topic, partition, following in rows}


def _advance(database: Database, records: list[Record]) -> None:
    for record in records:
        database.rows(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", record.topic, record.partition, record.offset + 1
        )
