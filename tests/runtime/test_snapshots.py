"""A snapshot is there whole or not at all, and a damaged one is refused."""

import numpy as np
import pytest

from streamssl.runtime.snapshots import FORMAT, Snapshot, SnapshotDamaged, SnapshotStore


def snapshot(sequence=7):
    arrays = {
        "learner.weights": np.arange(12, dtype=np.float32).reshape(3, 4),
        "empty": np.zeros((0, 4), dtype=np.int64),
        "scalar": np.array(3.5),
    }
    return Snapshot(sequence, 99, {"classes": ["ham", "späm"], "counts": [["events", "predicted", 5]]}, arrays)


def test_what_is_saved_is_loaded(tmp_path):
    store = SnapshotStore(tmp_path / "snapshots")
    loaded = store.load(store.save(snapshot()))
    assert loaded[:3] == snapshot()[:3]
    for name, array in snapshot().arrays.items():
        np.testing.assert_array_equal(loaded.arrays[name], array)
        assert loaded.arrays[name].dtype == array.dtype


def test_the_last_few_are_kept(tmp_path):
    store = SnapshotStore(tmp_path, keep=2)
    for sequence in (1, 2, 10):
        store.save(snapshot(sequence))
    assert [int(name) for name in store.names()] == [2, 10]


def test_saving_the_same_sequence_again_replaces_it(tmp_path):
    store = SnapshotStore(tmp_path)
    store.save(snapshot())
    store.save(snapshot()._replace(journal_position=100))
    assert store.load(store.names()[-1]).journal_position == 100


def test_an_unfinished_one_is_not_seen(tmp_path):
    store = SnapshotStore(tmp_path)
    (tmp_path / "000000000009.unfinished").mkdir()
    assert store.names() == []
    assert store.age_seconds() == float("inf")


@pytest.mark.parametrize("name", ["arrays.npz", "manifest.json"])
def test_any_flipped_bit_is_found(tmp_path, name):
    store = SnapshotStore(tmp_path)
    saved = store.save(snapshot())
    path = tmp_path / saved / name
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    undetected = 0
    for position in rng.integers(0, len(whole), 200):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            loaded = store.load(saved)
        except SnapshotDamaged:
            continue
        undetected += 1
        assert loaded[:3] == snapshot()[:3], "what is accepted must be what was written"
        for array, expected in zip(loaded.arrays.values(), snapshot().arrays.values(), strict=True):
            np.testing.assert_array_equal(array, expected)
    assert undetected < 150, "most bits of the file carry state or its frame"


@pytest.mark.parametrize("name", ["arrays.npz", "manifest.json"])
def test_a_truncated_or_missing_file_is_refused_by_name(tmp_path, name):
    store = SnapshotStore(tmp_path)
    saved = store.save(snapshot())
    path = tmp_path / saved / name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SnapshotDamaged, match=name):
        store.load(saved)
    path.unlink()
    with pytest.raises(SnapshotDamaged, match=name):
        store.load(saved)


def test_another_format_is_refused(tmp_path):
    store = SnapshotStore(tmp_path)
    saved = store.save(snapshot())
    path = tmp_path / saved / "manifest.json"
    path.write_text(path.read_text().replace(f'"format": {FORMAT}', '"format": 0'))
    with pytest.raises(SnapshotDamaged, match=f"format 0; this version reads format {FORMAT}"):
        store.load(saved)
