"""Topics of its own for each test or run: the sections of the configuration that say where they live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TOPICS = ("events", "labels", "predictions", "review_requests", "examples", "dead_letters", "journal")


def sqlite_sections(directory: Path) -> dict[str, Any]:
    """Return those of a file in a directory."""
    return {"transport": "sqlite", "sqlite": {"path": str(directory / "topics.db")}}


def kafka_sections(bootstrap: str, name: str, **settings: Any) -> dict[str, Any]:
    """Return those of topics on a broker whose names begin with ``name``."""
    return {
        "transport": "kafka",
        "kafka": {
            "bootstrap_servers": bootstrap,
            "group_id": f"{name}-group",
            "session_timeout_ms": 6_000,
            "transaction_timeout_ms": 10_000,
            **settings,
        },
        "topics": {topic: f"{name}-{topic.replace('_', '-')}" for topic in TOPICS},
    }
