"""What a worker has on disk: listed, inspected, compared; damage is said and not hidden."""

import numpy as np
import pytest

from streamssl.config import load_config
from streamssl.engine.batch import Batch
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.engine.step import step
from streamssl.runtime.recovery import save_snapshot
from streamssl.runtime.snapshots import SnapshotStore
from streamssl.transport.base import Record


def events(first, count):
    return [
        Record("events", 0, first + n, 1_000 * (first + n), None, b'{"features": {"x": %d}}' % n)
        for n in range(count)
    ]


@pytest.fixture
def store(config_file, tmp_path):
    """Two snapshots, ten events apart."""
    directory = tmp_path / "state" / "worker-0"
    store = SnapshotStore(directory / "snapshots")
    state = EngineState(EngineSettings.of(load_config(config_file, {})), directory / "pending")
    for first in (0, 10):
        step(state, Batch(events(first, 10), 10**6, 0))
        save_snapshot(state, state.sequence, store)
    return store


def test_list(cli, config_file, store):
    ended = cli("snapshots", "list", "--config", config_file)
    heading, *rows = [line.split("\t") for line in ended.out.splitlines()]
    assert heading == ["name", "batches", "journal position", "age", "size", "state"]
    assert [(row[0], row[1], row[-1]) for row in rows] == [(name, str(int(name)), "ok") for name in store.names()]


def test_a_damaged_one_is_listed_with_the_reason(cli, config_file, store):
    arrays = store.directory / store.names()[0] / "arrays.npz"
    arrays.write_bytes(arrays.read_bytes()[:-100])
    lines = cli("snapshots", "list", "--config", config_file).out.splitlines()
    assert "damaged: " in lines[1]
    assert lines[2].endswith("ok")
    ended = cli("snapshots", "inspect", store.names()[0], "--config", config_file)
    assert ended.code == 2
    assert "is damaged" in ended.err


def test_inspect(cli, config_file, store):
    ended = cli("snapshots", "inspect", "--config", config_file)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert "events predicted\t20" in lines
    assert "events\t0\t20" in lines
    assert "x\tnumber\t1\t20\t0.0%\t4.5" in lines
    assert any(line.startswith("learner.") for line in lines)
    assert "settings:" in lines
    assert cli("snapshots", "inspect", store.names()[-1].lstrip("0"), "--config", config_file).out == ended.out


def test_diff(cli, config_file, store):
    a, b = store.names()
    lines = cli("snapshots", "diff", a, b, "--config", config_file).out.splitlines()
    assert f"what\t{a}\t{b}" in lines
    assert "events predicted\t10\t20" in lines
    assert any(line.startswith("learner.") and " values, by up to " in line for line in lines)


def test_diff_of_the_same(cli, config_file, store):
    ended = cli("snapshots", "diff", "latest", store.names()[-1], "--config", config_file)
    assert (ended.code, ended.out) == (0, "")
    assert "hold the same" in ended.err


def test_a_name_that_is_not_there(cli, config_file, store):
    ended = cli("snapshots", "inspect", "77", "--config", config_file)
    assert ended.code == 2
    assert f"no snapshot 77 in {store.directory}" in ended.err
    assert store.names()[0] in ended.err


def test_a_worker_that_never_ran(cli, config_file):
    ended = cli("snapshots", "list", "--config", config_file)
    assert ended.code == 2
    assert "has worker worker-0 ever run here?" in ended.err


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (np.zeros(3), np.array([0.0, 2.0, 0.0]), "1 of 3 values, by up to 2"),
        (np.zeros(3), np.zeros((2, 2)), "float64 3 became float64 2 x 2"),
        (np.zeros(3), None, "only in the first"),
        (np.zeros(3), np.zeros(3), ""),
    ],
)
def test_differences_of_arrays(a, b, said):
    from streamssl.cli.snapshots import _difference

    assert _difference(a, b) == said
