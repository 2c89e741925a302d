"""How right the service has been on the labels that arrived lately.

A sliding window over labelled events: was the prediction right that was made when the event passed, was the
twin's. All labels count, volunteered ones too, and what somebody volunteers says more about the volunteer's choice
than about the model: this is no estimate for all events. `streamssl.engine.live_accuracy` has one. A correction
replaces its entry and a retraction removes it, so nothing is counted twice.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

WINDOW = 1_000
"""Labelled events that are remembered."""
Z = 1.959963984540054
"""Quantile of the normal distribution for 95%."""


class Accuracy(NamedTuple):
    """A share of right predictions with Wilson's 95% interval; NaN when there are no labels."""

    value: float
    low: float
    high: float
    labels: int


class Scored(NamedTuple):
    """What became of one labelled event's predictions."""

    right: bool
    twin_right: bool | None
    """None where the twin was not asked."""
    was_pseudo_label: bool


class Scores:
    """The window of labelled events.

    Notes
    -----
    Memory: some 200 bytes an event, 1,000 events at most. Cost: O(1) a label; reading costs O(window).

    Examples
    --------
    >>> scores = Scores()
    >>> for event in range(100):
    ...     scores.put(event, Scored(right=True, twin_right=event % 2 == 0, was_pseudo_label=False))
    >>> scores.accuracy()
    Accuracy(value=1.0, low=0.96..., high=1.0, labels=100)
    >>> scores.twin_accuracy().value
    0.5
    """

    def __init__(self) -> None:
        self._scored: OrderedDict[int, Scored] = OrderedDict()

    def put(self, sequence: int, scored: Scored) -> None:
        """Enter (or correct) the labelled event with this sequence number."""
        self._scored[sequence] = scored
        if len(self._scored) > WINDOW:
            self._scored.popitem(last=False)

    def remove(self, sequence: int) -> None:
        """Take back the entry of a retracted label, if it is still in the window."""
        self._scored.pop(sequence, None)

    def accuracy(self) -> Accuracy:
        """Accuracy of the predictions."""
        return _accuracy([s.right for s in self._scored.values()])

    def twin_accuracy(self) -> Accuracy:
        """Accuracy of the twin on the events that it predicted."""
        return _accuracy([s.twin_right for s in self._scored.values() if s.twin_right is not None])

    def gain(self) -> float:
        """Accuracy minus the twin's, on the events that both predicted; NaN without any."""
        both = [s.right - s.twin_right for s in self._scored.values() if s.twin_right is not None]
        return sum(both) / len(both) if both else float("nan")

    def pseudo_label_precision(self) -> Accuracy:
        """Share of the pseudo-labels among them that were right."""
        return _accuracy([s.right for s in self._scored.values() if s.was_pseudo_label])

    def to_array(self) -> NDArray[np.int64]:
        """Return the window, oldest first: (n, 4) sequence, right, twin_right (-1: none), was_pseudo_label."""
        rows = [
            (sequence, s.right, -1 if s.twin_right is None else s.twin_right, s.was_pseudo_label)
            for sequence, s in self._scored.items()
        ]
        return np.array(rows, dtype=np.int64).reshape(len(rows), 4)

    @classmethod
    def from_array(cls, array: NDArray[np.int64]) -> Self:
        """Return a window that goes on from `to_array`."""
        scores = cls()
        for sequence, right, twin_right, was_pseudo_label in array.tolist():
            twin = None if twin_right < 0 else bool(twin_right)
            scores._scored[sequence] = Scored(bool(right), twin, bool(was_pseudo_label))
        return scores


def _accuracy(right: list[bool]) -> Accuracy:
    if not right:
        return Accuracy(float("nan"), float("nan"), float("nan"), 0)
    low, high = wilson_interval(sum(right), len(right))
    return Accuracy(sum(right) / len(right), low, high, len(right))


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """Return the 95% interval of a share after Wilson (1927), n > 0.

    Written out, since `scipy.stats` takes longer to load than all else that the service needs.

    Examples
    --------
    >>> low, high = wilson_interval(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.596, 0.982)
    """
    return wilson(right, n, Z)


def wilson(right: float, n: float, z: float) -> tuple[float, float]:
    """Return Wilson's interval for ``right`` of ``n`` labels, which need not be whole."""
    centre = (right + z * z / 2) / (n + z * z)
    half_width = z / (n + z * z) * math.sqrt(right * (n - right) / n + z * z / 4)
    return max(0.0, centre - half_width), min(1.0, centre + half_width)
