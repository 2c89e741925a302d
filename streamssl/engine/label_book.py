"""Which labels have been given to pending events."""

from __future__ import annotations

from typing import Any, NamedTuple, Self


class GivenLabel(NamedTuple):
    """What was last said about an event."""

    label: str | None
    excluded: tuple[str, ...]
    """Classes it is not; empty where `label` is given."""


class LabelBook:
    """Sequence number of a pending event -> the label that holds for it.

    Notes
    -----
    Memory: some 150 bytes a labelled event that is still pending; entries of expired events are swept once they
    may be half of the book.
    """

    def __init__(self) -> None:
        self._given: dict[int, GivenLabel] = {}
        self._sweep_at = 1_024

    def __len__(self) -> int:
        return len(self._given)

    def get(self, sequence: int) -> GivenLabel | None:
        """Return the label that holds for an event, None without one."""
        return self._given.get(sequence)

    def put(self, sequence: int, given: GivenLabel, first_pending: int) -> None:
        """Enter a label. Events before ``first_pending`` are no longer waiting and may be forgotten."""
        self._given[sequence] = given
        if len(self._given) >= self._sweep_at:
            self._given = {s: g for s, g in self._given.items() if s >= first_pending}
            self._sweep_at = max(1_024, 2 * len(self._given))

    def remove(self, sequence: int) -> None:
        """Take a label back."""
        self._given.pop(sequence, None)

    def to_document(self) -> dict[str, Any]:
        """Return the book as plain data."""
        return {
            "sweep_at": self._sweep_at,
            "given": [[s, g.label, list(g.excluded)] for s, g in self._given.items()],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Return a book that goes on from `to_document`."""
        book = cls()
        book._sweep_at = document["sweep_at"]
        for sequence, label, excluded in document["given"]:
            book._given[sequence] = GivenLabel(label, tuple(excluded))
        return book
