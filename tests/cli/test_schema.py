"""Schemas are printed whole or one by one, and written as reference pages."""

from pathlib import Path

import orjson

from streamssl.config import config_reference
from streamssl.messages.records import json_schemas


def test_all_schemas(cli):
    assert orjson.loads(cli("schema").out) == json_schemas()


def test_one_schema_by_topic_or_record(cli):
    assert orjson.loads(cli("schema", "--topic", "events").out) == json_schemas()["event"]
    assert cli("schema", "--topic", "event").out == cli("schema", "--topic", "events").out


def test_pages(cli, tmp_path):
    directory = tmp_path / "docs" / "reference"
    ended = cli("schema", "--write", directory)
    assert (ended.code, ended.out) == (0, "")
    assert {page.name for page in directory.iterdir()} == {
        "configuration.md",
        *(f"{name}.json" for name in json_schemas()),
    }
    assert (directory / "configuration.md").read_text() == config_reference()
    assert orjson.loads((directory / "label.json").read_bytes()) == json_schemas()["label"]


def test_the_committed_pages_are_those_that_would_be_written(cli, tmp_path):
    committed = Path(__file__).parents[2] / "docs" / "reference"
    cli("schema", "--write", tmp_path)
    for page in tmp_path.iterdir():
        assert (committed / page.name).read_text() == page.read_text(), f"{page.name} is old: run `make docs`"
