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
        if len(self._given) >= self._sweep_at:
            self._given = {s: g for s, g in self._given.items() if s >= first_pending}
            self._sweep_at = max(1_024, 2 * len(self._given))

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
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Return a book that goes on from `to_document`."""
        book = cls()
        book._sweep_at = document["sweep_at"]
        for sequence, answers in document["given"]:
            book._given[sequence] = tuple(_label(fields) for fields in answers)
        return book


def _label(fields: Sequence[Any]) -> Label:
    label = Label(*fields)
    return label._replace(excluded=tuple(label.excluded))
