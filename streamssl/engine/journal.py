"""What one committed batch processed: enough to do exactly the same again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from streamssl.engine.batch import Batch, merge
from streamssl.engine.view import View
from streamssl.transport.base import OffsetRange, Record


class JournalEntry(NamedTuple):
    """One record of the journal topic.

    The batch's records are named by their ranges; their order follows from the records (`merge`).
    """

    sequence: int
    """0 for a worker's first batch, then without gaps."""
    time: int
    """`Batch.time`."""
    horizon: int
    """`Batch.horizon`."""
    ranges: Sequence[OffsetRange]
    digest: str
    """The state's chained digest after the batch: equal digests, equal predictions ever since the beginning."""
    view: View | None = None
    """`Batch.view`."""

    def encode(self) -> bytes:
        """Return the record's value, JSON."""
        fields = self._asdict() | {"ranges": [list(each) for each in self.ranges]}
        del fields["view"]
        if self.view is not None:
            fields["view"] = self.view.to_document()
        return orjson.dumps(fields)

    @classmethod
    def decode(cls, value: bytes) -> JournalEntry:
        """Read a record's value.

        Raises
        ------
        ValueError
            When it is not a journal entry.

        Examples
        --------
        >>> entry = JournalEntry(3, 1_700_000_000_000, 0, [OffsetRange("events", 0, 5, 9, 4)], "00ff")
        >>> JournalEntry.decode(entry.encode()) == entry
        True
        """
        try:
            fields = orjson.loads(value)
            ranges = [OffsetRange(*each) for each in fields.pop("ranges")]
            view = fields.pop("view", None)
            return cls(**fields, ranges=ranges, view=None if view is None else View.from_document(view))
        except (TypeError, KeyError, AttributeError, orjson.JSONDecodeError) as error:
            raise ValueError(f"not a journal entry: {error}") from error

    def batch(self, records: Sequence[Record]) -> Batch:
        """Return the batch again, given the records of the ranges."""
        return Batch(merge(records), self.time, self.horizon, self.view)
