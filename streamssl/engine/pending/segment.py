"""One segment of the pending store: three files with the events of a run of sequence numbers.

=============  ===========================================================================================
file           holds
=============  ===========================================================================================
``.events``    a record an event, see `Layout.record`
``.contexts``  the temporal context before every so many-th event, see `Layout.stride`
``.ids``       the ids in UTF-8, one after the other
=============  ===========================================================================================

All files are named by the segment's first sequence number. What has been appended never changes.

Files are read and written with plain system calls, and opened for each: some 5 us. Measured against memory maps,
appending is three times as quick, a full disk is an error and not the death of the process, and the thousand
segments of a day need no thousand open files; mapping them as they are needed made finding ten times as slow.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import context

BLOCK = 4_096
"""Events under one checksum."""

SUFFIXES = (".events", ".contexts", ".ids")


class PendingDamaged(Exception):
    """The pending store's files are not what the snapshot says; the message names the file and what is wrong."""


class Layout(NamedTuple):
    """How wide the events of a segment are.

    An event takes less than ``4 d + e k + 64`` bytes on disk beside its id, checkpoints of its context included
    (d features, k classes, e experts).

    Examples
    --------
    >>> Layout(n_features=20, n_classes=2, n_experts=6).record.itemsize
    136
    """

    n_features: int
    n_classes: int
    n_experts: int

    @property
    def record(self) -> np.dtype[np.void]:
        """One event."""
        return np.dtype(
            [
                ("hash", np.uint64),
                ("time", np.int64),
                ("arrival", np.int64),
                ("id_begin", np.uint32),
                ("propensity", np.float32),
                ("confidence", np.float32),
                ("id_length", np.uint16),
                ("decision", np.int16),
                ("pseudo", np.int16),
                ("twin", np.int16),
                ("row", np.float32, (self.n_features,)),
                ("experts", np.uint8, (self.n_experts, self.n_classes)),
            ],
            align=True,
        )

    @property
    def stride(self) -> int:
        """Events from one checkpoint of the context to the next: 64, or more so that it costs 12 bytes an event."""
        return 64 * max(1, -(-self.n_features // 96))


class Stored(NamedTuple):
    """One record, see `Layout.record`: the same fields in the same order."""

    hash: int
    time: int
    arrival: int
    id_begin: int
    propensity: float
    confidence: float
    id_length: int
    decision: int
    pseudo: int
    twin: int
    row: NDArray[np.float32]
    experts: NDArray[np.uint8]


class Segment:
    """A run of events of one layout.

    Parameters
    ----------
    directory
        Folder of the files.
    first
        Sequence number of the first event.
    layout
        Of all its events.
    rows, id_bytes
        How many events the files hold already, and how many bytes their ids take.
    """

    def __init__(self, directory: Path, first: int, layout: Layout, rows: int = 0, id_bytes: int = 0) -> None:
        self.first = first
        self.layout = layout
        self.rows = rows
        self.id_bytes = id_bytes
        self.paths = tuple(directory / f"{first:016d}{suffix}" for suffix in SUFFIXES)
        """The three files, in the order of `SUFFIXES`."""
        self._record = layout.record
        self._checksums: list[int] = []
        self._checked_rows = 0

    @property
    def end(self) -> int:
        """Sequence number after the last event."""
        return self.first + self.rows

    @property
    def bytes_on_disk(self) -> int:
        """What its files take."""
        return sum(512 * path.stat().st_blocks for path in self.paths)

    def create(self) -> None:
        """Make empty files. What a longer run before a crash has left under the same names is replaced."""
        for path in self.paths:
            path.write_bytes(b"")

    def append(self, events: NDArray[np.void], contexts: NDArray[np.float32], id_text: bytes) -> None:
        """Append events.

        Parameters
        ----------
        events
            (n,) of `Layout.record`; ``id_begin`` counts from the first of them and is changed in place.
        contexts
            (n, 2, d) before each event.
        id_text
            Their ids.

        Raises
        ------
        OSError
            When the disk is full.
        """
        events_path, contexts_path, ids_path = self.paths
        events["id_begin"] += self.id_bytes
        _write(events_path, self.rows * events.itemsize, events.data)
        to_checkpoint = -self.rows % self.layout.stride
        checkpoints = np.ascontiguousarray(contexts[to_checkpoint :: self.layout.stride])
        if checkpoints.size:
            number = (self.rows + to_checkpoint) // self.layout.stride
            _write(contexts_path, number * checkpoints[0].nbytes, checkpoints.data)
        _write(ids_path, self.id_bytes, id_text)
        self.rows += len(events)
        self.id_bytes += len(id_text)

    def read(self, begin: int, end: int) -> NDArray[np.void]:
        """Return some events, (end - begin,) of `Layout.record`."""
        size = self._record.itemsize
        return np.frombuffer(_read(self.paths[0], begin * size, (end - begin) * size), self._record)

    def read_ids(self, begin: int, length: int) -> bytes:
        """Return some bytes of the ids."""
        return _read(self.paths[2], begin, length)

    def read_with_context(self, row: int) -> tuple[Stored, NDArray[np.float32]]:
        """Return an event and the temporal context (2, d) before it.

        The context is recomputed from the checkpoint before the event and the rows between.
        """
        checkpoint = row // self.layout.stride
        events = self.read(checkpoint * self.layout.stride, row + 1)
        averages = self._read_contexts(checkpoint, checkpoint + 1)[0].copy()
        _advance_over(averages, events["row"][:-1])
        return Stored(*events[-1].item()), averages

    def checksums(self) -> list[int]:
        """Return the CRC-32 of each block of `BLOCK` events with their contexts and ids; the last may be partial.

        Cost: only what was appended since the last call is read (and the rest of its first block).
        """
        if self._checked_rows < self.rows:
            begin = self._checked_rows // BLOCK
            del self._checksums[begin:]
            for begin_row in range(begin * BLOCK, self.rows, BLOCK):
                end_row = min(begin_row + BLOCK, self.rows)
                self._checksums.append(self._checksum(begin_row, end_row))
            self._checked_rows = self.rows
        return list(self._checksums)

    def check(self, expected: Sequence[int]) -> None:
        """Compare the files with checksums.

        Raises
        ------
        PendingDamaged
            When a file is missing or too short, or a block differs.
        """
        n_contexts = -(-self.rows // self.layout.stride)
        sizes = (self.rows * self._record.itemsize, n_contexts * self._context_bytes, self.id_bytes)
        for path, size in zip(self.paths, sizes, strict=True):
            try:
                found = path.stat().st_size
            except FileNotFoundError:
                raise PendingDamaged(f"{path}: is missing") from None
            if found < size:
                raise PendingDamaged(f"{path}: has {found} bytes; the snapshot counts on {size}")
        for block, (checksum, wanted) in enumerate(zip(self.checksums(), expected, strict=True)):
            if checksum != wanted:
                begin = self.first + block * BLOCK
                end = min(begin + BLOCK, self.end)
                raise PendingDamaged(
                    f"{self.paths[0]} and its neighbours: events {begin} to {end - 1} differ from their checksum"
                )

    def sync(self) -> None:
        """Return once all files are on disk."""
        for path in self.paths:
            with path.open("rb") as file:
                os.fsync(file.fileno())

    @property
    def _context_bytes(self) -> int:
        return 2 * 4 * self.layout.n_features

    def _read_contexts(self, begin: int, end: int) -> NDArray[np.float32]:
        size = self._context_bytes
        contexts = np.frombuffer(_read(self.paths[1], begin * size, (end - begin) * size), np.float32)
        return contexts.reshape(end - begin, 2, self.layout.n_features)

    def _checksum(self, begin: int, end: int) -> int:
        events, stride = self.read(begin, end), self.layout.stride
        checksum = zlib.crc32(events.data)
        checksum = zlib.crc32(self._read_contexts(-(-begin // stride), -(-end // stride)).data, checksum)
        id_begin = int(events["id_begin"][0])
        id_end = min(int(events["id_begin"][-1]) + int(events["id_length"][-1]), self.id_bytes)
        return zlib.crc32(self.read_ids(id_begin, max(0, id_end - id_begin)), checksum)


def _read(path: Path, offset: int, length: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)


def _write(path: Path, offset: int, data: bytes | memoryview) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


@njit(cache=True, nogil=True)
def _advance_over(averages: NDArray[np.float32], rows: NDArray[np.float32]) -> None:
    for i in range(len(rows)):
        context.advance(averages, rows[i])
