"""How many labels and examples a round takes beside its events.

A label costs a hundred times what an event costs. So a round takes few of them, and a burst delays predictions by
little. But who works off a backlog must take labels as they lie in time: before the events that came after them. So
as long as labels (or examples) are behind the events in time, as many of them are taken as of events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from streamssl.transport.base import Record


class Intake:
    """Chooses the bound of the next poll from what the last one brought.

    Parameters
    ----------
    few, many
        Labels and examples of a round at the most: usually, and when they are behind the events.
    events
        The topics of the events.

    Examples
    --------
    >>> intake = Intake(few=100, many=5_000, events=["events"])
    >>> intake.most  # nothing is known yet: a new worker has the examples of months before it
    5000
    >>> intake.took([Record("events", 0, 7, 1_000, None, b""), Record("labels", 0, 3, 2_000, None, b"")])
    >>> intake.most
    100
    >>> intake.took([Record("events", 0, 8, 9_000, None, b""), Record("labels", 0, 4, 3_000, None, b"")])
    >>> intake.most
    5000
    """

    def __init__(self, few: int, many: int, events: Collection[str]) -> None:
        self._few, self._many, self._events = few, many, events
        self.most = many
        """Labels and examples that the next poll may bring."""

    def took(self, records: Iterable[Record]) -> None:
        """Note what a poll has brought."""
        newest: dict[str, int] = {}
        for record in records:
            newest[record.topic] = max(newest.get(record.topic, 0), record.timestamp)
        of_events = max((newest.pop(topic) for topic in self._events if topic in newest), default=0)
        is_behind = any(time < of_events for time in newest.values())
        self.most = self._many if is_behind else self._few
