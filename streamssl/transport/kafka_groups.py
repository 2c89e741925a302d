"""What Kafka's coordinator knows of a group's workers: who is present, and the marks that each has left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kafka import TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import MemberToRemove
from kafka.structs import OffsetAndMetadata

from streamssl.transport.base import Membership, Positions, TransportError
from streamssl.transport.marks import marks_group, worker_of

PATIENCE = 20.0
"""Seconds for a coordinator to be found: it moves when brokers come and go, and a new cluster has none yet."""
NOTHING_TO_DO = ("UnknownMemberIdError", "GroupIdNotFoundError")


def marks_of_all(admin: Any, group_id: str) -> dict[str, Positions]:
    """Return how far each worker has given up on labels, by worker id."""
    names = [each["group_id"] for each in admin.list_groups()]
    groups = {name: worker_id for name in names if (worker_id := worker_of(group_id, name))}
    if not groups:
        return {}
    offsets = admin.list_group_offsets(dict.fromkeys(groups))
    return {
        worker_id: {(each.topic, each.partition): at.offset for each, at in offsets.get(group, {}).items()}
        for group, worker_id in groups.items()
    }


def workers(admin: Any, group_id: str) -> dict[str, Membership]:
    """Return the workers that a group remembers, by id."""
    marks = marks_of_all(admin, group_id)
    owned = _present(admin, group_id)
    return {each: Membership(owned.get(each), marks.get(each, {})) for each in sorted(marks.keys() | owned.keys())}


def dismiss(admin: Any, group_id: str, worker_id: str) -> None:
    """Take a static member out of its group at once: by itself it would stay for its session's timeout."""
    member = MemberToRemove(group_instance_id=worker_id)
    for error in _asked(lambda: admin.remove_group_members(group_id, [member])).values():
        if error is not kafka_errors.NoError and error.__name__ not in NOTHING_TO_DO:
            raise TransportError(f"dismissing {worker_id}: {error.__name__}")


def forget(admin: Any, group_id: str, worker_id: str) -> None:
    """Forget a worker's marks."""
    for said in _asked(lambda: admin.delete_groups([marks_group(group_id, worker_id)])).values():
        if said not in ("OK", *NOTHING_TO_DO):
            raise TransportError(f"forgetting {worker_id}: {said}")


def committed(admin: Any, group_id: str) -> Positions:
    """Return what a group has committed, of all topics."""
    offsets = _asked(lambda: admin.list_group_offsets({group_id: None})).get(group_id, {})
    return {(each.topic, each.partition): at.offset for each, at in offsets.items()}


def commit(admin: Any, group_id: str, positions: Positions) -> None:
    """Commit offsets for a group that nobody is in."""
    offsets = {TopicPartition(*each): OffsetAndMetadata(at, "", -1) for each, at in positions.items()}
    for error in _asked(lambda: admin.alter_group_offsets(group_id, offsets)).values():
        if error is not kafka_errors.NoError:
            raise TransportError(f"committing offsets of {group_id}: {error.__name__}")


def _asked(ask: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except kafka_errors.RetriableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _present(admin: Any, group_id: str) -> dict[str, frozenset[tuple[str, int]]]:
    described = _asked(lambda: admin.describe_groups([group_id]))[group_id]
    present = {}
    for member in described.get("members") or []:
        assigned = (member["member_assignment"] or {}).get("assigned_partitions") or []
        present[member["group_instance_id"] or member["member_id"]] = frozenset(
            (each["topic"], number) for each in assigned for number in each["partitions"]
        )
    return present
