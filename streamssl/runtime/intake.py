"""How many labels and examples a round takes beside its events.

A label costs a hundred times what an event costs. So a round takes few of them. But who works off a backlog must
take labels as they lie in time, before the events that came after them; and a burst of labels lies behind the
events in time, too, as soon as it has to wait. So as long as labels (or examples) are behind, a round takes as many
as can be learnt within `BUDGET`, by what the last one took: an event waits no longer than that for them. (In a
backlog of which more is labelled than that pays for, some 5% with 8 columns, labels fall behind the events.)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from streamssl.transport.base import Record

BUDGET = 1.0
"""Seconds that labels and examples may take of a round when they are behind."""


class Intake:
    """Chooses the bound of the next poll from what the last one brought and how long it took.

    Parameters
    ----------
    few, many
        Labels and examples of a round at the most: usually, and however cheap they are when they are behind.
    events
        The topics of the events.

    Examples
    --------
    >>> intake = Intake(few=100, many=5_000, events=["events"])
    >>> intake.most
    100
    >>> labels = [Record("labels", 0, i, 3_000, None, b"") for i in range(100)]
    >>> intake.took([Record("events", 0, 8, 9_000, None, b""), *labels], seconds=0.2)
    >>> intake.most
    500
    >>> intake.took([Record("events", 0, 8, 9_000, None, b"")], seconds=0.001)
    >>> intake.most
    100
    """

    def __init__(self, few: int, many: int, events: Collection[str]) -> None:
        self._few, self._many, self._events = few, many, events
        self.most = few
        """Labels and examples that the next poll may bring."""

    def took(self, records: Sequence[Record], seconds: float) -> None:
        """Note what a poll has brought, and how long it took to be processed and committed."""
        newest: dict[str, int] = {}
        n_events = 0
        for record in records:
            newest[record.topic] = max(newest.get(record.topic, 0), record.timestamp)
            n_events += record.topic in self._events
        of_events = max((newest.pop(topic) for topic in self._events if topic in newest), default=0)
        if not any(time < of_events for time in newest.values()):
            self.most = self._few
            return
        affordable = BUDGET * (len(records) - n_events) / max(seconds, 1e-6)
        self.most = int(min(max(affordable, self._few), self._many))
