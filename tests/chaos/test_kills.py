"""The short form of `python -m tests.chaos`: 60 kills, at every named step, on both transports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamssl.fail_points import NAMES
from tests.chaos.kills import ordeal

ONE_ROUND = len(NAMES) + 1


@pytest.mark.timeout(900)
def test_killed_at_every_step_it_loses_nothing_and_counts_nothing_twice(
    on_sqlite: dict[str, Any], tmp_path: Path
) -> None:
    report = ordeal(on_sqlite, tmp_path, kills=ONE_ROUND + 2, seed=20_261)
    assert report.kills.total() == ONE_ROUND + 2
    assert len(report.kills.keys() & set(NAMES)) > len(NAMES) - 4, f"too few fail points: {report.kills}"


@pytest.mark.timeout(900)
def test_the_same_on_kafka(on_kafka: dict[str, Any], tmp_path: Path) -> None:
    report = ordeal(on_kafka, tmp_path, kills=ONE_ROUND + 2, seed=20_262)
    assert len(report.kills.keys() & set(NAMES)) > len(NAMES) - 4, f"too few fail points: {report.kills}"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("transport", ["on_sqlite", "on_kafka"])
def test_two_workers_killed_in_turn_agree_on_everything(
    transport: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    ordeal(request.getfixturevalue(transport), tmp_path, kills=ONE_ROUND, seed=20_263, workers=2)
