"""Which predictions are trusted enough to stand in for a label, and at what precision.

For every predicted class and every confidence level of a fixed grid, two decayed counts are kept: how many
labels have arrived for events that were predicted as this class with at least this confidence, and how many
of those predictions were right. The class's gate opens at the lowest level whose exact binomial lower bound
(Clopper and Pearson 1934, one-sided) is not below the target. Without evidence there is no gate: at a target of
.95 and a bound at 90%, a class needs some 45 right predictions and no wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

LEVELS: NDArray[np.float32] = np.concatenate(
    [np.arange(0.2, 0.5, 0.1), 1 - 0.5 ** np.arange(1.0, 11.5, 0.5)]
).astype(np.float32)
"""Confidence levels at which a gate can open, ascending: finer towards 1, where confidences crowd."""

DECAY = 0.998
"""What a count is multiplied by at each further label of its class: a memory of some 500 labels."""


class PseudoLabelGates:
    """One gate per predicted class.

    Parameters
    ----------
    precision
        What a pseudo-label promises: the share of right ones, in [.5, 1).
    confidence
        Of the lower bound, in (0, 1).

    Notes
    -----
    Memory: 48 numbers a class. Cost: a comparison per event, 24 additions per label; the bounds of a class are
    computed again when it is next asked about after a label.

    Examples
    --------
    >>> gates = PseudoLabelGates(precision=0.95, confidence=0.9)
    >>> gates.grow(2)
    >>> for _ in range(60):
    ...     gates.observe(decision=1, confidence=0.97, correct=1.0)
    >>> promised = gates.promise(np.array([1, 1, 0]), np.array([0.99, 0.6, 0.99], dtype=np.float32))
    >>> [None if np.isnan(p) else round(float(p), 2) for p in promised]
    [0.96, 0.96, None]

    Nothing that was right below .97 speaks against .6, so the lower level is as good; a wrong one there closes it.

    >>> for _ in range(3):
    ...     gates.observe(decision=1, confidence=0.7, correct=0.0)
    >>> promised = gates.promise(np.array([1, 1]), np.array([0.99, 0.7], dtype=np.float32))
    >>> [bool(np.isnan(p)) for p in promised]
    [False, True]
    """

    def __init__(self, *, precision: float, confidence: float) -> None:
        self.precision = precision
        self.confidence = confidence
        self._seen = np.zeros((0, len(LEVELS)))
        self._right = np.zeros((0, len(LEVELS)))
        self._bounds = np.zeros((0, len(LEVELS)))
        self._stale: set[int] = set()

    def grow(self, n_classes: int) -> None:
        """Make room for classes up to ``n_classes``."""
        more = n_classes - len(self._seen)
        if more > 0:
            room = np.zeros((more, len(LEVELS)))
            self._seen = np.concatenate([self._seen, room])
            self._right = np.concatenate([self._right, room])
            self._bounds = np.concatenate([self._bounds, room])

    def observe(self, decision: int, confidence: float, correct: float) -> None:
        """Count one arrived label.

        Parameters
        ----------
        decision
            The class that was predicted when the event passed.
        confidence
            Its probability then.
        correct
            1 if the label agrees, 0 if not; between them for a soft label.
        """
        reached = confidence >= LEVELS
        self._seen[decision] *= DECAY
        self._right[decision] *= DECAY
        self._seen[decision] += reached
        self._right[decision] += correct * reached
        self._stale.add(decision)

    def promise(self, decisions: NDArray[np.int64], confidences: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the precision at which each prediction may stand in for a label, NaN where it may not.

        Parameters
        ----------
        decisions
            (n,) predicted classes, -1 for none.
        confidences
            (n,) their probabilities.
        """
        for decision in self._stale:
            self._bounds[decision] = self._lower_bounds(decision)
        self._stale.clear()
        level = np.searchsorted(LEVELS, confidences, side="right") - 1
        usable = (decisions >= 0) & (level >= 0)
        promised = np.full(len(decisions), np.nan)
        if usable.any():
            # The first open level at or below the event's own: what was counted there covers this event.
            opening, bound = self._openings()
            gate = opening[decisions[usable]]
            promised[usable] = np.where(level[usable] >= gate, bound[decisions[usable]], np.nan)
        return promised

    def thresholds(self) -> NDArray[np.float64]:
        """Return, per class, the confidence at which its gate opens; NaN while it is shut."""
        opening, _ = self._openings()
        return np.where(opening < len(LEVELS), np.append(LEVELS, np.nan)[opening], np.nan)

    def _openings(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        is_open = self._bounds >= self.precision
        opening = np.where(is_open.any(axis=1), is_open.argmax(axis=1), len(LEVELS))
        bounds = np.append(self._bounds, np.full((len(self._bounds), 1), np.nan), axis=1)
        return opening, bounds[np.arange(len(opening)), opening]

    def _lower_bounds(self, decision: int) -> NDArray[np.float64]:
        right, seen = self._right[decision], self._seen[decision]
        bounds = betaincinv(np.maximum(right, 1e-9), np.maximum(seen - right, 0.0) + 1.0, 1 - self.confidence)
        return np.where(seen > 0, bounds, 0.0)

    def to_arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return the counts; the bounds follow from them."""
        return {"seen": self._seen.copy(), "right": self._right.copy()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float64]], *, precision: float, confidence: float) -> Self:
        """Return gates that go on from `to_arrays`."""
        gates = cls(precision=precision, confidence=confidence)
        gates.grow(len(arrays["seen"]))
        gates._seen[:] = arrays["seen"]
        gates._right[:] = arrays["right"]
        gates._stale = set(range(len(gates._seen)))
        return gates
