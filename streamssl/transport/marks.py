"""Where a worker's marks are kept: as offsets of a group of its own, so that any lag tool shows them.

The brokers keep them for ``offsets.retention.minutes``, a week by default; a worker that lives renews them.
"""

from __future__ import annotations


def marks_group(group_id: str, worker_id: str) -> str:
    """Return the group that a worker's marks are offsets of.

    Examples
    --------
    >>> marks_group("streamssl", "worker-3")
    'streamssl/worker-3'
    """
    return f"{group_id}/{worker_id}"


def worker_of(group_id: str, group: str) -> str | None:
    """Return whose marks a group holds, None if it is no such group of ``group_id``.

    Examples
    --------
    >>> worker_of("streamssl", "streamssl/worker-3"), worker_of("streamssl", "streamssl")
    ('worker-3', None)
    """
    head, _, worker_id = group.rpartition("/")
    return worker_id if head == group_id else None
