"""Labels on their way to the topic: kept until they are there, and there exactly once.

They are written in numbered batches, each in one transaction with a journal entry that says its number. What
happens in a kill:

1. before the transaction has committed: the entry is not in the journal, and the batch is written again
2. after it, but before the outbox knows: the entry is found in the journal, and the batch is not written again
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence

from pydantic import ValidationError

from streamssl.connectors.database import Database
from streamssl.fail_points import reach
from streamssl.messages.records import JournalRecord
from streamssl.transport.base import Message, Transport, Worker

log = logging.getLogger(__name__)

MOST = 500
"""Labels of one batch at the most."""


def put(database: Database, key: bytes, value: bytes) -> None:
    """Add one label; to be called inside a transaction with whatever led to it."""
    database.rows("INSERT INTO outbox (key, value) VALUES (?, ?)", key, value)


def waiting(database: Database) -> int:
    """Return how many labels are not in the topic yet."""
    return int(database.rows("SELECT count(*) FROM outbox")[0][0])


def recover(database: Database, worker: Worker, transport: Transport, journal: str) -> None:
    """Fence the predecessor, and find out whether the batch that it was writing is in the topic.

    To be called before anything is published. The worker's id has no digits at its end, so that its journal is
    partition 0. It is read from where the last batch but one ended.
    """
    worker.fence()
    begun = database.fact("batch_begun")
    if begun is None:  # nothing was on its way: the journal is read from here on only
        with database.transaction():
            database.remember("journal_position", transport.offsets(journal)[0][1])
    sequences = {_sequence(record.value) for record in worker.read_journal(database.fact("journal_position"))}
    if begun is None:
        return
    if begun in sequences:
        log.info("the labels that were on their way are in the topic", extra={"batch": begun})
        _settle(database, begun, None)
    else:
        with database.transaction():
            database.remember("batch_begun", None)


def publish(database: Database, worker: Worker, topic: str) -> int:
    """Write the oldest labels to the topic; return how many."""
    rows = database.rows("SELECT number, key, value FROM outbox ORDER BY number LIMIT ?", MOST)
    if not rows:
        return 0
    batch = 1 + (database.fact("batch") or 0)
    with database.transaction():
        database.remember("batch_begun", batch)
        database.remember("batch_last", rows[-1][0])
    messages = [Message(topic, key, value) for _, key, value in rows]
    position = worker.commit(messages, _entry(batch, messages), [])
    reach("round-3-committed")
    _settle(database, batch, position)
    return len(rows)


def _settle(database: Database, batch: int, position: int | None) -> None:
    with database.transaction():
        database.rows("DELETE FROM outbox WHERE number <= ?", database.fact("batch_last"))
        database.remember("batch", batch)
        database.remember("batch_begun", None)
        if position is not None:
            database.remember("journal_position", position)


def _entry(batch: int, messages: Sequence[Message]) -> bytes:
    digest = hashlib.sha256()
    for message in messages:
        digest.update(message.value or b"")
    now = int(time.time() * 1_000)
    record = JournalRecord(sequence=batch, time=now, horizon=0, ranges=[], digest=digest.hexdigest())
    return record.model_dump_json(by_alias=True).encode()


def _sequence(value: bytes | None) -> int | None:
    try:
        return JournalRecord.model_validate_json(value or b"").sequence
    except ValidationError:
        return None
