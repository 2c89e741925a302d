"""Which labels have been given to pending events, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from streamssl.messages import Label

MOST_ANSWERS = 16
"""Answers to one event, of an annotator each; a further one takes the place of the oldest."""


class LabelBook:
    """Sequence number of a pending event -> the answers that hold for it, of one annotator each, the newest last.

    Notes
    -----
    Memory: some 400 bytes an answer to an event that is still pending; entries of expired events are swept once
    they may be half of the book.
    """

    def __init__(self) -> None:
        self._given: dict[int, tuple[Label, ...]] = {}
        self._abstained: dict[int, tuple[str | None, ...]] = {}
        """Who has said of an event that was asked about that they do not know."""
        self._sweep_at = 1_024

    def __len__(self) -> int:
        return len(self._given)

    def get(self, sequence: int) -> Sequence[Label]:
        """Return the answers that hold for an event, the newest last."""
        return self._given.get(sequence, ())

    def put(self, sequence: int, answer: Label, first_pending: int) -> None:
        """Enter an answer, in place of an earlier one of the same annotator.

        Events before ``first_pending`` are no longer waiting and may be forgotten.
        """
        others = [each for each in self.get(sequence) if each.annotator != answer.annotator]
        self._given[sequence] = (*others, answer._replace(features=None))[-MOST_ANSWERS:]
        self.take_back_abstention(sequence, answer.annotator, of_all=False)
        self._sweep(first_pending)

    def abstain(self, sequence: int, annotator: str | None, first_pending: int) -> None:
        """Enter that somebody who was asked does not know."""
        others = tuple(each for each in self._abstained.get(sequence, ()) if each != annotator)
        self._abstained[sequence] = (*others, annotator)[-MOST_ANSWERS:]
        self._sweep(first_pending)

    def has_abstained(self, sequence: int) -> bool:
        """Tell whether somebody who was asked about an event does not know."""
        return sequence in self._abstained

    def take_back_abstention(self, sequence: int, annotator: str | None, *, of_all: bool = True) -> bool:
        """Remove an annotator's "I don't know", without a name those of all; tell whether there was any."""
        before = self._abstained.pop(sequence, ())
        left = () if annotator is None and of_all else tuple(each for each in before if each != annotator)
        if left:
            self._abstained[sequence] = left
        return len(left) < len(before)

    def _sweep(self, first_pending: int) -> None:
        if len(self._given) + len(self._abstained) >= self._sweep_at:
            self._given = {s: g for s, g in self._given.items() if s >= first_pending}
            self._abstained = {s: who for s, who in self._abstained.items() if s >= first_pending}
            self._sweep_at = max(1_024, 2 * (len(self._given) + len(self._abstained)))

    def remove(self, sequence: int, annotator: str | None) -> None:
        """Take an annotator's answer back; without a name, all answers."""
        left = tuple(each for each in self.get(sequence) if annotator not in (None, each.annotator))
        if left:
            self._given[sequence] = left
        else:
            self._given.pop(sequence, None)

    def to_document(self) -> dict[str, Any]:
        """Return the book as plain data."""
        return {
            "sweep_at": self._sweep_at,
            "given": [[s, [list(answer) for answer in answers]] for s, answers in self._given.items()],
            "abstained": [[s, list(who)] for s, who in self._abstained.items()],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Return a book that goes on from `to_document`."""
        book = cls()
        book._sweep_at = document["sweep_at"]
        for sequence, answers in document["given"]:
            book._given[sequence] = tuple(_label(fields) for fields in answers)
        book._abstained = {sequence: tuple(who) for sequence, who in document["abstained"]}
        return book


def _label(fields: Sequence[Any]) -> Label:
    label = Label(*fields)
    return label._replace(excluded=tuple(label.excluded))
