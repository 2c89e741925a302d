"""Fixtures of the tests that break things."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.rooms import kafka_sections, sqlite_sections


@pytest.fixture
def on_sqlite(tmp_path: Path) -> dict[str, Any]:
    """The configuration of the embedded transport."""
    return sqlite_sections(tmp_path)


@pytest.fixture
def on_kafka(tmp_path: Path, kafka_broker: str) -> dict[str, Any]:
    """The configuration of Kafka, with topics of its own."""
    return kafka_sections(kafka_broker, f"{tmp_path.name}-{uuid.uuid4().hex[:6]}")
