"""The contract that every transport keeps: topics, partitions, offsets, one transactional worker.

A transport is where topics live. Tools (`replay`, `label`, `dead-letters`) use a `Producer` and a `Reader`;
the service uses one `Worker`, whose methods are called in this order and no other:

1. ``fence()``         end the predecessor: from here on nothing it does can become visible
2. ``read_journal()``  what the predecessors committed, to the true end of the journal
3. ``fetch()``         exactly the records that a journal entry names, for the replay
4. ``join()``          go live: join the group, take up positions
5. ``poll()``, ``commit()`` in turn, for ever
6. ``close()``

The worker is crash-only: whatever `poll` or `commit` raises ends the process, and the next one recovers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, Self


class Record(NamedTuple):
    """One record as it was read from a topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since the epoch, set when the record was produced."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Message(NamedTuple):
    """One record to be written. The partition follows from the key (murmur2, as Kafka's clients do)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class OffsetRange(NamedTuple):
    """Some records of one partition: those with ``first <= offset < end``, ``count`` in number (-1: unknown)."""

    topic: str
    partition: int
    first: int
    end: int
    count: int  # type: ignore[assignment]  # tuple.count is not needed


Positions = Mapping[tuple[str, int], int]
"""(topic, partition) -> offset of the next record to read."""


class Marks(NamedTuple):
    """How far a worker is with the labels, told to the other workers of its group."""

    given_up: Positions
    """Below these offsets of the labels it has answered whatever it could use."""
    decided: Positions
    """Below these, nothing is left to be decided by anyone. Empty unless this worker is the judge."""


class Membership(NamedTuple):
    """What a group knows of one worker."""

    owned: frozenset[tuple[str, int]] | None
    """The events partitions that it owns; None: it is not present."""
    given_up: Positions
    """See `Marks`."""


class Neighbours(NamedTuple):
    """What the other workers of the group have told."""

    given_up: Mapping[str, Positions]
    """By worker id, as long as the group remembers the worker."""
    decided: Positions


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic to be created. ``config`` holds Kafka's topic settings, such as ``cleanup.policy``."""

    name: str
    partitions: int = 1
    config: Mapping[str, str] = field(default_factory=dict)
    replication: int | None = None
    """Copies of each partition; None: the cluster's default. The embedded transport has one, always."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one worker reads and under which identity.

    ``events`` are partitioned among the workers of ``group_id``; ``broadcast`` topics (labels, examples) are
    read whole by every worker. ``worker_id`` is the one static id: journal key, transactional id, group
    instance id.
    """

    worker_id: str
    group_id: str
    events: tuple[str, ...]
    broadcast: tuple[str, ...]
    journal: str


class TransportError(Exception):
    """Something about topics or their server went wrong; the message says what and what to do."""


class Unreachable(TransportError):
    """Nobody answers where the topics should be: they may come back. Whoever is refused gets a `TransportError`."""


class TopicMissing(TransportError):
    """A topic that is needed does not exist."""


class Fenced(TransportError):
    """Another process has taken over this worker id (or its partitions); this one must end."""


def made_again(topic: str, partition: int, found: int, expected: int) -> TransportError:
    """Return what is raised where a topic is behind what has been read of it."""
    return TransportError(
        f"{topic}[{partition}] is at offset {found}, but has been read to {expected}: was the topic deleted and "
        "made again? Move the state directory away to begin from what the topics hold."
    )


def begun_already(group_id: str) -> TransportError:
    """Return what is raised where a group should begin at the end and has begun before."""
    return TransportError(f"the group {group_id} has begun already: choose another kafka.group_id")


class RangeLost(TransportError):
    """Records that the journal names are no longer there.

    Either retention has removed them (``available_from`` lies behind the range's first offset), or the partition
    holds fewer of them than were counted: compacted, or a topic that was deleted and made again.
    """

    def __init__(self, missing: OffsetRange, available_from: int) -> None:
        named = f"{missing.topic}[{missing.partition}] offsets {missing.first}..{missing.end - 1}"
        super().__init__(
            f"{named} are gone: the topic now starts at {available_from}"
            if available_from > missing.first
            else f"{named} no longer hold {missing.count} records"
        )
        self.missing = missing
        self.available_from = available_from


