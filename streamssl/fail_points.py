"""Places where a process can be made to end or to freeze, so that tests can show what becomes of it.

``STREAMSSL_TEST_FAIL_POINT=commit-3-journalled`` kills the process (SIGKILL) where that point is first reached,
``...:5`` where it is reached the fifth time, ``...:5:freeze`` stops it there (SIGSTOP), a second later: what it has
handed to the client's own thread is at the broker by then. Without the variable a point costs one comparison and
does nothing.
"""

from __future__ import annotations

import os
import signal
import time

NAMES = (
    "recovery-1-fenced",
    "recovery-2-restored",
    "recovery-3-replayed",
    "round-1-polled",
    "round-2-stepped",
    "commit-1-begun",
    "commit-2-sent",
    "commit-3-journalled",
    "commit-4-offsets-sent",
    "round-3-committed",
    "snapshot-1-flushed",
    "snapshot-2-written",
    "snapshot-3-renamed",
)
"""Of the learner, in the order in which it reaches them."""
REVIEW_NAMES = ("answer-1-kept", "answer-2-committed")
"""Of the review service, around each answer."""

_chosen, _, _rest = os.environ.get("STREAMSSL_TEST_FAIL_POINT", "").partition(":")
if _chosen and _chosen not in (*NAMES, *REVIEW_NAMES):
    raise SystemExit(
        f"STREAMSSL_TEST_FAIL_POINT must name one of {', '.join((*NAMES, *REVIEW_NAMES))}; got {_chosen!r}"
    )
_left = [int(_rest.partition(":")[0] or 1)]
_signal = signal.SIGSTOP if _rest.endswith(":freeze") else signal.SIGKILL


def reach(name: str) -> None:
    """Pass on, or end here if this point was chosen and it is time."""
    if name == _chosen:
        _left[0] -= 1
        if _left[0] == 0:
            if _signal == signal.SIGSTOP:
                time.sleep(1)
            os.kill(os.getpid(), _signal)
