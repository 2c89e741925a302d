"""The pending store: every event waits for its label, on disk, under its id.

A log of segments (`streamssl.engine.pending.segment`). Every event has a sequence number, and a segment ends
when it is full or when the events become wider, so that where an event lies depends on nothing but what was
appended before it. Old events leave at the front: `PendingStore.first` moves on. What has been written is never
changed, and a file is deleted only when no snapshot needs it any more. So a snapshot holds positions and
checksums, not rows, and what is appended again after a crash writes the same bytes into the same places.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from streamssl.engine.pending.ids import encode_ids
from streamssl.engine.pending.index import HashIndex
from streamssl.engine.pending.segment import BLOCK, SUFFIX, Layout, PendingDamaged, Segment, Stored
from streamssl.learners.mixture import Memory

__all__ = ["Extras", "Pending", "PendingDamaged", "PendingStore", "warm_up"]


MOST_CLASSES = 32_767
"""Classes that a record can number."""


class Extras(NamedTuple):
    """What is kept beside the learner's memory; one entry an event."""

    propensities: NDArray[np.float32]
    """(n,) probability with which the event was chosen for review, 0 where it was not."""
    pseudo: NDArray[np.int64]
    """(n,) pseudo-label, -1 for none."""
    twins: NDArray[np.int64]
    """(n,) what the twin predicted, -1 where it was not asked."""


class Pending(NamedTuple):
    """One event that waits for its label. Classes are indices, -1 for none."""

    sequence: int
    time: int
    """Event time, ms since the epoch."""
    arrival: int
    """When it came, ms since the epoch."""
    position: int
    """How many events had been observed before."""
    row: NDArray[np.float32]
    """(d,) the event's features."""
    experts: NDArray[np.uint8]
    """(e, k) what each expert said, see `Memory`."""
    context: NDArray[np.float32]
    """(2, d) moving averages before the row was used."""
    decision: int
    confidence: float
    """Probability of ``decision``, 0 when there is none."""
    propensity: float
    pseudo: int
    twin: int


