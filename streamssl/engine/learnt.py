"""Which examples were learnt lately, so that one that comes again is not learnt twice."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Self

REMEMBERED = 20_000
"""Examples. One that comes again after so many others counts as new."""

Said = tuple[str | None, tuple[str, ...]]
"""The label, or the classes that it is not."""


class LearntExamples:
    """Key of an event -> what was learnt of it.

    Notes
    -----
    Memory: some 200 bytes an example.
    """

    def __init__(self) -> None:
        self._learnt: OrderedDict[int, Said] = OrderedDict()

    def get(self, key: int) -> Said | None:
        """Return what was learnt of an event, None if nothing was."""
        return self._learnt.get(key)

    def put(self, key: int, said: Said) -> None:
        """Remember what was learnt of an event."""
        self._learnt[key] = said
        self._learnt.move_to_end(key)
        if len(self._learnt) > REMEMBERED:
            self._learnt.popitem(last=False)

    def remove(self, key: int) -> None:
        """Forget an event."""
        self._learnt.pop(key, None)

    def to_document(self) -> list[Any]:
        """Return the memory as plain data, oldest first."""
        return [[key, label, list(excluded)] for key, (label, excluded) in self._learnt.items()]

    @classmethod
    def from_document(cls, document: list[Any]) -> Self:
        """Return a memory that goes on from `to_document`."""
        learnt = cls()
        for key, label, excluded in document:
            learnt._learnt[key] = (label, tuple(excluded))
        return learnt
