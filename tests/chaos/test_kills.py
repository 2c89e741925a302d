from __future__ import annotations

from typing import Any

import pytest

from streamssl.fail_points import NAMES
from tests.chaos.kills import ordeal

KILLS = 2 * (len(NAMES) + 1)


@pytest.fixture
def sections(tmp_path: Any) -> dict[str, Any]:
    """The configuration of the embedded transport."""
    return {"transport": "sqlite", "sqlite": {"path": str(tmp_path / "topics.db")}}


@pytest.mark.timeout(900)
def test_killed_at_every_step_it_loses_nothing_and_counts_nothing_twice(
    sections: dict[str, Any], tmp_path: Any
) -> None:
    report = ordeal(sections, tmp_path, kills=KILLS, seed=20_261)
    assert report.kills.total() == KILLS
    assert len(report.kills) > len(NAMES) - 2, f"too few fail points were reached: {report.kills}"
    print(report)
