"""A configuration with embedded topics, their records, and a stand-in for Label Studio."""

import pytest

from streamssl.config import load_config
from streamssl.runtime.topics import check_topics
from streamssl.transport import connect
from tests.connectors.stand_in import StandIn


@pytest.fixture
def stand_in():
    server = StandIn()
    yield server
    server.close()


@pytest.fixture
def sections(tmp_path, stand_in):
    """Of a configuration file; plain data."""
    return {
        "sqlite": {"path": str(tmp_path / "topics.db")},
        "state": {"directory": str(tmp_path / "state")},
        "logging": {"format": "json"},
        "connectors": {
            "label_studio": {"url": stand_in.url, "project": 7, "token": stand_in.token, "poll_seconds": 0.1},
        },
    }


@pytest.fixture
def config(sections):
    loaded = load_config(None, sections)
    with_topics = connect(loaded)
    check_topics(with_topics, loaded)
    with_topics.close()
    return loaded
