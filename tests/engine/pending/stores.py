"""Stores as the tests open them, and what they leave on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamssl.engine.pending.store import PendingStore

FOR_EVER = 10**12


def opened(
    directory: Path, capacity: int = 10**9, max_age_ms: int = FOR_EVER, segment_rows: int = 100
) -> PendingStore:
    return PendingStore(directory, capacity=capacity, max_age_ms=max_age_ms, segment_rows=segment_rows)


def snapshot(store: PendingStore) -> tuple[dict[str, Any], dict[str, Any]]:
    store.flush()
    return store.to_state()


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}
