import subprocess
import sys

import pytest

from streamssl.locks import Taken, sole_use

HOLD = """
import sys
from pathlib import Path
from streamssl.locks import sole_use
with sole_use(Path(sys.argv[1]), ""):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "folder/lock"


@pytest.fixture
def holder(lock):
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_another_process_is_waited_for_and_named(lock, holder):
    with pytest.raises(Taken, match="the cellar is taken"), sole_use(lock, "the cellar is taken", within=0.2):
        pytest.fail("two hold it")


def test_who_is_killed_holds_nothing(lock, holder):
    holder.kill()
    with sole_use(lock, "", within=5):
        pass


def test_who_has_left_holds_nothing(lock):
    for _ in range(2):
        with sole_use(lock, "", within=0):
            pass
