"""The file in which a process beside the learner keeps what it knows."""

import os

import pytest

from streamssl.connectors.database import Database


@pytest.fixture
def no_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_nobody_else_on_the_machine_can_read_it(tmp_path, no_umask):
    """It holds events, and what people say of them, blind to each other."""
    database = Database(tmp_path / "new/x.db")
    with database.transaction():
        database.remember("a", 1)
    found = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    assert found == dict.fromkeys(("x.db", "x.db-wal", "x.db-shm"), 0o600)
    again = Database(tmp_path / "new/x.db")
    assert again.fact("a") == 1
    for each in (database, again):
        each.close()
