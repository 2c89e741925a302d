"""A store comes back from a snapshot, also after kill -9; damage is refused."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamssl.engine.pending.segment import Layout, Segment
from streamssl.engine.pending.store import PendingDamaged, PendingStore
from tests.engine.pending.stores import FOR_EVER, files, opened, snapshot

# --- snapshots ---------------------------------------------------------------------------------------------


def test_a_restored_store_goes_on(tmp_path: Path, stream: Any, assert_same: Any) -> None:
    store = opened(tmp_path, capacity=300)
    blocks = [stream.block(120, d=d) for d in (3, 3, 5)]
    for block in blocks:
        block.append_to(store)
    store.expire(stream.now)
    again = PendingStore.from_state(tmp_path, *snapshot(store))
    assert (again.first, again.next_sequence, again.capacity) == (60, 360, 300)
    assert again.find("event-59") is None
    for i in range(60, 360):
        assert_same(again.find(f"event-{i}"), blocks[i // 120], i % 120)
    more = stream.block(50, d=5)
    assert more.append_to(again) == 360
    assert_same(again.find("event-409"), more, 49)
    assert again.expire(stream.now) == 50


def test_every_snapshot_counts_on_what_was_there_then(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path, segment_rows=10_000)
    states = []
    for _ in range(6):
        stream.block(1_500).append_to(store)
        states.append(snapshot(store))
    for number, state in enumerate(states, start=1):
        assert len(PendingStore.from_state(tmp_path, *state)) == 1_500 * number


def test_a_restored_store_leaves_what_an_older_snapshot_needs(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path, capacity=100)
    stream.block(250).append_to(store)
    older = snapshot(store)
    store.expire(stream.now)
    again = PendingStore.from_state(tmp_path, *snapshot(store))
    again.release(older[0])
    assert len(PendingStore.from_state(tmp_path, *older)) == 250


def test_a_snapshot_holds_no_rows(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path, segment_rows=10_000)
    stream.block(20_000).append_to(store)
    _, arrays = snapshot(store)
    assert sum(array.nbytes for array in arrays.values()) < 200


def test_an_empty_store_comes_back(tmp_path: Path, stream: Any) -> None:
    store = PendingStore.from_state(tmp_path, *snapshot(opened(tmp_path)))
    assert len(store) == 0
    stream.block(100).append_to(store)
    store.expire(stream.now + 2 * FOR_EVER)
    again = PendingStore.from_state(tmp_path, *snapshot(store))
    assert len(again) == 0
    assert stream.block(3).append_to(again) == 100
    assert again.find("event-102").sequence == 102


def test_where_events_lie_does_not_depend_on_when_files_were_released(tmp_path: Path, new_stream: Any) -> None:
    places = []
    for name, releases in (("often", True), ("never", False)):
        store, stream = opened(tmp_path / name, capacity=1), new_stream()
        for _ in range(30):
            stream.block(7).append_to(store)
            store.expire(stream.now + 2 * FOR_EVER)
            if releases:
                store.release(snapshot(store)[0])
        places.append(store.to_state()[1]["segments"].tolist())
    assert places[0] == places[1]


def test_flush_reaches_every_file_that_was_written(
    tmp_path: Path, stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(Segment, "sync", lambda segment: synced.append(segment.first))
    store = opened(tmp_path)
    stream.block(250).append_to(store)
    store.flush()
    assert synced == [0, 100, 200]
    stream.block(10).append_to(store)
    store.flush()
    assert synced[3:] == [200]
    again = PendingStore.from_state(tmp_path, *store.to_state())
    stream.block(100).append_to(again)
    again.flush()
    assert synced[4:] == [200, 300]


@pytest.mark.parametrize("harm", ["changed", "cut", "missing"])
def test_damage_is_refused_by_name(tmp_path: Path, stream: Any, harm: str) -> None:
    store = opened(tmp_path)
    stream.block(250).append_to(store)
    state = snapshot(store)
    path = tmp_path / "0000000000000100.pending"
    content = path.read_bytes()
    path.unlink()
    if harm == "changed":
        path.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    elif harm == "cut":
        path.write_bytes(content[:-1])
    with pytest.raises(PendingDamaged, match="0000000000000100"):
        PendingStore.from_state(tmp_path, *state)


def test_damage_behind_the_snapshot_does_not_matter(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path)
    stream.block(150).append_to(store)
    state = snapshot(store)
    stream.block(150).append_to(store)
    (tmp_path / "0000000000000200.pending").write_bytes(b"half a rec")
    with (tmp_path / "0000000000000100.pending").open("r+b") as file:
        file.seek(50 * Layout(5, 2, 3).record.itemsize)
        file.write(b"half a record")
    assert len(PendingStore.from_state(tmp_path, *state)) == 150


def test_a_new_life_replaces_the_files_of_an_old_one(tmp_path: Path, stream: Any, assert_same: Any) -> None:
    old = opened(tmp_path, capacity=10)
    for _ in range(6):
        stream.block(70).append_to(old)
    old.expire(stream.now)
    left_by_old = snapshot(old)[0]
    new = opened(tmp_path)
    block = stream.block(150, d=2)
    block.append_to(new)
    state = snapshot(new)
    # Not even a snapshot of the old life takes what the new one needs.
    new.release(left_by_old)
    assert sorted(path.stem for path in tmp_path.glob("*.pending")) == ["0000000000000000", "0000000000000100"]
    again = PendingStore.from_state(tmp_path, *state)
    assert_same(again.find(block.ids[149]), block, 149)


# --- kill -9 -----------------------------------------------------------------------------------------------


def run(store: PendingStore, stream: Any, steps: range) -> None:
    """Append and expire; where it gets wider follows from the step alone, as in a replay."""
    for step in steps:
        stream.block(37, d=3 + step // 5).append_to(store)
        store.expire(stream.now)


def in_a_process_that_is_killed(work: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("killed_at", [9, 10, 14, 15, 17])
@pytest.mark.parametrize("half_done", [False, True])
def test_after_kill_9_the_replay_writes_the_same_bytes(
    tmp_path: Path, new_stream: Any, monkeypatch: pytest.MonkeyPatch, killed_at: int, half_done: bool
) -> None:
    limits = {"capacity": 300, "segment_rows": 100}
    uncrashed, reference_stream = opened(tmp_path / "uncrashed", **limits), new_stream()
    run(uncrashed, reference_stream, range(20))

    def write_half(segment: Segment, events: Any, *_: object) -> None:
        events["id_begin"] += segment.id_bytes
        with segment.path.open("r+b") as file:
            file.seek(segment.rows * events.itemsize)
            file.write(events.tobytes()[: events.nbytes // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    def crash() -> None:
        run(store, stream, range(8, killed_at))
        if half_done:
            monkeypatch.setattr(Segment, "append", write_half)
            run(store, stream, range(killed_at, killed_at + 1))
        os.kill(os.getpid(), signal.SIGKILL)

    store, stream = opened(tmp_path / "crashed", **limits), new_stream()
    run(store, stream, range(8))
    kept = snapshot(store)
    in_a_process_that_is_killed(crash)

    recovered = PendingStore.from_state(tmp_path / "crashed", *kept)
    run(recovered, stream, range(8, 20))
    assert files(tmp_path / "crashed") == files(tmp_path / "uncrashed")
    documents = [s.to_state()[0] for s in (recovered, uncrashed)]
    assert documents[0] == documents[1]
    for name, array in recovered.to_state()[1].items():
        np.testing.assert_array_equal(array, uncrashed.to_state()[1][name], strict=True)
