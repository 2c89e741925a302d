"""Which examples were learnt lately, so that one that comes again is not learnt twice."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Any, NamedTuple, Self

REMEMBERED = 20_000
"""Examples. One that comes again after so many others counts as new."""


class Said(NamedTuple):
    """What was said of an event, by one or several."""

    label: str | None
    """The label that holds."""
    excluded: tuple[str, ...] = ()
    """Classes that it is not, where there is no label."""
    soft: tuple[tuple[str, float], ...] | None = None
    """Classes with their probabilities; None: the label, as it is."""
    answers: tuple[tuple[str | None, str], ...] = ()
    """Who gave which label."""

    def is_heard(self, earlier: Said | None) -> bool:
        """Tell whether nothing new is said: then what was learnt first stays.

        Two learners that share the topic may make other probabilities of the same answers.
        """
        if earlier is None:
            return False
        return self == earlier or (bool(self.answers) and self.answers == earlier.answers)

    def teaches_like(self, other: Said) -> bool:
        """Tell whether the same is to be learnt from both, whoever said it."""
        return self[:3] == other[:3]


class LearntExamples:
    """Key of an event -> what was learnt of it.

    Notes
    -----
    Memory: some 200 bytes an example, 500 where annotators are named.
    """

    def __init__(self) -> None:
        self._learnt: OrderedDict[int, Said] = OrderedDict()
        self.labelled: Counter[str] = Counter()
        """Class -> examples of it among these."""
        self.version = 0
        """Counts the changes of `labelled`."""

    def get(self, key: int) -> Said | None:
        """Return what was learnt of an event, None if nothing was."""
        return self._learnt.get(key)

    def put(self, key: int, said: Said) -> None:
        """Remember what was learnt of an event."""
        self.remove(key)
        self._learnt[key] = said
        self._count(said, +1)
        if len(self._learnt) > REMEMBERED:
            self._count(self._learnt.popitem(last=False)[1], -1)

    def remove(self, key: int) -> None:
        """Forget an event."""
        said = self._learnt.pop(key, None)
        if said is not None:
            self._count(said, -1)

    def _count(self, said: Said, sign: int) -> None:
        if said.label is not None:
            self.labelled[said.label] += sign
            self.version += 1

    def to_document(self) -> list[Any]:
        """Return the memory as plain data, oldest first."""
        return [[key, *said] for key, said in self._learnt.items()]

    @classmethod
    def from_document(cls, document: list[Any]) -> Self:
        """Return a memory that goes on from `to_document`."""
        learnt = cls()
        for key, label, excluded, soft, answers in document:
            shares = None if soft is None else _pairs(soft)
            learnt.put(key, Said(label, tuple(excluded), shares, _pairs(answers)))
        return learnt


def _pairs(rows: list[list[Any]]) -> tuple[tuple[Any, Any], ...]:
    return tuple((one, other) for one, other in rows)
