"""A process that stands still ends itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streamssl.runtime.watchdog import EXIT_STUCK

STUCK = """
import time
from streamssl.runtime.watchdog import Watchdog
watchdog = Watchdog({limit})
watchdog.start()
with watchdog.within({within}):
    {inside}
{after}
"""


def ended(**parts: object) -> tuple[int, str]:
    """Return how a process ended, and what it said."""
    done = subprocess.run([sys.executable, "-c", STUCK.format(**parts)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "parts",
    [
        {"limit": 0.5, "within": 60, "inside": "time.sleep(30)", "after": ""},
        {"limit": 60, "within": 0.5, "inside": "time.sleep(30)", "after": ""},
    ],
    ids=["no tick", "one thing takes too long"],
)
def test_it_ends_with_a_word(parts: dict[str, object]) -> None:
    code, said = ended(**parts)
    assert code == EXIT_STUCK
    assert "ending, so that recovery can start afresh" in said


def test_what_was_done_in_time_is_forgotten() -> None:
    assert ended(limit=60, within=1, inside="pass", after="time.sleep(3)") == (0, "")
