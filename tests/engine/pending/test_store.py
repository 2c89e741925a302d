from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from streamssl.engine.pending import ids, index, segment
from streamssl.engine.pending.segment import Layout, Segment
from streamssl.engine.pending.store import PendingDamaged, PendingStore, warm_up

FOR_EVER = 10**12


def opened(
    directory: Path, capacity: int = 10**9, max_age_ms: int = FOR_EVER, segment_rows: int = 100
) -> PendingStore:
    return PendingStore(directory, capacity=capacity, max_age_ms=max_age_ms, segment_rows=segment_rows)


def snapshot(store: PendingStore) -> tuple[dict[str, Any], dict[str, Any]]:
    store.flush()
    return store.to_state()


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


# --- append and find ---------------------------------------------------------------------------------------


def test_finds_what_was_appended(tmp_path: Path, stream: Any, assert_same: Any) -> None:
    store = opened(tmp_path)
    blocks = [stream.block(n) for n in (1, 99, 150, 1, 249)]
    firsts = [block.append_to(store) for block in blocks]
    assert firsts == [0, 1, 100, 250, 251]
    for first, block in zip(firsts, blocks, strict=True):
        for i, event_id in enumerate(block.ids):
            found = store.find(event_id)
            assert_same(found, block, i)
            assert found.sequence == first + i
    assert store.find("event-500") is None
    assert len(store) == store.next_sequence == 500


def test_what_is_found_is_a_copy(tmp_path: Path, stream: Any, assert_same: Any) -> None:
    store = opened(tmp_path)
    block = stream.block(3)
    block.append_to(store)
    found = store.find("event-2")
    for array in (found.row, found.experts, found.context):
        array[:] = 77
    assert_same(store.find("event-2"), block, 2)


@pytest.mark.parametrize(("d", "k"), [(0, 0), (0, 3), (4, 0), (1, 1), (130, 7)])
def test_any_width(tmp_path: Path, stream: Any, assert_same: Any, d: int, k: int) -> None:
    store = opened(tmp_path)
    block = stream.block(230, d=d, k=k)
    block.append_to(store)
    document, arrays = snapshot(store)
    for again in (store, PendingStore.from_state(tmp_path, document, arrays)):
        for i in (0, 63, 64, 128, 129, 229):
            assert_same(again.find(block.ids[i]), block, i)


def test_events_that_become_wider_begin_a_segment(tmp_path: Path, stream: Any, assert_same: Any) -> None:
    store = opened(tmp_path)
    blocks = [stream.block(70, d=3, k=1), stream.block(70, d=3, k=2), stream.block(70, d=8, k=2)]
    for block in blocks:
        block.append_to(store)
    for block in blocks:
        for i in range(70):
            assert_same(store.find(block.ids[i]), block, i)
    assert sorted(path.name for path in tmp_path.glob("*.pending")) == [
        "0000000000000000.pending",
        "0000000000000070.pending",
        "0000000000000140.pending",
    ]


def test_of_equal_ids_the_newest_is_found(tmp_path: Path, stream: Any, assert_same: Any) -> None:
    store = opened(tmp_path, capacity=2)
    block = stream.block(4, ids=["a", "b", "a", "c"])
    block.append_to(store)
    assert_same(store.find("a"), block, 2)
    store.expire(stream.now)
    assert_same(store.find("a"), block, 2)
    assert store.find("b") is None
    stream.block(2).append_to(store)
    store.expire(stream.now)
    assert store.find("a") is None


def test_equal_hashes_are_told_apart_by_the_full_ids(
    tmp_path: Path, stream: Any, assert_same: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "streamssl.engine.pending.ids.hash_ids", lambda _text, begins: np.full(len(begins) - 1, 7, dtype=np.uint64)
    )
    store = opened(tmp_path, capacity=3)
    block = stream.block(5)
    block.append_to(store)
    store.expire(stream.now)
    assert_same(store.find("event-3"), block, 3)
    assert store.find("event-1") is None
    assert store.contains(["event-0", "event-2", "event-5"]).tolist() == [False, True, False]


def test_contains(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path, capacity=5)
    stream.block(8).append_to(store)
    store.expire(stream.now)
    assert store.contains(["event-2", "event-3", "event-7", "event-8"]).tolist() == [False, True, True, False]
    assert store.contains([]).tolist() == []


def test_an_id_that_is_too_long_is_refused(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path)
    with pytest.raises(ValueError, match="event id"):
        stream.block(2, ids=["a", "x" * 1_025]).append_to(store)
    assert len(store) == 0


def test_nothing_is_left_to_compile_after_warming_up(tmp_path: Path, stream: Any) -> None:
    def compiled() -> list[int]:
        kernels = [*vars(index).values(), *vars(ids).values(), *vars(segment).values()]
        return [len(kernel.signatures) for kernel in kernels if hasattr(kernel, "signatures")]

    warm_up()
    before = compiled()
    assert any(before)
    store = opened(tmp_path, capacity=4_000)
    for _ in range(3):
        stream.block(3_000).append_to(store)
        store.find("event-2999")
        store.contains(["event-1", "event-x"])
        store.expire(stream.now)
    PendingStore.from_state(tmp_path, *snapshot(store))
    assert compiled() == before


# --- expire ------------------------------------------------------------------------------------------------


