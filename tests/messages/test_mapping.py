"""Where the parts of the user's own JSON lie, and that no answer is left among the features."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.config import EventMapping, LabelMapping, MappingSettings, TopicMapping
from streamssl.messages.mapping import ABSENT, Mapper, compile_events, lookup, parse_path


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("a.b", {"a": {"b": 1}}, 1),
        ("a.b", {"a": 1}, ABSENT),
        ("a.b", {"a": None}, ABSENT),
        ("a.1", {"a": [5, 6]}, 6),
        ("a.2", {"a": [5, 6]}, ABSENT),
        ("a.-1", {"a": [5, 6]}, ABSENT),
        ("a.0", {"a": {"0": 7}}, 7),
        ("a", {"a": None}, None),
    ],
)
def test_lookups(path, value, found):
    result = lookup(parse_path(path))(value)
    assert result is found if found is ABSENT else result == found


@given(st.lists(st.text(st.characters(exclude_characters="\\"), min_size=1), min_size=1, max_size=4))
def test_escaped_names_are_found_again(names):
    path = ".".join(name.replace(".", r"\.") for name in names)
    assert parse_path(path) == tuple(names)


def features(record, **mapping):
    compiled = compile_events(EventMapping(**mapping))
    found = compiled.features(record)
    return found if compiled.select is None else compiled.select(found)


def test_nothing_is_copied_where_nothing_is_taken_out():
    record = {"id": "a", "features": {"x": 1}}
    assert features(record) is record["features"]


@pytest.mark.parametrize(
    ("label", "record"),
    [
        ("v", {"v": 1}),
        ("a.v", {"a": {"v": 1}}),
        ("v.0", {"v": [1, 2]}),
        ("v.0.final", {"v": [{"final": 1, "by": "eve"}]}),
        ("a.v.1", {"a": {"v": [0, 1]}}),
        (r"a\.v", {"a.v": 1}),
    ],
)
def test_a_label_is_never_a_feature_wherever_it_lies(label, record):
    assert features(record | {"x": 5}, features=".", label=label) == {"x": 5}


def test_what_lies_beside_a_nested_label_stays():
    assert features({"a": {"v": 1, "w": 2}}, features=".", label="a.v") == {"a": {"w": 2}}


def test_a_list_that_holds_the_label_is_no_features():
    assert features({"f": [1, 2, 3]}, features="f", label="f.2") == []
    assert features({"f": [1, 2, 3]}, features="f") == [1, 2, 3]


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        ({"include": ("net",)}, {"net": {"in": 1, "out": 2}}),
        ({"include": ("net.*",)}, {"net": {"in": 1, "out": 2}}),
        ({"include": ("*.in",)}, {"net": {"in": 1}}),
        ({"exclude": ("net",)}, {"x": 3}),
        ({"include": ("net*",), "exclude": ("*.out",)}, {"net": {"in": 1}}),
        ({"include": ()}, {}),
        ({"include": ("N*",)}, {}),
    ],
)
def test_patterns(patterns, kept):
    assert features({"features": {"net": {"in": 1, "out": 2}, "x": 3}}, **patterns) == kept


def test_a_topic_may_have_a_mapping_of_its_own():
    mapper = Mapper(
        MappingSettings(
            events=EventMapping(id="uid"),
            labels=LabelMapping(label="verdict"),
            topics={
                "logins": TopicMapping(events=EventMapping(id="login")),
                "votes": TopicMapping(labels=LabelMapping(label="vote")),
            },
        )
    )
    record = {"id": 0, "uid": 1, "login": 2, "verdict": 3, "vote": 4}
    assert (mapper.events("alerts").id(record), mapper.events("logins").id(record)) == (1, 2)
    assert (mapper.labels("labels").label(record), mapper.labels("votes").label(record)) == (3, 4)


def test_features_that_a_label_brings_are_chosen_as_those_of_events():
    mapper = Mapper(
        MappingSettings(
            events=EventMapping(label="features.verdict", exclude=("*_by",)),
            topics={"votes": TopicMapping(labels=LabelMapping())},
        )
    )
    brought = {"x": 1, "closed_by": "eve", "verdict": "FP"}
    for topic in ("labels", "votes"):
        assert mapper.labels(topic).select(brought) == {"x": 1}
