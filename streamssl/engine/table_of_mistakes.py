"""What one annotator has answered, and the table of mistakes that follows from it.

The table is worked out anew from the answers whenever it is asked for, so that an answer can be taken back
without a trace. What is older than the last 2,000 answers is kept as a sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

LOOKS = 8
"""Labels of each class that a newcomer is taken to have given already."""
RIGHT = 0.85
"""Share of these that were right."""
FORGET = 0.999
"""What an answer still counts after each further one of its annotator: a memory of some 1,000 answers."""
KEPT = 2_000
"""Answers of an annotator that can be taken back. An older one weighs .13 at the most."""
WIDTH = 8
"""Classes that an answer counts under, the likeliest first."""

_ANSWER = np.dtype([("key", "<i8"), ("said", "<i4"), ("truth", "<i4", WIDTH), ("share", "<f8", WIDTH)])
# Multiplied up one by one: the same bits on every machine, which `power` does not promise.
_FADED = np.cumprod(np.concatenate([[1.0], np.full(KEPT, FORGET)]))


def start(n_classes: int) -> NDArray[np.float64]:
    """Return the counts (k, k) of a newcomer: truth by row, what is said by column.

    Examples
    --------
    >>> start(3)
    array([[6.8, 0.6, 0.6],
           [0.6, 6.8, 0.6],
           [0.6, 0.6, 6.8]])
    """
    counts = np.full((n_classes, n_classes), LOOKS * (1 - RIGHT) / max(1, n_classes - 1))
    np.fill_diagonal(counts, LOOKS * RIGHT)
    return counts


class Answers:
    """The answers of one annotator, oldest first.

    Notes
    -----
    Memory: 108 bytes an answer and 8 k^2 (k classes). Cost: `put` and `remove` some 50 us, `counts` some
    200 us with 2,000 answers.

    Examples
    --------
    >>> answers = Answers()
    >>> answers.put(key=17, said=1, truth=[(1, 0.75), (0, 0.25)])
    >>> answers.counts(n_classes=2) - start(2)
    array([[0.  , 0.25],
           [0.  , 0.75]])
    >>> answers.remove(17)
    >>> bool((answers.counts(2) == start(2)).all())
    True
    """

    def __init__(self) -> None:
        self._answers = np.zeros(0, _ANSWER)
        self._older = np.zeros((0, 0))
        """What had been counted, beyond the start, when the oldest kept answer came."""
        self._counts: NDArray[np.float64] | None = None
        """What `counts` returned last, while it holds: metrics ask every second."""

    def put(self, key: int, said: int, truth: Sequence[tuple[int, float]]) -> None:
        """Enter the answer to an event; one that is there is corrected in its place.

        Parameters
        ----------
        key
            Of the event.
        said
            The class that was answered.
        truth
            Classes and their probabilities, `WIDTH` of them at the most.
        """
        self._counts = None
        answer = np.zeros(1, _ANSWER)
        answer["key"], answer["said"] = key, said
        for i, (label, share) in enumerate(truth):
            answer["truth"][0, i], answer["share"][0, i] = label, share
        at = np.flatnonzero(self._answers["key"] == key)
        if len(at):
            self._answers[at] = answer
            return
        self._answers = np.concatenate([self._answers, answer])
        if len(self._answers) > KEPT:
            oldest, self._answers = self._answers[:1], self._answers[1:]
            n_classes = max(len(self._older), _n_classes(oldest))
            self._older = FORGET * _grown(self._older, n_classes) + _summed(oldest, n_classes)

    def remove(self, key: int) -> None:
        """Take back the answer to an event, if it is still kept."""
        self._counts = None
        self._answers = self._answers[self._answers["key"] != key]

    def counts(self, n_classes: int, without: int | None = None) -> NDArray[np.float64]:
        """Return the counts (k, k): truth by row, what is said by column.

        Parameters
        ----------
        n_classes
            k, at least as many as were ever answered.
        without
            Key of an event whose answer is left out.
        """
        answers = self._answers if without is None else self._answers[self._answers["key"] != without]
        if len(answers) < len(self._answers):
            return self._counted(answers, n_classes)
        if self._counts is None or len(self._counts) != n_classes:
            self._counts = self._counted(answers, n_classes)
        return self._counts.copy()

    def _counted(self, answers: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
        older = _grown(self._older, n_classes) * _FADED[len(answers)]
        counts: NDArray[np.float64] = start(n_classes) + older + _summed(answers, n_classes)
        return counts

    @staticmethod
    def stacked(many: Sequence[Answers]) -> dict[str, NDArray[Any]]:
        """Return the answers of several annotators as arrays, their answers one after the other."""
        n_classes = max((len(each._older) for each in many), default=0)
        answers = np.concatenate([np.zeros(0, _ANSWER), *(each._answers for each in many)])
        return {
            "lengths": np.array([len(each._answers) for each in many], dtype=np.int64),
            "older": np.array([_grown(each._older, n_classes) for each in many]).reshape(-1, n_classes, n_classes)
            if n_classes
            else np.zeros((len(many), 0, 0)),
            **{name: np.ascontiguousarray(answers[name]) for name in _ANSWER.names or ()},
        }

    @classmethod
    def unstacked(cls, arrays: Mapping[str, NDArray[Any]]) -> list[Self]:
        """Return what `stacked` was given."""
        answers = np.zeros(len(arrays["key"]), _ANSWER)
        for name in _ANSWER.names or ():
            answers[name] = arrays[name]
        ends = np.cumsum(arrays["lengths"])
        many = []
        for older, part in zip(arrays["older"], np.split(answers, ends[:-1]) if len(ends) else (), strict=True):
            one = cls()
            one._answers, one._older = part.copy(), older.copy()
            many.append(one)
        return many


def _summed(answers: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
    """Return the counts of answers, the last in full and each one before it faded once more."""
    shares = answers["share"] * _FADED[: len(answers)][::-1, None]
    cells = answers["truth"].astype(np.int64) * n_classes + answers["said"][:, None]
    summed = np.bincount(cells.ravel(), weights=shares.ravel(), minlength=n_classes * n_classes)
    return summed.astype(np.float64, copy=False).reshape(n_classes, n_classes)


def _n_classes(answers: NDArray[Any]) -> int:
    return 1 + int(max(answers["said"].max(), answers["truth"].max()))


def _grown(counts: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    more = n_classes - len(counts)
    return np.pad(counts, (0, more)) if more > 0 else counts
