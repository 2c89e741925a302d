"""What is appended is found, until it has waited long enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamssl.engine.pending import ids, index, segment
from streamssl.engine.pending.store import PendingStore, warm_up
from tests.engine.pending.stores import files, opened, snapshot

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
