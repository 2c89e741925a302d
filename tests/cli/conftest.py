"""The command line in this process, and a configuration on the embedded transport."""

from typing import NamedTuple

import pytest
import yaml

from streamssl.cli import main
from streamssl.config import load_config


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys):
    """Run one command line as ``streamssl`` would; standard output is a pipe."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        capture = capsys.readouterr()
        return Ended(ended.value.code or 0, capture.out, capture.err)

    return run


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "config.yaml"
    settings = {
        "sqlite": {"path": str(tmp_path / "topics.db")},
        "state": {"directory": str(tmp_path / "state")},
        "metrics": {"port": 0},
    }
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture
def transport(config_file):
    """Where the topics of `config_file` live."""
    from streamssl.transport import connect

    connected = connect(load_config(config_file, {}))
    yield connected
    connected.close()


@pytest.fixture
def read(transport):
    """Return all records of a topic."""

    def read_topic(topic):
        records = []
        with transport.reader([topic]) as reader:
            while not reader.at_end():
                records += reader.poll()
        return records

    return read_topic
