"""What a mapping makes of real records is said field by field, and nothing is refused that would not be."""

import orjson
import pytest

from streamssl.checking import check_sample
from streamssl.config import Config
from streamssl.transport.base import Record


def check(value, topic="events", key=b"k", **sections):
    value = value if isinstance(value, bytes | None) else orjson.dumps(value)
    [checked] = check_sample(Config(**sections), [Record(topic, 1, 2, 0, key, value)])
    return checked


def test_an_event_part_by_part():
    checked = check({"id": "a", "time": 0, "label": 1, "features": {"x": 1}})
    assert checked.problem is None
    assert (checked.parts["id"], checked.parts["label"]) == ("a", "1")
    assert checked.parts["time"].startswith("1970-01-01T00:00:00")


@pytest.mark.parametrize("key", [b"k", None])
def test_an_id_that_the_record_does_not_name_is_pointed_out(key):
    assert "not in the record" in check({"features": {}}, key=key).parts["id"]


@pytest.mark.parametrize(
    ("value", "described"),
    [
        (1.5, "number 1.5"),
        (True, "boolean true"),
        ("red", "text 'red'"),
        ("x" * 100, f"text '{'x' * 37}...'"),
        (None, "null: missing"),
        ([1, 2.5], "list of 2 numbers"),
        (["a"], "list with something other than numbers: missing"),
    ],
)
def test_kinds_of_features(value, described):
    assert check({"features": {"f": {"g": value}}}).features == {"f.g": described}


def test_features_that_are_a_list():
    assert check({"features": [1, 2, 3]}).features == {"(list)": "list of 3 numbers"}


def test_a_label_part_by_part():
    checked = check({"event_id": "a", "label": "spam", "annotator": "eve", "confidence": 0.5}, topic="labels")
    parts = {name: checked.parts[name] for name in ("event_id", "label", "annotator", "confidence")}
    assert parts == {"event_id": "a", "label": "spam", "annotator": "eve", "confidence": "0.5"}
    assert "abstain" not in checked.parts


@pytest.mark.parametrize("value", [None, {"event_id": "k", "label": None}])
def test_a_retraction_is_said_to_be_one(value):
    checked = check(value, topic="labels")
    assert (checked.parts["event_id"], checked.parts["label"]) == ("k", "null: retracts what was said before")


def test_what_would_be_a_dead_letter_says_why():
    assert check(b"{").problem.startswith("not JSON")
    assert check({"features": 1}).problem == "features: must be an object or a list of numbers"
    assert check({"event_id": "a"}, topic="labels").problem == "label: is missing (null retracts)"


def test_each_topic_is_read_in_its_role():
    topics = {"events": ["alerts", "logins"], "labels": "votes"}
    mapping = {"topics": {"logins": {"events": {"id": "login", "features": "."}}}}
    checked = check({"login": "a", "x": 1}, topic="logins", topics=topics, mapping=mapping)
    assert (checked.parts["id"], checked.features) == ("a", {"x": "number 1"})
    assert "label" in check({"label": "x"}, topic="votes", topics=topics).parts
