from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.engine.pending.segment import BLOCK, Layout, PendingDamaged, Segment
from streamssl.learners.mixture import EXPERT_NAMES, Mixture


@given(st.integers(0, 5_000), st.integers(0, 200), st.integers(1, 24))
def test_an_event_keeps_to_its_budget_on_disk(d: int, k: int, e: int) -> None:
    layout = Layout(d, k, e)
    checkpoints = 2 * 4 * d / layout.stride
    assert layout.record.itemsize + checkpoints <= 4 * d + 24 * k + 64 or k == 0
    assert layout.record.itemsize + checkpoints <= 4 * d + e * k + 64


def test_all_experts_fit_the_budget() -> None:
    assert len(EXPERT_NAMES) <= 24


def filled(directory: Path, n: int) -> Segment:
    random = np.random.default_rng(0)
    layout = Layout(3, 2, 1)
    segment = Segment(directory, 0, layout)
    segment.create()
    events = np.zeros(n, layout.record)
    events["row"] = random.normal(size=(n, layout.n_features))
    events["id_begin"] = np.arange(n)
    events["id_length"] = 1
    contexts = random.normal(size=(n, 2, layout.n_features)).astype(np.float32)
    segment.append(events, contexts, b"x" * n)
    return segment


def reopened(segment: Segment, directory: Path) -> Segment:
    return Segment(directory, segment.first, segment.layout, segment.rows, segment.id_bytes)


@pytest.mark.parametrize("suffix", [".events", ".contexts", ".ids"])
@pytest.mark.parametrize("where", [0, 0.6, 0.999])
def test_one_changed_bit_is_noticed(tmp_path: Path, suffix: str, where: float) -> None:
    segment = filled(tmp_path, BLOCK + 100)
    expected = segment.checksums()
    again = reopened(segment, tmp_path)
    again.check(expected)

    path = next(path for path in segment.paths if path.suffix == suffix)
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= 1
    path.write_bytes(content)
    again = reopened(segment, tmp_path)
    block = r"0 to 4095" if where < 0.9 else r"4096 to 4195"
    with pytest.raises(PendingDamaged, match=rf"0000000000000000\.events.*events {block} differ"):
        again.check(expected)


@pytest.mark.parametrize("suffix", [".events", ".contexts", ".ids"])
def test_a_missing_or_short_file_is_named(tmp_path: Path, suffix: str) -> None:
    segment = filled(tmp_path, 100)
    expected = segment.checksums()
    path = next(path for path in segment.paths if path.suffix == suffix)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PendingDamaged, match=rf"{suffix}: has \d+ bytes; the snapshot counts on \d+"):
        reopened(segment, tmp_path).check(expected)
    path.unlink()
    with pytest.raises(PendingDamaged, match=rf"{suffix}: is missing"):
        reopened(segment, tmp_path).check(expected)


@pytest.mark.parametrize("d", [1, 20, 200])
def test_recomputed_context_is_the_learners_to_the_last_bit(tmp_path: Path, d: int) -> None:
    rows = np.random.default_rng(1).normal(10, 3, size=(300, d)).astype(np.float32)
    learner = Mixture(d, 2, seed=0)
    memory = learner.process(rows)
    layout = Layout(d, 2, memory.experts.shape[1])
    segment = Segment(tmp_path, 0, layout)
    segment.create()
    for begin, end in ((0, 1), (1, 70), (70, 128), (128, 300)):
        events = np.zeros(end - begin, layout.record)
        events["row"] = rows[begin:end]
        segment.append(events, memory.context[begin:end], b"")
    for row in range(300):
        event, context = segment.read_with_context(row)
        np.testing.assert_array_equal(event.row, rows[row], strict=True)
        np.testing.assert_array_equal(context, memory.context[row], strict=True)
