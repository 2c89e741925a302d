"""Running sums over all events, in blocks: how many there were and how sure of them the model was.

That is all an estimate needs of the events that nobody is asked about. Beliefs are whole numbers of 1/65,536, so
that the sums are exact and do not depend on how the events were cut into batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

UNIT = 65_536
CLASSES = 50
"""Classes with sums of their own; the others share one more."""
CELLS = 2 * (CLASSES + 1)
"""Predicted class times whether the prediction is a pseudo-label."""
MOST = 512
"""Blocks before the window, and after it. More are made half as many, of twice the length."""

Ints = NDArray[np.int64]


def cells(decisions: Ints, pseudo: Ints) -> Ints:
    """Return the cell of each event, -1 for those without a prediction."""
    return np.where(decisions < 0, -1, 2 * np.minimum(decisions, CLASSES) + (pseudo >= 0))


def beliefs(confidences: NDArray[np.float32]) -> Ints:
    """Return what the model believes of its predictions, between .01 and .99, in units."""
    return np.rint(np.clip(confidences.astype(np.float64), 0.01, 0.99) * UNIT).astype(np.int64)


class Blocks:
    """Sums of blocks of successive events, the oldest first; the last one is being filled.

    Parameters
    ----------
    first
        Sequence number of the first event.

    Notes
    -----
    Memory: 1.6 kB a block, some 80 blocks while labels are prompt, 1,100 at the most.
    """

    def __init__(self, first: int = 0, promised: float = 0.0) -> None:
        self.begins: Ints = np.array([first], dtype=np.int64)
        """Sequence number of each block's first event."""
        self.newest: Ints = np.zeros(1, dtype=np.int64)
        """When the newest of each block's events came, ms."""
        self.promised: NDArray[np.float64] = np.array([promised], dtype=np.float64)
        """Least share that people were asked about in each block."""
        self.counts: Ints = np.zeros((1, CELLS), dtype=np.int64)
        self.believed: Ints = np.zeros((1, CELLS), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.begins)

    def add(self, cells: Ints, beliefs: Ints, newest: int) -> None:
        """Count events in the last block; a cell of -1 is left out."""
        counted = cells >= 0
        np.add.at(self.counts[-1], cells[counted], 1)
        np.add.at(self.believed[-1], cells[counted], beliefs[counted])
        self.newest[-1] = max(self.newest[-1], newest)

    def open(self, first: int, promised: float) -> None:
        """Begin another block."""
        self.begins = np.append(self.begins, first)
        self.promised = np.append(self.promised, promised)
        self.newest = np.append(self.newest, self.newest[-1])
        nothing = np.zeros((1, CELLS), dtype=np.int64)
        self.counts = np.concatenate([self.counts, nothing])
        self.believed = np.concatenate([self.believed, nothing])

    def sums(self, begin: int, end: int, chosen: slice | NDArray[np.intp] = slice(None)) -> tuple[int, float]:
        """Return how many events blocks ``begin`` to before ``end`` have in some cells, and the sum of beliefs."""
        n_events = int(self.counts[begin:end, chosen].sum())
        return n_events, float(self.believed[begin:end, chosen].sum() / UNIT)

    def complete_before(self, sequence: int) -> int:
        """Return the number of blocks all of whose events come before this one."""
        return int(np.searchsorted(self.begins[1:], sequence, side="right"))

    def back(self, end: int, n_events: int) -> int:
        """Return the last block from which on there are so many events before block ``end``; 0 if there are not."""
        so_far = self.counts[:end].sum(axis=1)[::-1].cumsum()
        enough = np.flatnonzero(so_far >= n_events)
        return end - 1 - int(enough[0]) if len(enough) else 0

    def drop(self, n: int) -> None:
        """Forget the oldest."""
        self.begins, self.newest = self.begins[n:], self.newest[n:]
        self.promised = self.promised[n:]
        self.counts, self.believed = self.counts[n:], self.believed[n:]

    def least_promised(self, begin: int, end: int) -> float:
        """Return the least share that was promised in blocks ``begin`` to before ``end``, 0 for none."""
        return float(self.promised[begin:end].min()) if end > begin else 0.0

    def thin(self, begin: int, end: int, start: int) -> None:
        """Make the blocks ``begin`` to before ``end`` half as many if too many; one still begins at ``start``."""
        if end - begin <= MOST:
            return
        keep = np.ones(len(self), dtype=bool)
        keep[begin + 1 : end : 2] = False
        keep |= self.begins == start
        starts = np.flatnonzero(keep)
        self.counts = np.add.reduceat(self.counts, starts)
        self.believed = np.add.reduceat(self.believed, starts)
        self.newest = np.maximum.reduceat(self.newest, starts)
        self.promised = np.minimum.reduceat(self.promised, starts)
        self.begins = self.begins[keep]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the sums."""
        return {
            "begins": self.begins.copy(),
            "newest": self.newest.copy(),
            "promised": self.promised.copy(),
            "counts": self.counts.copy(),
            "believed": self.believed.copy(),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return blocks that go on from `to_arrays`."""
        blocks = cls()
        blocks.begins = arrays["begins"].copy()
        blocks.newest = arrays["newest"].copy()
        blocks.promised = arrays["promised"].copy()
        blocks.counts = arrays["counts"].copy()
        blocks.believed = arrays["believed"].copy()
        return blocks
