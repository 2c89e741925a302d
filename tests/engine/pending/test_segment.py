from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.engine.pending.segment import BLOCK, Layout, PendingDamaged, Segment
from streamssl.learners.mixture import Mixture
from streamssl.learners.panel import PRESETS


@given(st.integers(0, 5_000), st.integers(0, 200), st.integers(1, 23))
def test_an_event_keeps_to_its_budget_on_disk(d: int, k: int, e: int) -> None:
    layout = Layout(d, k, e)
    checkpoints = 2 * 4 * d / layout.stride
    assert layout.record.itemsize + checkpoints <= 4 * d + 24 * k + 64 or k == 0
    assert layout.record.itemsize + checkpoints <= 4 * d + e * k + 72


def test_the_experts_leave_room_for_the_position_in_the_budget() -> None:
    assert all(len(names) < 24 for names in PRESETS.values())


def filled(directory: Path, n: int) -> Segment:
    random = np.random.default_rng(0)
    layout = Layout(3, 2, 1)
    segment = Segment(directory, 0, layout, n)
    segment.create()
    events = np.zeros(n, layout.record)
    events["row"] = random.normal(size=(n, layout.n_features))
    events["id_begin"] = np.arange(n)
    events["id_length"] = 1
    contexts = random.normal(size=(n, 2, layout.n_features)).astype(np.float32)
    segment.append(events, contexts, b"x" * n)
    return segment


def reopened(segment: Segment, directory: Path) -> Segment:
    return Segment(directory, segment.first, segment.layout, segment.rows, segment.rows, segment.id_bytes)


@pytest.mark.parametrize("part", ["events", "contexts", "ids"])
@pytest.mark.parametrize("where", [0, 0.6, 0.999])
def test_one_changed_bit_is_noticed(tmp_path: Path, part: str, where: float) -> None:
    n = BLOCK + 100
    segment = filled(tmp_path, n)
    expected = segment.checksums()
    reopened(segment, tmp_path).check(expected)

    content = bytearray(segment.path.read_bytes())
    contexts_at, ids_at = n * segment.layout.record.itemsize, len(content) - n
    begin, end = {"events": (0, contexts_at), "contexts": (contexts_at, ids_at), "ids": (ids_at, len(content))}[
        part
    ]
    content[int(begin + where * (end - begin))] ^= 1
    segment.path.write_bytes(content)
    block = r"0 to 4095" if where < 0.9 else r"4096 to 4195"
    with pytest.raises(PendingDamaged, match=rf"0000000000000000\.pending: events {block} differ"):
        reopened(segment, tmp_path).check(expected)


def test_a_missing_or_short_file_is_named(tmp_path: Path) -> None:
    segment = filled(tmp_path, 100)
    expected = segment.checksums()
    segment.path.write_bytes(segment.path.read_bytes()[:-1])
    with pytest.raises(PendingDamaged, match=r"0\.pending: has \d+ bytes; the snapshot counts on \d+"):
        reopened(segment, tmp_path).check(expected)
    segment.path.unlink()
    with pytest.raises(PendingDamaged, match=r"0\.pending: is missing"):
        reopened(segment, tmp_path).check(expected)


def test_room_that_is_not_used_takes_no_space(tmp_path: Path) -> None:
    segment = Segment(tmp_path, 0, Layout(10, 1, 1), capacity=100_000)
    segment.create()
    events = np.zeros(10, segment.layout.record)
    segment.append(events, np.zeros((10, 2, 10), np.float32), b"x" * 10)
    assert segment.path.stat().st_size > 100_000 * events.itemsize
    assert segment.bytes_on_disk < 100_000


@pytest.mark.parametrize("d", [1, 20, 200])
def test_recomputed_context_is_the_learners_to_the_last_bit(tmp_path: Path, d: int) -> None:
    rows = np.random.default_rng(1).normal(10, 3, size=(300, d)).astype(np.float32)
    learner = Mixture(d, 2, seed=0)
    memory = learner.process(rows)
    layout = Layout(d, 2, memory.experts.shape[1])
    segment = Segment(tmp_path, 0, layout, 500)
    segment.create()
    for begin, end in ((0, 1), (1, 70), (70, 128), (128, 300)):
        events = np.zeros(end - begin, layout.record)
        events["row"] = rows[begin:end]
        segment.append(events, memory.context[begin:end], b"")
    for row in range(300):
        _, event, context = segment.read_one(row)
        np.testing.assert_array_equal(event.row, rows[row], strict=True)
        np.testing.assert_array_equal(context, memory.context[row], strict=True)
