"""How often each annotator is right, learnt from the labels alone: nobody ever knows the truth for sure.

Dawid and Skene (1979), one step a label (Khetan, Lipton and Anandkumar 2018), with the model as the prior (Raykar
et al. 2010): `streamssl.engine.consensus` works out how likely each class is, given what was said, and what was
said counts here under each class with that share. From these counts comes each annotator's table of mistakes, with
which the next label is weighed.

Everything here comes from the ``examples`` topic, which every worker reads whole: all of them know all annotators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from streamssl.engine.learnt import Said
from streamssl.engine.table_of_mistakes import Answers, start

MOST_ANNOTATORS = 256
"""One more is weighed like a newcomer and not counted."""

ENOUGH_DOUBLES = 10
"""Doubles without which nobody is held to be wrong more often than right: it may be the model that is wrong."""


class Report(NamedTuple):
    """What is known of one annotator; for that annotator's eyes and the lead's only."""

    name: str | None
    """None: the source of the labels without an annotator."""
    labels: int
    """Events that they have labelled, without those taken back."""
    reliability: float
    """Estimated share of their labels that are right, in [0, 1]."""
    doubles: int
    """Events that somebody else has labelled too."""
    agreed: int
    """How often, of these, the label that holds is theirs."""


class Pair(NamedTuple):
    """How often two annotators agree on the events that both have labelled."""

    one: str | None
    other: str | None
    doubles: int
    agreed: int


class _Annotator:
    """What is counted of one annotator."""

    def __init__(self) -> None:
        self.labels = 0
        self.doubles = 0
        self.agreed = 0
        self.answers = Answers()


class Annotators:
    """All annotators that were met.

    Notes
    -----
    Memory: some 250 kB and 8 k^2 bytes an annotator with 2,000 labels (k classes), 256 annotators at the most.
    Cost: some 100 us a label and annotator; a read of the table of mistakes some 200 us.

    Examples
    --------
    >>> annotators = Annotators()
    >>> for key in range(40):
    ...     said = Said("spam", (), (("spam", 0.9), ("ham", 0.1)), (("ann", "spam"),))
    ...     annotators.replace(key, None, said, ["ham", "spam"].index)
    >>> annotators.confusion("ann", n_classes=2).round(2)
    array([[0.57, 0.43],
           [0.03, 0.97]])

    Nothing is known of a newcomer, who is taken to be right 85 times in 100:

    >>> annotators.confusion("bob", n_classes=2)
    array([[0.85, 0.15],
           [0.15, 0.85]])
    """

    def __init__(self) -> None:
        self._annotators: dict[str | None, _Annotator] = {}
        self._pairs: dict[tuple[str | None, str | None], list[int]] = {}

    def replace(self, key: int, earlier: Said | None, said: Said | None, number: Callable[[str], int]) -> None:
        """Count what is said of an event now, in place of what was said earlier.

        Taking back leaves the counts as if it had never been said: bit for bit while the answer is one of the
        annotator's last 2,000, after that it stays counted.

        Parameters
        ----------
        key
            Of the event.
        earlier, said
            None: nothing.
        number
            Number of a class.
        """
        if earlier is not None:
            self._count(earlier, -1)
        if said is not None:
            self._count(said, +1)
        truth = _truth(said, number)
        now = {} if said is None or not truth else dict(said.answers)
        for name, _ in earlier.answers if earlier is not None else ():
            if name not in now and name in self._annotators:
                self._annotators[name].answers.remove(key)
        for name, label in now.items():
            if name in self._annotators:
                self._annotators[name].answers.put(key, number(label), truth)
        self._drop_who_never_said_anything()

    def confusion(
        self, name: str | None, n_classes: int, young: Sequence[int] = (), without: int | None = None
    ) -> NDArray[np.float64]:
        """Return the probabilities (k, k) with which an annotator says a class (column) of events of a class (row).

        Parameters
        ----------
        young
            Classes with few labels: who knows a new class before the model does looks wrong, so that in these
            everyone counts as a newcomer.
        without
            Key of the event that is to be judged: what was said of it before must not speak for itself.
        """
        newcomer = start(n_classes)
        annotator = self._annotators.get(name)
        counts = newcomer.copy() if annotator is None else annotator.answers.counts(n_classes, without)
        counts[list(young)] = newcomer[list(young)]
        shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
        if annotator is None or annotator.doubles < ENOUGH_DOUBLES:
            _hold_up_to_half(shares)
        return shares

    def report(self, n_classes: int) -> list[Report]:
        """Return what is known of each annotator, in the order in which they were met."""
        reports = []
        for name, annotator in self._annotators.items():
            counts = annotator.answers.counts(max(1, n_classes))
            reliability = float(np.trace(counts) / counts.sum())
            reports.append(Report(name, annotator.labels, reliability, annotator.doubles, annotator.agreed))
        return reports

    def pairs(self) -> list[Pair]:
        """Return how often those agree who have labelled the same events."""
        return [Pair(one, other, both, same) for (one, other), (both, same) in self._pairs.items()]

    def _count(self, said: Said, sign: int) -> None:
        """Add what was said to the labels and doubles, or take it away."""
        met = []
        for name, label in said.answers:
            if name not in self._annotators:
                if sign < 0 or len(self._annotators) >= MOST_ANNOTATORS:
                    continue
                self._annotators[name] = _Annotator()
            annotator = self._annotators[name]
            annotator.labels += sign
            met.append((name, label))
            if len(said.answers) > 1:
                annotator.doubles += sign
                annotator.agreed += sign * (label == said.label)
        for i, (one, label) in enumerate(met):
            for other, other_label in met[i + 1 :]:
                pair = (one, other) if (one or "") < (other or "") else (other, one)
                counted = self._pairs.setdefault(pair, [0, 0])
                counted[0] += sign
                counted[1] += sign * (label == other_label)
                if counted == [0, 0]:
                    del self._pairs[pair]

    def _drop_who_never_said_anything(self) -> None:
        for name in [name for name, annotator in self._annotators.items() if annotator.labels <= 0]:
            del self._annotators[name]

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return everything as plain data and arrays."""
        everyone = list(self._annotators.values())
        document = {
            "annotators": [[name, a.labels, a.doubles, a.agreed] for name, a in self._annotators.items()],
            "pairs": [list(pair) for pair in self.pairs()],
        }
        return document, Answers.stacked([annotator.answers for annotator in everyone])

    @classmethod
    def from_state(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return annotators that go on from `to_state`."""
        annotators = cls()
        for (name, *counted), answers in zip(document["annotators"], Answers.unstacked(arrays), strict=True):
            annotator = annotators._annotators[name] = _Annotator()
            annotator.labels, annotator.doubles, annotator.agreed = counted
            annotator.answers = answers
        for one, other, both, same in document["pairs"]:
            annotators._pairs[one, other] = [both, same]
        return annotators


def _truth(said: Said | None, number: Callable[[str], int]) -> list[tuple[int, float]]:
    """Return how likely each class is, as far as it says anything of who said it: empty if it does not.

    One annotator whose label was simply believed would be found right by their own word.
    """
    if said is None or said.label is None:
        return []
    if said.soft is not None:
        return [(number(name), share) for name, share in said.soft]
    return [(number(said.label), 1.0)] if len(said.answers) > 1 else []


def _hold_up_to_half(shares: NDArray[np.float64]) -> None:
    """Raise each row's own class to one half at the least; the row still sums to 1."""
    for k, row in enumerate(shares):
        if row[k] < 0.5:
            row *= 0.5 / (1 - row[k])
            row[k] = 0.5