class Closeable(Protocol):
    """What is closed where its ``with`` ends."""

    def close(self) -> None:
        """Release."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Producer(Closeable, Protocol):
    """Writes records outside of any transaction: for tools that feed topics."""

    def send(self, message: Message, timestamp: int | None = None) -> None:
        """Hand over one record; it may be buffered. ``timestamp`` in ms since the epoch (default: now)."""

    def flush(self) -> None:
        """Return once everything handed over is durable; raise `TransportError` if it cannot be."""

    def close(self) -> None:
        """Flush and release."""


class Reader(Closeable, Protocol):
    """Reads whole topics without a consumer group: committed records only, each partition in offset order."""

    def poll(self, max_records: int = 1000, timeout: float = 0.1) -> list[Record]:
        """Return the next records, at most ``max_records``; wait up to ``timeout`` seconds for the first."""

    def at_end(self) -> bool:
        """Tell whether everything that was in the topics when this is asked has been read."""


class Worker(Protocol):
    """The service's transactional session with the topics. See the module's docstring for the order."""

    def fence(self) -> None:
        """Take over the worker id; a predecessor's open transaction is aborted."""

    def read_journal(self, start: int | None = None) -> Iterator[Record]:
        """Yield this worker's journal records from offset ``start`` (None: the first one kept) to the true end.

        The true end includes what a neighbour's open transaction hides for the moment: it is waited for.
        """

    def fetch(self, ranges: Sequence[OffsetRange]) -> list[Record]:
        """Return exactly the records of ``ranges``, range by range, each in offset order.

        Raises
        ------
        RangeLost
            When a range begins before the first offset that its partition still has, or its count differs
            (a count of -1 is not checked).
        """

    def join(self, positions: Positions) -> None:
        """Go live: events from the group's committed offsets, broadcast topics from ``positions``.

        A broadcast partition that ``positions`` does not name is read from its beginning.
        """

    def assignment(self) -> frozenset[tuple[str, int]]:
        """Return the events partitions that this worker owns, as of the last poll."""

    def is_settled(self) -> bool:
        """Return whether it is settled which events partitions this worker owns, be it none (last poll)."""

    def poll(self, max_records: int, timeout: float, max_broadcast: int | None = None) -> list[Record]:
        """Return the next records of all topics; each partition in offset order, committed records only.

        At most ``max_records`` events, and as many records of broadcast topics or, if given, ``max_broadcast``.
        Waits up to ``timeout`` seconds for the first.
        """

    def commit(
        self,
        outputs: Sequence[Message],
        journal: bytes | None,
        consumed: Sequence[OffsetRange],
        marks: Marks | None = None,
    ) -> int:
        """Commit outputs, the journal record, the consumed events offsets and the marks as one transaction.

        ``consumed`` names ranges of events and broadcast topics; the group's offsets are moved for events
        only, and, if marks say what is decided, for these partitions: whoever says so must own the first
        partition of the events. Returns the journal offset that follows this batch (where a later `read_journal`
        resumes).

        Raises
        ------
        Fenced
            When this process no longer owns its worker id or its partitions. Nothing became visible.
        TransportError
            When the outcome is unknown or the commit failed.
        """

    def neighbours(self) -> Neighbours:
        """Return the marks that the others of the group have committed.

        Raises
        ------
        TransportError
            When nobody answers.
        """

    def positions(self) -> dict[tuple[str, int], int]:
        """Return, for every partition being read, the offset that will be polled next. Asks nobody."""

    def ends(self) -> dict[tuple[str, int], int]:
        """Return, for every partition being read, the offset after its last committed record.

        Positions come to lie there also where transactional markers end a partition. Cheap enough for once a
        second.

        Raises
        ------
        TransportError
            When nobody answers.
        """

    def close(self) -> None:
        """Leave and release, within some seconds even when the server is gone."""


class Transport(Protocol):
    """Where topics live."""

    def create_topics(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Create the topics that do not exist yet; return the names of those created."""

    def topics(self) -> dict[str, int]:
        """Return every topic's name and number of partitions."""

    def offsets(self, topic: str) -> dict[int, tuple[int, int]]:
        """Return, per partition, the first offset still kept and the one after the last."""

    def producer(self) -> Producer:
        """Return a producer for tools."""

    def workers(self, group_id: str, events: Sequence[str]) -> dict[str, Membership]:
        """Return the workers that a group remembers, by id: those present, and those that have left marks.

        ``events`` are the topics that the group shares.
        """

    def dismiss(self, group_id: str, worker_id: str) -> None:
        """Take a worker out of the group at once; its partitions go to the others. Its marks stay."""

    def forget(self, group_id: str, worker_id: str) -> None:
        """Forget the marks of a worker that will not come again, so that nobody waits for it."""

    def committed(self, group_id: str) -> Positions:
        """Return what a group has committed, of all topics."""

    def begin_at_end(self, group_id: str, topics: Sequence[str]) -> None:
        """Let a group that has never committed begin with what comes from now on.

        Raises
        ------
        TransportError
            When the group has begun already.
        """

    def reader(self, topics: Sequence[str], start: Literal["first", "end"] = "first") -> Reader:
        """Return a reader of whole topics, from their first kept record or from their present end."""

    def worker(self, subscription: Subscription) -> Worker:
        """Return the transactional session of one worker; nothing is fenced or joined yet."""

    def close(self) -> None:
        """Release what the transport itself holds."""
