"""The published schemas are whole: every field is described, and nothing points nowhere."""

import pytest

from streamssl.messages.records import LARGEST, RECORDS, json_schemas

SCHEMAS = json_schemas()


def objects(schema):
    """Yield every object schema: the record's and those that it refers to."""
    yield schema
    yield from schema.get("$defs", {}).values()


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_is_described(name):
    for schema in objects(SCHEMAS[name]):
        assert schema["description"]
        for field, rules in schema["properties"].items():
            assert rules.get("description", "").endswith("."), (schema["title"], field)


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest.mark.parametrize("name", RECORDS)
def test_every_reference_leads_somewhere(name):
    for reference in references(SCHEMAS[name]):
        assert reference.removeprefix("#/$defs/") in SCHEMAS[name]["$defs"]


def test_names_on_the_wire():
    assert "not" in SCHEMAS["label"]["properties"]
    assert SCHEMAS["event"]["required"] == ["features"]
    assert SCHEMAS["label"]["required"] == ["event_id"]
    assert SCHEMAS["example"]["properties"]["features"]["additionalProperties"]["maximum"] == LARGEST


def test_further_fields_are_ignored():
    assert RECORDS["event"].model_validate({"features": {}, "more": 1}).model_extra is None
    assert all(schema.get("additionalProperties") is not False for schema in SCHEMAS.values())
