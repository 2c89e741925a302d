"""Processes that come back from the dead, and two where there should be one.

Random kills hardly find these: each is directed, and `test_wrong_versions` shows that it finds what it is made for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamssl.runtime.service import EXIT_FAILED, EXIT_FENCED
from tests.chaos.kills import worker
from tests.chaos.scene import Scene, scene
from tests.integration.service import until


def one_sleeps_past_its_session(play: Scene, point: str) -> None:
    """Freeze the first worker at a fail point until the second has gone on without it, then let it wake."""
    first, second = play.services
    second.start()
    first.start(wait=False, fail_point=f"{point}:5:freeze")
    until(first.is_frozen, 90, "frozen")
    until(lambda: play.owned(second) == 2, 60, "all partitions with the second")
    play.has_gone_on()
    first.thaw()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "point",
    [
        pytest.param("round-2-stepped", marks=pytest.mark.long),
        "commit-3-journalled",
        "commit-4-offsets-sent",
    ],
)
def test_a_worker_that_slept_past_its_session_ends_and_nothing_it_did_is_seen(
    on_kafka: dict[str, Any], tmp_path: Path, point: str
) -> None:
    with scene(on_kafka, tmp_path) as play:
        one_sleeps_past_its_session(play, point)
        assert play.services[0].process.wait(60) in (EXIT_FAILED, EXIT_FENCED)
        said = play.services[0].log.read_text().splitlines()[-1]
        assert "committing" in said or "make way" in said
        play.check()


@pytest.mark.timeout(300)
def test_the_same_on_the_embedded_transport(on_sqlite: dict[str, Any], tmp_path: Path) -> None:
    """Frozen between two transactions: in the midst of one, SQLite lets nobody else write.

    It may live on: a batch of labels alone takes nothing from anybody.
    """
    with scene(on_sqlite, tmp_path) as play:
        one_sleeps_past_its_session(play, "round-2-stepped")
        play.check()


def a_neighbour_freezes_in_mid_transaction(play: Scene) -> None:
    """Kill the first worker behind the frozen second one, whose transaction lies open in the shared journal."""
    first, second = play.services
    first.start()
    second.start(wait=False, fail_point="commit-3-journalled:5:freeze")
    until(second.is_frozen, 90, "frozen")
    committed = first.metric("streamssl_commit_duration_seconds_count")
    until(lambda: first.metric("streamssl_commit_duration_seconds_count") > committed + 5, 30, "commits behind it")
    first.kill()
    first.start()
    second.kill()


@pytest.mark.timeout(300)
def test_what_lies_behind_a_frozen_neighbours_transaction_is_recovered(
    on_kafka: dict[str, Any], tmp_path: Path
) -> None:
    with scene(on_kafka, tmp_path, journal_partitions=1) as play:
        a_neighbour_freezes_in_mid_transaction(play)
        play.check()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("transport", ["on_sqlite", "on_kafka"])
def test_of_two_processes_with_one_id_the_later_one_stays(
    transport: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    sections = request.getfixturevalue(transport)
    with scene(sections, tmp_path, workers=1) as play:
        [first] = play.services
        first.start()
        other_machine = worker(sections, tmp_path, 0, "elsewhere").start()
        code, said = first.process.wait(60), first.log.read_text()
        # A broker that is just fencing a producer may answer its commit with "unknown error": then the outcome is
        # unknown, and the process ends for that.
        is_unknown = code == EXIT_FAILED and "UnknownError" in said
        assert is_unknown or code == EXIT_FENCED, said
        assert is_unknown or "worker worker-0 must make way for another process" in said
        play.has_gone_on()
        assert other_machine.stop() == 0
        play.check()


@pytest.mark.timeout(300)
def test_two_processes_in_one_state_directory_are_one_too_many(on_sqlite: dict[str, Any], tmp_path: Path) -> None:
    with scene(on_sqlite, tmp_path, workers=1) as play:
        [first] = play.services
        first.start()
        again = worker(on_sqlite, tmp_path, 0, "state")
        again.start(wait=False)
        assert again.process.wait(60) == EXIT_FAILED
        assert "is in use by another process: one worker id, one process" in again.log.read_text()
        play.check()