def test_capacity_is_exact(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path, capacity=150)
    for _ in range(5):
        stream.block(70).append_to(store)
    assert store.expire(stream.now) == 200
    assert store.expire(stream.now) == 0
    assert (store.first, len(store)) == (200, 150)
    assert store.find("event-199") is None
    assert store.find("event-200") is not None


def test_age_is_exact(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path, max_age_ms=1_000)
    for _ in range(3):
        stream.block(100, step_ms=10).append_to(store)
    # The i-th event arrived at 10 (i + 1) ms; one that has waited for the whole second is dropped.
    assert store.expire(1_009) == 0
    assert store.expire(1_010) == 1
    assert store.expire(2_999) == 198
    assert store.first == 199
    assert store.expire(4_000) == 101
    assert (len(store), store.find("event-299")) == (0, None)


def test_an_event_leaves_after_all_that_came_before_it(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path, max_age_ms=1_000)
    block = stream.block(3)
    block.arrivals[:] = [500, 5_000, 600]
    block.append_to(store)
    assert store.expire(5_500) == 1
    assert store.find("event-2") is not None
    assert store.expire(6_000) == 2


def test_files_go_only_when_released(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path, capacity=100)
    for _ in range(4):
        stream.block(100).append_to(store)
    old = snapshot(store)[0]
    store.expire(stream.now)
    before = files(tmp_path)
    new = snapshot(store)[0]
    store.release(old)
    assert files(tmp_path) == before
    store.release(new)
    assert sorted(path.stem for path in tmp_path.glob("*.pending")) == ["0000000000000300"]
    assert store.find("event-300") is not None


def test_disk_and_memory_stay_bounded_at_capacity(tmp_path: Path, stream: Any) -> None:
    store = opened(tmp_path, capacity=1_000, segment_rows=250)
    disk, memory = [], []
    for _ in range(60):
        stream.block(250).append_to(store)
        store.expire(stream.now)
        store.release(snapshot(store)[0])
        disk.append(store.bytes_on_disk)
        memory.append(store.bytes_in_memory)
        assert store.bytes_on_disk == sum(512 * path.stat().st_blocks for path in tmp_path.iterdir())
    per_event = 4 * 5 + 3 * 2 + 64 + len("event-12345")
    assert max(disk) <= 6 * (250 * per_event + 2 * 4_096)
    assert memory[-1] == memory[10]


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


# --- against a model ---------------------------------------------------------------------------------------


class StoreAgainstList(RuleBasedStateMachine):
    """A list of events stands in for the store; a crash goes back to a snapshot and replays what came after it."""

    new_stream: Any
    assert_same: Any

    @initialize(capacity=st.integers(1, 120), max_age_ms=st.integers(1, 2_000))
    def begin(self, capacity: int, max_age_ms: int) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.store = opened(Path(self.directory.name), capacity, max_age_ms, segment_rows=16)
        self.stream = self.new_stream()
        self.width = 1
        self.events: list[tuple[Any, int]] = []
        self.first = 0
        self.done: list[Callable[[PendingStore], object]] = []
        self.snapshots = [(snapshot(self.store), 0)]

    def do(self, action: Callable[[PendingStore], object]) -> None:
        action(self.store)
        self.done.append(action)

    @rule(names=st.lists(st.integers(0, 60), min_size=1, max_size=40), wider=st.sampled_from([0, 0, 0, 1]))
    def append(self, names: list[int], wider: int) -> None:
        self.width += wider
        block = self.stream.block(len(names), d=self.width, ids=[f"id-{name}" for name in names])
        self.do(block.append_to)
        self.events += [(block, i) for i in range(len(names))]

    @rule(wait_ms=st.integers(0, 500))
    def expire(self, wait_ms: int) -> None:
        now = self.stream.now + wait_ms
        self.do(lambda store: store.expire(now))
        for block, i in self.events[self.first :]:
            over = len(self.events) - self.first > self.store.capacity
            if not over and block.arrivals[i] > now - self.store.max_age_ms:
                break
            self.first += 1

    @rule()
    def take_snapshot(self) -> None:
        self.snapshots = [*self.snapshots[-1:], (snapshot(self.store), len(self.done))]
        oldest, _ = self.snapshots[0]
        self.store.release(oldest[0])

    @rule(back=st.integers(0, 1))
    def crash(self, back: int) -> None:
        state, done = self.snapshots[max(-len(self.snapshots), -1 - back)]
        self.store = PendingStore.from_state(self.store.directory, *state)
        for action in self.done[done:]:
            action(self.store)

    @invariant()
    def finds_the_newest_of_each_id(self) -> None:
        assert (self.store.first, self.store.next_sequence) == (self.first, len(self.events))
        newest: dict[str, int] = {}
        for sequence in range(self.first, len(self.events)):
            block, i = self.events[sequence]
            newest[block.ids[i]] = sequence
        for event_id in [f"id-{name}" for name in range(61)]:
            found = self.store.find(event_id)
            if event_id in newest:
                assert found is not None
                assert found.sequence == newest[event_id]
                self.assert_same(found, *self.events[found.sequence])
            else:
                assert found is None

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.directory.cleanup()


def test_store_against_list(new_stream: Any, assert_same: Any) -> None:
    machine = type(
        "Machine", (StoreAgainstList,), {"new_stream": new_stream, "assert_same": staticmethod(assert_same)}
    )
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=20, deadline=None))
