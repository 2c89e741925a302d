"""One segment of the pending store: a file with the events of a run of sequence numbers.

========  ===============================================================================================
part      holds
========  ===============================================================================================
events    a record an event, see `Layout.record`; room for ``capacity`` of them
contexts  the temporal context before every so many-th event, see `Layout.stride`
ids       the ids in UTF-8, one after the other
========  ===============================================================================================

The file is named by the segment's first sequence number. Room that is not used takes no space on disk. What has
been appended never changes.

The file is read and written with plain system calls and opened each time, which takes some 5 us. Measured against
memory maps, appending is three times as quick, a full disk is an error and not the death of the process, and the
thousand segments of a day need no thousand open files; mapping them one at a time made finding ten times as slow.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamssl.learners import context

BLOCK = 4_096
"""Events under one checksum."""

SUFFIX = ".pending"


class PendingDamaged(Exception):
    """The pending store's files are not what the snapshot says; the message names the file and what is wrong."""


class Layout(NamedTuple):
    """How wide the events of a segment are.

    An event takes less than ``4 d + e k + 72`` bytes on disk beside its id, checkpoints of its context included
    (d features, k classes, e experts).

    Examples
    --------
    >>> Layout(n_features=20, n_classes=2, n_experts=6).record.itemsize
    144
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
                ("position", np.int64),
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
    position: int
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
        Folder of the file.
    first
        Sequence number of the first event.
    layout
        Of all its events.
    capacity
        Events that there is room for.
    rows, id_bytes
        How many events the file holds already, and how many bytes their ids take.
    """

    def __init__(
        self, directory: Path, first: int, layout: Layout, capacity: int, rows: int = 0, id_bytes: int = 0
    ) -> None:
        self.path = directory / f"{first:016d}{SUFFIX}"
        self.first = first
        self.layout = layout
        self.rows = rows
        self.id_bytes = id_bytes
        self._record = layout.record
        self._context_bytes = 2 * 4 * layout.n_features
        self._contexts_at = capacity * self._record.itemsize
        self._ids_at = self._contexts_at + -(-capacity // layout.stride) * self._context_bytes
        self._checksums: list[int] = []
        self._checked_rows = 0

    @property
    def end(self) -> int:
        """Sequence number after the last event."""
        return self.first + self.rows

    @property
    def bytes_on_disk(self) -> int:
        """What its file takes."""
        return 512 * self.path.stat().st_blocks

    def create(self) -> None:
        """Make an empty file. What a longer run before a crash has left under the same name is replaced."""
        self.path.write_bytes(b"")

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
        events["id_begin"] += self.id_bytes
        stride = self.layout.stride
        to_checkpoint = -self.rows % stride
        checkpoints = np.ascontiguousarray(contexts[to_checkpoint::stride])
        checkpoint = (self.rows + to_checkpoint) // stride
        with self.path.open("r+b") as file:
            for offset, data in (
                (self.rows * events.itemsize, events.tobytes()),
                (self._contexts_at + checkpoint * self._context_bytes, checkpoints.tobytes()),
                (self._ids_at + self.id_bytes, id_text),
            ):
                file.seek(offset)
                file.write(data)
        self.rows += len(events)
        self.id_bytes += len(id_text)

    def read(self, begin: int, end: int) -> NDArray[np.void]:
        """Return some events, (end - begin,) of `Layout.record`."""
        with _opened(self.path) as file:
            return self._events(file, begin, end)

    def read_one(self, row: int) -> tuple[bytes, Stored, NDArray[np.float32]]:
        """Return an event's id, the event, and the temporal context (2, d) before it.

        The context is recomputed from the checkpoint before the event and the rows between.
        """
        checkpoint = row // self.layout.stride
        with _opened(self.path) as file:
            events = self._events(file, checkpoint * self.layout.stride, row + 1)
            contexts = self._contexts(file, checkpoint, checkpoint + 1)
            event = Stored(*events[-1].item())
            event_id = os.pread(file, event.id_length, self._ids_at + event.id_begin)
        averages = np.frombuffer(contexts, np.float32).reshape(2, self.layout.n_features).copy()
        _advance_over(averages, events["row"][:-1])
        return event_id, event, averages

    def checksums(self) -> list[int]:
        """Return the CRC-32 of each block of `BLOCK` events with their contexts and ids; the last may be partial.

        Cost: only what was appended since the last call is read (and the rest of its first block).
        """
        if self._checked_rows < self.rows:
            begin = self._checked_rows // BLOCK
            del self._checksums[begin:]
            with _opened(self.path) as file:
                for begin_row in range(begin * BLOCK, self.rows, BLOCK):
                    end_row = min(begin_row + BLOCK, self.rows)
                    self._checksums.append(self._checksum(file, begin_row, end_row))
            self._checked_rows = self.rows
        return list(self._checksums)

    def check(self, expected: Sequence[int]) -> None:
        """Compare the file with checksums.

        Raises
        ------
        PendingDamaged
            When it is missing or too short, or a block differs.
        """
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            raise PendingDamaged(f"{self.path}: is missing") from None
        if size < self._ids_at + self.id_bytes:
            raise PendingDamaged(
                f"{self.path}: has {size} bytes; the snapshot counts on {self._ids_at + self.id_bytes}"
            )
        for block, (checksum, wanted) in enumerate(zip(self.checksums(), expected, strict=True)):
            if checksum != wanted:
                begin = self.first + block * BLOCK
                end = min(begin + BLOCK, self.end)
                raise PendingDamaged(f"{self.path}: events {begin} to {end - 1} differ from their checksum")

    def sync(self) -> None:
        """Return once the file is on disk."""
        with _opened(self.path) as file:
            os.fsync(file)

    def _events(self, file: int, begin: int, end: int) -> NDArray[np.void]:
        size = self._record.itemsize
        return np.frombuffer(os.pread(file, (end - begin) * size, begin * size), self._record)

    def _contexts(self, file: int, begin: int, end: int) -> bytes:
        size = self._context_bytes
        return os.pread(file, (end - begin) * size, self._contexts_at + begin * size)

    def _checksum(self, file: int, begin: int, end: int) -> int:
        events, stride = self._events(file, begin, end), self.layout.stride
        checksum = zlib.crc32(events.data)
        checksum = zlib.crc32(self._contexts(file, -(-begin // stride), -(-end // stride)), checksum)
        id_begin = int(events["id_begin"][0])
        id_end = min(int(events["id_begin"][-1]) + int(events["id_length"][-1]), self.id_bytes)
        return zlib.crc32(os.pread(file, max(0, id_end - id_begin), self._ids_at + id_begin), checksum)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY)
    try:
        yield file
    finally:
        os.close(file)


@njit(cache=True, nogil=True)
def _advance_over(averages: NDArray[np.float32], rows: NDArray[np.float32]) -> None:
    for i in range(len(rows)):
        context.advance(averages, rows[i])