class PendingStore:
    """Events that wait for a label.

    Parameters
    ----------
    directory
        Folder of the files; made when missing. One process at a time.
    capacity
        Events that may wait. May be changed at any time, like ``max_age_ms``; `expire` puts it into effect.
    max_age_ms
        How long they may wait, ms.
    segment_rows
        Events in a segment at the most.

    Notes
    -----
    Disk: less than 4 d + e k + 72 bytes an event beside its id (d features, k classes, e experts). Memory: 21 to
    43 bytes an event for the index. `append` costs some 1 us an event in blocks of 1,000 with 20 features,
    `find` 20 to 50 us, with ten thousand waiting or ten million (while the files are in the page cache).

    An event leaves after all that came before it. One whose arrival lies before its elders' thus waits as long
    as they do.

    Examples
    --------
    >>> import tempfile
    >>> directory = tempfile.TemporaryDirectory()
    >>> store = PendingStore(Path(directory.name), capacity=2, max_age_ms=60_000)
    >>> memory = Memory(
    ...     probabilities=np.array([[0.25, 0.75]] * 3, dtype=np.float32),
    ...     decisions=np.array([1, 1, 1]),
    ...     experts=np.full((3, 1, 2), 127, dtype=np.uint8),
    ...     context=np.zeros((3, 2, 4), dtype=np.float32),
    ...     positions=np.arange(3),
    ... )
    >>> nothing = Extras(np.zeros(3, dtype=np.float32), np.full(3, -1), np.full(3, -1))
    >>> rows, now = np.ones((3, 4), dtype=np.float32), np.array([1_000, 2_000, 3_000])
    >>> store.append(["a", "b", "c"], now, now, rows, memory, nothing)
    0
    >>> store.expire(now_ms=3_000), store.find("a"), len(store)
    (1, None, 2)
    >>> event = store.find("c")
    >>> event.sequence, event.decision, event.confidence
    (2, 1, 0.75)
    >>> directory.cleanup()
    """

    def __init__(self, directory: Path, *, capacity: int, max_age_ms: int, segment_rows: int = 65_536) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.capacity = capacity
        self.max_age_ms = max_age_ms
        self.segment_rows = segment_rows
        self.first = 0
        """Sequence number of the oldest event that waits."""
        self.next_sequence = 0
        """Sequence number of the next event."""
        self._segments: list[Segment] = []
        """From the oldest that is still on disk to the one being written."""
        self._unsynced: list[Segment] = []
        self._index = HashIndex()

    def __len__(self) -> int:
        return self.next_sequence - self.first

    @property
    def bytes_on_disk(self) -> int:
        """What the files take, those included that only a snapshot still needs."""
        return sum(segment.bytes_on_disk for segment in self._segments)

    @property
    def bytes_in_memory(self) -> int:
        """What the index takes."""
        return self._index.nbytes

    def append(
        self,
        ids: Sequence[str],
        times: NDArray[np.int64],
        arrivals: NDArray[np.int64],
        rows: NDArray[np.float32],
        memory: Memory,
        extras: Extras,
    ) -> int:
        """Let events wait; return the sequence number of the first.

        Parameters
        ----------
        ids
            n event ids. One that waits already is found no more: the newer event is.
        times, arrivals
            (n,) event time and arrival, ms since the epoch.
        rows
            (n, d) features.
        memory
            Of the moment when they were predicted.
        extras
            What else is kept.

        Raises
        ------
        ValueError
            When an id is longer than 1,024 bytes, or when there are more classes than a record can number.
        OSError
            When the disk is full.
        """
        first = self.next_sequence
        encoded = encode_ids(ids)
        layout = Layout(rows.shape[1], memory.experts.shape[2], memory.experts.shape[1])
        if layout.n_classes > MOST_CLASSES:
            raise ValueError(f"{layout.n_classes} classes; at most {MOST_CLASSES} are possible")
        events = np.zeros(len(ids), layout.record)
        events["hash"] = encoded.hashes
        events["time"] = times
        events["arrival"] = arrivals
        events["position"] = memory.positions
        events["id_length"] = np.diff(encoded.begins)
        events["propensity"], events["pseudo"], events["twin"] = extras
        events["confidence"] = memory.confidences()
        events["decision"] = memory.decisions
        events["row"] = rows
        events["experts"] = memory.experts
        begin = 0
        while begin < len(events):
            segment = self._segment_for(layout)
            end = min(len(events), begin + self.segment_rows - segment.rows)
            part = events[begin:end]
            text_begin, text_end = encoded.begins[begin], encoded.begins[end]
            part["id_begin"] = encoded.begins[begin:end] - text_begin
            segment.append(part, memory.context[begin:end], encoded.text[text_begin:text_end])
            self.next_sequence += end - begin
            begin = end
        self._index.insert(encoded.hashes, first)
        return first

    def find(self, event_id: str) -> Pending | None:
        """Return the newest event with this id, None if none waits. The arrays are copies."""
        encoded = encode_ids([event_id])
        for sequence in self._index.find(int(encoded.hashes[0])):
            segment = self._segment_of(sequence)
            found_id, event, context = segment.read_one(sequence - segment.first)
            if found_id == encoded.text:
                return _pending(sequence, event, context)
        return None

    def contains(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """Tell for each id whether an event with it waits. Cost: some 0.3 us for an id that is new."""
        found = self._index.contains(encode_ids(ids).hashes)
        for i in np.flatnonzero(found).tolist():
            found[i] = self.find(ids[i]) is not None
        return found

    def expire(self, now_ms: int) -> int:
        """Drop from the front what is over the capacity or has waited for ``max_age_ms``; return how many.

        Cost: some 0.1 us an event that is dropped.
        """
        before = self.first
        self._drop_to(max(self.first, self.next_sequence - self.capacity))
        while self.first < self.next_sequence:
            segment = self._segment_of(self.first)
            begin = self.first - segment.first
            arrivals = segment.read(begin, min(begin + BLOCK, segment.rows))["arrival"]
            young = arrivals > now_ms - self.max_age_ms
            self._drop_to(self.first + (int(young.argmax()) if young.any() else len(young)))
            if young.any():
                break
        return self.first - before

    def flush(self) -> None:
        """Return once everything appended is on disk."""
        for segment in self._unsynced:
            segment.sync()
        self._unsynced = self._unsynced[-1:]
        _sync_directory(self.directory)

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return positions and checksums; the events stay in their files. To be called after `flush`."""
        segments = self._needed()
        document = {
            "capacity": self.capacity,
            "max_age_ms": self.max_age_ms,
            "segment_rows": self.segment_rows,
            "first": self.first,
            "next_sequence": self.next_sequence,
            "first_on_disk": segments[0].first if segments else self.next_sequence,
        }
        checksums = [checksum for s in segments for checksum in s.checksums()]
        positions = [(s.first, s.rows, s.id_bytes, *s.layout) for s in segments]
        return document, {
            "segments": np.array(positions, dtype=np.int64).reshape(len(segments), 6),
            "checksums": np.array(checksums, dtype=np.uint32),
        }

    @classmethod
    def from_state(cls, directory: Path, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return a store that goes on from `to_state`, its index rebuilt from the files.

        What a longer run has appended after that is written over when it is appended again.

        Raises
        ------
        PendingDamaged
            When a file is missing or differs from its checksums.
        """
        store = cls(
            directory,
            capacity=document["capacity"],
            max_age_ms=document["max_age_ms"],
            segment_rows=document["segment_rows"],
        )
        store.first = document["first"]
        store.next_sequence = document["next_sequence"]
        expected = arrays["checksums"].tolist()
        for first, rows, id_bytes, *layout in arrays["segments"].tolist():
            segment = Segment(directory, first, Layout(*layout), store.segment_rows, rows, id_bytes)
            n_blocks = -(-rows // BLOCK)
            segment.check(expected[:n_blocks])
            expected = expected[n_blocks:]
            store._segments.append(segment)
        for sequence, hashes in store._hashes(store.first, store.next_sequence):
            store._index.insert(hashes, sequence)
        store._unsynced = store._segments[-1:]
        return store

    def release(self, oldest: Mapping[str, Any]) -> None:
        """Delete the files that nobody needs any more.

        Parameters
        ----------
        oldest
            What `to_state` said (first part) for the oldest snapshot from which a recovery could start.
        """
        mine = [segment.first for segment in self._segments]
        needed = [segment.first for segment in self._needed()]
        needed_from = min([oldest["first_on_disk"], *needed[:1]])
        self._segments = [segment for segment in self._segments if segment.first >= needed_from]
        begin = mine[0] if mine else self.next_sequence
        for path in self.directory.iterdir():
            if path.suffix == SUFFIX:
                first = int(path.stem)
                # Not before ours and not ours: left by a longer run that nobody can go back to.
                left_over = first >= begin and first not in mine
                if first < needed_from or left_over:
                    path.unlink()

    def _needed(self) -> list[Segment]:
        """Return the segments in which events wait, and always the one that takes the next event.

        Were that one given up once all its events have left, segments would begin where a snapshot happened to
        be taken, and a replay would write to other places.
        """
        return [segment for segment in self._segments if segment.end > self.first] or self._segments[-1:]

    def _segment_for(self, layout: Layout) -> Segment:
        """Return the segment that takes the next event."""
        if self._segments:
            last = self._segments[-1]
            if last.layout == layout and last.rows < self.segment_rows:
                return last
        segment = Segment(self.directory, self.next_sequence, layout, self.segment_rows)
        segment.create()
        self._segments.append(segment)
        self._unsynced.append(segment)
        return segment

    def _segment_of(self, sequence: int) -> Segment:
        return self._segments[bisect_right(self._segments, sequence, key=lambda s: s.first) - 1]

    def _hashes(self, begin: int, end: int) -> Iterator[tuple[int, NDArray[np.uint64]]]:
        """Yield the hashes of a run of events in parts, each with the sequence number of its first event."""
        while begin < end:
            segment = self._segment_of(begin)
            part_end = min(end, begin + BLOCK, segment.end)
            yield begin, segment.read(begin - segment.first, part_end - segment.first)["hash"]
            begin = part_end

    def _drop_to(self, first: int) -> None:
        for sequence, hashes in self._hashes(self.first, first):
            self._index.remove(hashes, sequence)
        self.first = first


def warm_up() -> None:
    """Compile the kernels, or load them from Numba's cache, so that the first event does not wait for it."""
    n = 4_096  # enough for a table of the index to double
    memory = Memory(
        probabilities=np.ones((n, 1), dtype=np.float32),
        decisions=np.zeros(n, dtype=np.int64),
        experts=np.zeros((n, 1, 1), dtype=np.uint8),
        context=np.zeros((n, 2, 1), dtype=np.float32),
        positions=np.arange(n),
    )
    rows, nothing = np.zeros((n, 1), dtype=np.float32), np.full(n, -1)
    with TemporaryDirectory() as directory:
        store = PendingStore(Path(directory), capacity=0, max_age_ms=0)
        ids = [str(i) for i in range(n)]
        store.append(ids, nothing, nothing, rows, memory, Extras(rows[:, 0], nothing, nothing))
        store.contains(ids[:1])
        store.expire(0)


def _pending(sequence: int, event: Stored, context: NDArray[np.float32]) -> Pending:
    return Pending(
        sequence=sequence,
        time=event.time,
        arrival=event.arrival,
        position=event.position,
        row=event.row.copy(),
        experts=event.experts.copy(),
        context=context,
        decision=event.decision,
        confidence=event.confidence,
        propensity=event.propensity,
        pseudo=event.pseudo,
        twin=event.twin,
    )


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
