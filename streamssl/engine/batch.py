"""A batch of records, in the one order in which they are processed.

What one poll returns comes partition by partition. Processing it like that would let a partition that is
behind see labels before their events. `merge` puts the records into the order in which they happened, as far
as one can tell, and gives the same order whenever it is given the same records: the journal names records,
not an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streamssl.engine.view import View
from streamssl.transport.base import OffsetRange, Record


class Batch(NamedTuple):
    """What one step of the engine processes."""

    records: Sequence[Record]
    """In processing order, see `merge`."""
    time: int
    """Milliseconds since the epoch when the batch was polled. No record counts as later than this."""
    horizon: int
    """Everything that was produced before this moment (ms) is in this batch or in one before it."""
    view: View | None = None
    """What is known of the other workers, where something is to be decided; see `streamssl.engine.verdicts`."""


def merge(records: Iterable[Record]) -> list[Record]:
    """Order records by time, each partition kept in offset order.

    The key is the running maximum of the timestamps of a record's partition, so that one record with an old
    timestamp cannot overtake its elders; ties go by topic, partition, offset.

    Parameters
    ----------
    records
        Each partition's records in offset order, partitions interleaved in any way.

    Examples
    --------
    >>> late = [Record("events", 0, 7, 1_000, None, b""), Record("events", 0, 8, 900, None, b"")]
    >>> label = [Record("labels", 0, 3, 950, None, b"")]
    >>> [(record.topic, record.offset) for record in merge(late + label)]
    [('labels', 3), ('events', 7), ('events', 8)]
    """
    records = list(records)
    if len({record[:2] for record in records}) <= 1:
        return records
    latest: dict[tuple[str, int], int] = {}
    keyed: list[tuple[int, Record]] = []
    for record in records:
        partition = (record.topic, record.partition)
        time = max(latest.get(partition, record.timestamp), record.timestamp)
        latest[partition] = time
        keyed.append((time, record))
    # A record compares by topic, partition, offset: no two are equal in these, so values are never compared.
    keyed.sort()
    return [record for _, record in keyed]


def ranges(records: Iterable[Record]) -> list[OffsetRange]:
    """Return the offset range of every partition in ``records``, by topic and partition.

    Examples
    --------
    >>> ranges([Record("events", 1, 4, 0, None, b""), Record("events", 1, 6, 0, None, b"")])
    [OffsetRange(topic='events', partition=1, first=4, end=7, count=2)]
    """
    seen: dict[tuple[str, int], OffsetRange] = {}
    for record in records:
        key = (record.topic, record.partition)
        known = seen.get(key)
        if known is None:
            seen[key] = OffsetRange(*key, record.offset, record.offset + 1, 1)
        else:
            seen[key] = OffsetRange(*key, known.first, record.offset + 1, known.count + 1)
    return [seen[key] for key in sorted(seen)]
