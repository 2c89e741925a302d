"""From a process that ended, however it ended, to the state it had committed: the one way to start.

1. fence the predecessor: from now on the journal is final
2. restore the newest good snapshot; without one, begin with an empty state
3. read the journal from there to its true end; fetch exactly the records that each entry names, `step` them
   with the output muted, and check sequence, counts and digest
4. take over changed settings and write a snapshot, so that what follows is replayed under them

The state is then bit for bit that of a process that never ended.
"""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamssl.engine.journal import JournalEntry
from streamssl.engine.pending.store import PendingDamaged
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.engine.step import kinds_of_topics, step
from streamssl.fail_points import reach
from streamssl.runtime.snapshots import Snapshot, SnapshotDamaged, SnapshotStore
from streamssl.transport.base import OffsetRange, RangeLost, Record, TransportError, Worker

log = logging.getLogger(__name__)

BUILT_IN = ("seed", "metric", "preset")
"""Of the learner's settings: what a state keeps, whatever the configuration says later."""


class RecoveryError(TransportError):
    """The journal does not continue the state; the message says how to proceed."""


@dataclass(slots=True)
class Recovery:
    """What a recovery found and did."""

    state: EngineState
    journal_position: int | None
    """Where the journal has been read to; None while nothing has been journalled."""
    snapshot: str | None = None
    refused: list[str] = field(default_factory=list)
    """Why newer snapshots were not used."""
    batches: int = 0
    records: int = 0
    lost_records: int = 0
    """Records that the journal names and retention has removed."""
    mismatches: int = 0
    """Batches whose digest differs from the journalled one although nothing was lost."""


def recover(
    worker: Worker,
    snapshots: SnapshotStore,
    settings: EngineSettings,
    directory: Path,
    tick: Callable[[], None] = lambda: None,
    snapshot_every: float = math.inf,
) -> Recovery:
    """Take over the worker id and rebuild its state. See the module's docstring for the steps.

    Parameters
    ----------
    directory
        Where the pending store keeps its files.
    tick
        Called before every batch, for the watchdog.
    snapshot_every
        Seconds: a recovery that is itself ended goes on from where it was.
    """
    worker.fence()
    reach("recovery-1-fenced")
    recovery = _restore(snapshots, settings, directory)
    reach("recovery-2-restored")
    due = time.monotonic() + snapshot_every
    for record in worker.read_journal(recovery.journal_position):
        tick()
        _replay(recovery, worker, record)
        if time.monotonic() >= due:
            save_snapshot(recovery.state, recovery.journal_position or 0, snapshots)
            due = time.monotonic() + snapshot_every
        reach("recovery-3-replayed")
    state = recovery.state
    if state.settings != settings:
        log.info("the configuration has changed: the new one holds from here on")
        state.configure(_with_what_stays(state.settings, settings))
    save_snapshot(state, recovery.journal_position or 0, snapshots)
    return recovery


def save_snapshot(state: EngineState, journal_position: int, snapshots: SnapshotStore) -> str:
    """Write the state; the pending rows reach the disk before the snapshot that counts on them."""
    state.pending.flush()
    reach("snapshot-1-flushed")
    document, arrays = state.to_state()
    name = snapshots.save(Snapshot(state.sequence, journal_position, document, arrays))
    state.pending.release(_oldest_readable(snapshots)["document"]["pending"])
    return name


def _oldest_readable(snapshots: SnapshotStore) -> dict[str, Any]:
    """Return the manifest of the oldest snapshot from which a recovery could start."""
    for name in snapshots.names():
        try:
            return snapshots.manifest(name)
        except SnapshotDamaged as error:
            log.warning("snapshot %s cannot be used any more: %s", name, error)
    raise SnapshotDamaged(f"{snapshots.directory}: the snapshot written a moment ago cannot be read")


def _with_what_stays(before: EngineSettings, now: EngineSettings) -> EngineSettings:
    """Return the new settings with what the learner has built in; whoever wants that changed is told how."""
    stays = {key: getattr(before.learner, key) for key in BUILT_IN}
    for key, old in stays.items():
        if old != (new := getattr(now.learner, key)):
            log.warning(
                "learner.%s stays %s: it is built into the learner that this worker has. For %s start a new one "
                "from the examples, beside this one: see `streamssl workers warm-start`",
                key,
                old,
                new,
            )
    return now.model_copy(update={"learner": now.learner.model_copy(update=stays)})


def _restore(snapshots: SnapshotStore, settings: EngineSettings, directory: Path) -> Recovery:
    refused: list[str] = []
    for name in reversed(snapshots.names()):
        try:
            snapshot = snapshots.load(name)
            state = EngineState.from_state(snapshot.document, snapshot.arrays, directory)
        except (SnapshotDamaged, PendingDamaged) as error:
            log.error("snapshot %s is refused: %s", name, error)
            refused.append(f"{name}: {error}")
            continue
        return Recovery(state, snapshot.journal_position, name, refused)
    if refused:
        log.error("no snapshot is usable: the journal is replayed from as far back as it reaches")
    shutil.rmtree(directory, ignore_errors=True)
    return Recovery(EngineState(settings, directory), None, None, refused)


def _replay(recovery: Recovery, worker: Worker, record: Record) -> None:
    state = recovery.state
    entry = JournalEntry.decode(record.value or b"")
    is_whole = _check_sequence(recovery, entry, record)
    records = _fetch(recovery, worker, entry.ranges)
    is_whole = is_whole and recovery.lost_records == 0
    state.sequence = entry.sequence
    step(state, entry.batch(records))
    if state.digest.hex() != entry.digest and is_whole:
        recovery.mismatches += 1
        log.error(
            "batch %d gives another digest than was journalled: the code or a library has changed since",
            entry.sequence,
        )
    for lost in entry.ranges:
        partition = (lost.topic, lost.partition)
        state.positions[partition] = max(state.positions.get(partition, 0), lost.end)
    recovery.batches += 1
    recovery.records += len(records)
    recovery.journal_position = record.offset + 1


def _check_sequence(recovery: Recovery, entry: JournalEntry, record: Record) -> bool:
    """Return whether the entry follows the state without a gap."""
    expected = recovery.state.sequence
    if entry.sequence < expected:
        raise RecoveryError(
            f"{record.topic}[{record.partition}] offset {record.offset} is batch {entry.sequence}, but the "
            f"state already contains batch {expected - 1}. Was the journal topic deleted and made again? "
            "Move the state directory away to begin from what the topics hold."
        )
    if entry.sequence > expected:
        log.error("the journal lacks batches %d to %d: they are lost", expected, entry.sequence - 1)
        recovery.lost_records += 1
        return False
    return True


def _fetch(recovery: Recovery, worker: Worker, wanted: Sequence[OffsetRange]) -> list[Record]:
    """Fetch a batch's records; what retention has removed is said loudly, counted, and left out."""
    records: list[Record] = []
    known = kinds_of_topics(recovery.state.settings)
    for each in wanted:
        if each.topic not in known:
            log.error("%s is no longer in the configuration: %d records of it are left out", each.topic, each.count)
            recovery.lost_records += each.count
            continue
        try:
            records += worker.fetch([each])
        except RangeLost as error:
            log.error("%s", error)
            rest = each._replace(first=max(each.first, error.available_from))
            kept = worker.fetch([rest._replace(count=-1)]) if rest.first < each.end else []
            recovery.lost_records += each.count - len(kept)
            records += kept
    return records
