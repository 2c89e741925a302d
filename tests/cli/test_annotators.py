"""What the lead sees of the annotators, as of the newest snapshot."""

import pytest

from streamssl.config import load_config
from streamssl.engine.learnt import Said
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.runtime.recovery import save_snapshot
from streamssl.runtime.snapshots import SnapshotStore


@pytest.fixture
def snapshot(config_file, tmp_path):
    """Save what two annotators have said."""
    directory = tmp_path / "state" / "worker-0"
    state = EngineState(EngineSettings.of(load_config(config_file, {})), directory / "pending")
    save = lambda: save_snapshot(state, state.sequence, SnapshotStore(directory / "snapshots"))  # noqa: E731
    save()
    state.sequence += 1
    for key in range(30):
        soft = (("ham", 0.95), ("spam", 0.05))
        answers = (("ann", "ham"), ("bob", "spam")) if key % 3 == 0 else (("ann", "ham"),)
        state.annotators.replace(key, None, Said("ham", (), soft, answers), state.class_number)
    save()


def test_everyone_and_how_far_they_agree(cli, config_file, snapshot):
    ended = cli("annotators", "--config", config_file)
    assert ended.code == 0
    everyone, pairs = [[line.split("\t") for line in table.splitlines()] for table in ended.out.split("\n\n")]
    assert everyone[0] == ["annotator", "labels", "right, estimated", "doubles", "agreed"]
    (ann, labels, right, doubles, agreed), bob = everyone[1:]
    assert (ann, labels, doubles, agreed) == ("ann", "30", "10", "100%")
    assert int(right.rstrip("%")) > 85
    assert (bob[0], bob[1], bob[3], bob[4]) == ("bob", "10", "10", "0%")
    assert pairs == [["one", "other", "doubles", "agreed"], ["ann", "bob", "10", "0%"]]


def test_one_annotator_with_their_table_of_mistakes(cli, config_file, snapshot):
    ended = cli("annotators", "bob", "--config", config_file)
    lines = [line.split("\t") for line in ended.out.splitlines()]
    assert lines[1][0] == "bob"
    assert ["class", "ham", "spam"] in lines
    [ham] = [line for line in lines if line[0] == "ham"]
    assert int(ham[2].rstrip("%")) > 50


def test_an_annotator_who_is_not_there(cli, config_file, snapshot):
    ended = cli("annotators", "anne", "--config", config_file)
    assert ended.code == 2
    assert "no annotator anne; did you mean 'ann'?; there are ann, bob" in ended.err


def test_before_anybody_has_signed_a_label(cli, config_file, snapshot):
    ended = cli("annotators", "--snapshot", "0", "--config", config_file)
    assert (ended.code, ended.out) == (0, "")
    assert "nobody has signed a label yet" in ended.err
