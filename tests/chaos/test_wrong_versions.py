"""The directed tests find what they are made for: each wrong version of `tests.chaos.wrong` fails one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.scene import Scene, scene
from tests.chaos.test_zombies import a_neighbour_freezes_in_mid_transaction, one_sleeps_past_its_session

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def finds(play: Scene, directed: Callable[[Scene], object]) -> None:
    """Let a directed test and the check at its end fail."""
    with pytest.raises(AssertionError):  # noqa: PT012 - whichever of the two sees it
        directed(play)
        play.check()
    assert play.n_predictions() > 0, "it does work, in a way"
    assert all('"message":"recovered"' in service.log.read_text() for service in play.services)


def program(name: str) -> list[str]:
    return ["-m", "tests.chaos.wrong", name]


def patient(sections: dict[str, Any]) -> dict[str, Any]:
    """Leave a frozen process its transaction for so long that, on a slow machine too, the others act before."""
    return sections | {"kafka": sections["kafka"] | {"transaction_timeout_ms": 60_000}}


def test_a_journal_read_to_the_last_stable_offset(on_kafka: dict[str, Any], tmp_path: Path) -> None:
    wrong = program("journal-to-the-last-stable-offset")
    with scene(patient(on_kafka), tmp_path, journal_partitions=1, program=wrong) as play:
        finds(play, a_neighbour_freezes_in_mid_transaction)


def test_a_membership_that_is_asked_for_at_commit(on_kafka: dict[str, Any], tmp_path: Path) -> None:
    with scene(on_kafka, tmp_path, program=program("membership-at-commit")) as play:
        finds(play, lambda play: one_sleeps_past_its_session(play, "round-2-stepped"))


def test_events_read_uncommitted(on_kafka: dict[str, Any], tmp_path: Path) -> None:
    """The frozen worker's offsets may yet be committed: who does not wait for them predicts its events again."""
    with scene(patient(on_kafka), tmp_path, program=program("uncommitted-events")) as play:
        finds(play, lambda play: one_sleeps_past_its_session(play, "commit-4-offsets-sent"))
