"""Fixtures that all tests share."""

from __future__ import annotations

import os

import pytest

from tests.kafka_server import NoKafka, running_broker


@pytest.fixture(scope="session")
def kafka_broker():
    """Address of a real Kafka broker; without one the test is skipped, but fails in CI."""
    try:
        with running_broker() as address:
            yield address
    except NoKafka as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))
