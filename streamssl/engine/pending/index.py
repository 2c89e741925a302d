"""Where an event waits: from the 64-bit hash of its id to its sequence number, in memory.

Open addressing with linear probing and backward-shift deletion (Knuth, "The Art of Computer Programming" 3,
6.4, algorithms L and R): no tombstones, so a table through which millions of events pass stays as quick as a
new one. A slot's home follows from the *upper* bits of the hash. A table that doubles is therefore read and
written from front to back, which is some ten times quicker than in random order. Sixteen tables, each with a
sixteenth of the hashes, grow one by one: the pause is a sixteenth, and so is the memory needed on top.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

EMPTY = -1
FEWEST_SLOTS = 256
FULLEST = 0.75
"""Share of a table's slots that is used at the most: some 2 probes for a hit, 8 for a miss."""

_TABLE_BITS = 4


class HashIndex:
    """Multimap from hash to sequence number.

    Equal hashes are kept side by side: which of their events is meant is decided by comparing the full ids.

    Notes
    -----
    Memory: 16 bytes a slot, 21 to 43 bytes an entry; 2.1 GB for 86 million. Cost: about a cache miss an entry.

    Examples
    --------
    >>> index = HashIndex()
    >>> index.insert(np.array([7, 9, 7], dtype=np.uint64), first=100)
    >>> index.find(7), index.find(8)
    ([102, 100], [])
    >>> index.remove(np.array([7], dtype=np.uint64), first=100)
    >>> index.find(7), len(index)
    ([102], 2)
    """

    def __init__(self) -> None:
        self._tables = [_Table.empty(FEWEST_SLOTS) for _ in range(1 << _TABLE_BITS)]
        self._used = [0] * len(self._tables)

    def __len__(self) -> int:
        return sum(self._used)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return sum(table.hashes.nbytes + table.sequences.nbytes for table in self._tables)

    def insert(self, hashes: NDArray[np.uint64], first: int) -> None:
        """Enter events with consecutive sequence numbers from ``first`` on."""
        for number, positions in _by_table(hashes):
            self._used[number] += len(positions)
            while self._used[number] > FULLEST * len(self._tables[number].hashes):
                self._tables[number] = _doubled(self._tables[number])
            _insert(*self._tables[number], hashes[positions], first + positions)

    def remove(self, hashes: NDArray[np.uint64], first: int) -> None:
        """Take out events with consecutive sequence numbers from ``first`` on. What is not there is ignored."""
        for number, positions in _by_table(hashes):
            self._used[number] -= _remove(*self._tables[number], hashes[positions], first + positions)

    def find(self, hash_: int) -> list[int]:
        """Return the sequence numbers entered under a hash, newest first."""
        table = self._tables[hash_ >> (64 - _TABLE_BITS)]
        found: list[int] = _find(*table, np.uint64(hash_)).tolist()
        return sorted(found, reverse=True)

    def contains(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tell for each hash whether anything is entered under it."""
        found = np.zeros(len(hashes), dtype=np.bool_)
        for number, positions in _by_table(hashes):
            found[positions] = _contains(*self._tables[number], hashes[positions])
        return found


class _Table(NamedTuple):
    """Slots; their number is a power of two."""

    hashes: NDArray[np.uint64]
    sequences: NDArray[np.int64]

    @classmethod
    def empty(cls, slots: int) -> _Table:
        return cls(np.zeros(slots, dtype=np.uint64), np.full(slots, EMPTY, dtype=np.int64))


def _by_table(hashes: NDArray[np.uint64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each table's number with the positions of its hashes, in order."""
    numbers = (hashes >> np.uint64(64 - _TABLE_BITS)).astype(np.uint8)
    positions = np.argsort(numbers, kind="stable")
    ends = np.cumsum(np.bincount(numbers, minlength=1 << _TABLE_BITS)).tolist()
    begin = 0
    for number, end in enumerate(ends):
        if end > begin:
            yield number, positions[begin:end]
        begin = end


def _doubled(table: _Table) -> _Table:
    larger = _Table.empty(2 * len(table.hashes))
    _copy(*table, *larger)
    return larger


@njit(cache=True, nogil=True)
def _home(hash_: np.uint64, slots: int) -> int:
    """Return the slot at which the search for a hash begins: its upper bits below those that chose the table."""
    fraction = np.int64((hash_ << np.uint64(_TABLE_BITS)) >> np.uint64(32))
    return int(fraction * slots >> 32)


@njit(cache=True, nogil=True)
def _copy(
    old_hashes: NDArray[np.uint64],
    old_sequences: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    sequences: NDArray[np.int64],
) -> None:
    for slot in range(len(old_hashes)):
        if old_sequences[slot] != EMPTY:
            _put(hashes, sequences, old_hashes[slot], old_sequences[slot])


@njit(cache=True, nogil=True)
def _put(hashes: NDArray[np.uint64], sequences: NDArray[np.int64], hash_: np.uint64, sequence: int) -> None:
    slot = _home(hash_, len(hashes))
    while sequences[slot] != EMPTY:
        slot = (slot + 1) & (len(hashes) - 1)
    hashes[slot] = hash_
    sequences[slot] = sequence


@njit(cache=True, nogil=True)
def _insert(
    hashes: NDArray[np.uint64],
    sequences: NDArray[np.int64],
    new_hashes: NDArray[np.uint64],
    new_sequences: NDArray[np.int64],
) -> None:
    for i in range(len(new_hashes)):
        _put(hashes, sequences, new_hashes[i], new_sequences[i])


@njit(cache=True, nogil=True)
def _remove(
    hashes: NDArray[np.uint64],
    sequences: NDArray[np.int64],
    old_hashes: NDArray[np.uint64],
    old_sequences: NDArray[np.int64],
) -> int:
    removed = 0
    for i in range(len(old_hashes)):
        slot = _home(old_hashes[i], len(hashes))
        while sequences[slot] != EMPTY and sequences[slot] != old_sequences[i]:
            slot = (slot + 1) & (len(hashes) - 1)
        if sequences[slot] != EMPTY:
            _close_gap(hashes, sequences, slot)
            removed += 1
    return removed


@njit(cache=True, nogil=True)
def _close_gap(hashes: NDArray[np.uint64], sequences: NDArray[np.int64], gap: int) -> None:
    """Empty a slot and move back what stands behind it, as far as each entry's home allows."""
    last = len(hashes) - 1
    slot = (gap + 1) & last
    while sequences[slot] != EMPTY:
        from_home = (slot - _home(hashes[slot], len(hashes))) & last
        if from_home >= (slot - gap) & last:
            hashes[gap] = hashes[slot]
            sequences[gap] = sequences[slot]
            gap = slot
        slot = (slot + 1) & last
    sequences[gap] = EMPTY


@njit(cache=True, nogil=True)
def _find(hashes: NDArray[np.uint64], sequences: NDArray[np.int64], hash_: np.uint64) -> NDArray[np.int64]:
    slot = _home(hash_, len(hashes))
    found = np.empty(0, dtype=np.int64)
    while sequences[slot] != EMPTY:
        if hashes[slot] == hash_:
            found = np.append(found, sequences[slot])
        slot = (slot + 1) & (len(hashes) - 1)
    return found


@njit(cache=True, nogil=True)
def _contains(
    hashes: NDArray[np.uint64], sequences: NDArray[np.int64], wanted: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    found = np.zeros(len(wanted), dtype=np.bool_)
    for i in range(len(wanted)):
        slot = _home(wanted[i], len(hashes))
        while sequences[slot] != EMPTY and hashes[slot] != wanted[i]:
            slot = (slot + 1) & (len(hashes) - 1)
        found[i] = sequences[slot] != EMPTY
    return found
