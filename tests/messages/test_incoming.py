"""The door: every record is an event or a label, or it is refused with the field's name."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamssl.config import MappingSettings
from streamssl.messages import Event, Invalid, Label, decode_event, decode_label
from streamssl.messages.mapping import Mapper
from streamssl.messages.records import EventRecord, LabelRecord
from streamssl.transport.base import Record

PLAIN = Mapper(MappingSettings())


def record(value, topic="events", key=b"key", headers=(), timestamp=1_700_000_000_000):
    value = value if isinstance(value, bytes | None) else orjson.dumps(value)
    return Record(topic, 3, 14, timestamp, key, value, headers)


def event(value, mapper=PLAIN, **more):
    return decode_event(record(value, **more), mapper)


def label(value, mapper=PLAIN, **more):
    return decode_label(record(value, topic="labels", **more), mapper)


def mapped(**sections):
    return Mapper(MappingSettings(**sections))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
RECORD_LIKE = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("id", "time", "features", "label", "event_id", "not", "abstain", "confidence", "request_id"), JSON
    ),
)


@given(st.binary(max_size=200) | st.builds(lambda v: str(v).encode(), JSON))
def test_any_bytes_are_an_event_or_refused(value):
    for decode in (event, label):
        try:
            decode(value)
        except Invalid as error:
            assert error.stage == "decode"


@given(RECORD_LIKE)
def test_any_json_is_an_event_a_label_or_refused(value):
    text = orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_SUBCLASS, default=str) if _plain(value) else None
    if text is None:
        return
    for decode, kind in ((event, Event), (label, Label)):
        try:
            assert isinstance(decode(text), kind)
        except Invalid as error:
            assert str(error)


def _plain(value):
    try:
        orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        return False
    return True


@given(RECORD_LIKE.filter(_plain))
def test_what_the_door_lets_in_fits_the_published_model(value):
    """The schema that users are given is not stricter than the door."""
    for decode, model in ((event, EventRecord), (label, LabelRecord)):
        try:
            decode(orjson.dumps(value), key=b"k")
        except Invalid:
            continue
        parsed = orjson.loads(orjson.dumps(value))
        if model is LabelRecord and parsed.get("event_id") is None:
            continue  # the door falls back on the key
        model.model_validate(parsed)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (b"", "not JSON"),
        (None, "without a value"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'"text"', "must be a JSON object, not text"),
        (b'{"features": {"x": NaN}}', "not JSON"),
        (b'{"features": {"x": 1e999}}', "not JSON"),
        (b'{"features": {"x": "\\ud800"}}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"features": ' + b'{"a":' * 50 + b"1" + b"}" * 51, "features: is nested more than 32 deep"),
        (b'{"features": {"x": ' + b"[" * 300 + b"]" * 300 + b"}}", "features: is nested more than 32 deep"),
        (b'{"features": ' + b"[" * 300 + b"]" * 300 + b"}", "features: is nested more than 32 deep"),
        (b'{"features": {"x": [' + b'{"a":[' * 200 + b"1" + b"]}" * 200 + b"]}}", "features: is nested more than"),
        (b'{"features": {"x": ' + b"1" * 400 + b"}}", "not JSON: number is infinity"),
        ({"id": "a"}, "features: must be an object or a list"),
        ({"id": "a", "features": "x"}, "features: must be an object or a list"),
        ({"id": 1.5, "features": {}}, "id: must be text or a whole number, not a number"),
        ({"id": "", "features": {}}, "id: must be text or a whole number, not empty"),
        ({"id": True, "features": {}}, "id: must be text"),
        ({"id": "x" * 10_000, "features": {}}, "id: is longer than 1,024 bytes"),
        ({"id": "ä" * 600, "features": {}}, "id: is longer than 1,024 bytes"),
        ({"id": "a", "features": {}, "time": "yesterday"}, "time: is not ISO 8601"),
        ({"id": "a", "features": {}, "time": 10**18}, "time: must be ISO 8601 or epoch milliseconds"),
        ({"id": "a", "features": {}, "time": []}, "time: must be ISO 8601"),
        ({"id": "a", "features": {}, "label": {}}, "label: must be a class name, not an object"),
        ({"id": "a", "features": {}, "label": ""}, "label: a class name has 1 to 256 characters"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(value, complaint):
    with pytest.raises(Invalid, match=complaint):
        event(value)


@pytest.mark.parametrize("timestamp", [2**62, -(2**62), 253_402_300_800_000, 1_700_000_000_000_000])
def test_a_timestamp_that_is_no_time_is_refused_where_nothing_else_says_when(timestamp):
    """Microseconds, for instance: no date could be written into the prediction."""
    for decode, value in ((event, {"features": {}}), (label, {"label": "x"}), (label, None)):
        with pytest.raises(Invalid, match="timestamp: must be epoch milliseconds"):
            decode(value, timestamp=timestamp)
    assert event({"features": {}, "time": 5}, timestamp=timestamp).time == 5


@given(st.integers(0, 4_000_000_000_000))
@example(273_617_597_821)  # as a float of seconds, times 1,000, it is a millisecond less
def test_iso_times_are_read_to_the_millisecond(time):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time)
    assert event({"features": {}, "time": moment.isoformat()}).time == time


@given(st.integers(1, 60), st.sampled_from([(b"[", b"]"), (b'{"a":', b"}")]))
def test_what_is_let_in_can_be_written_into_a_review_request(depth, brackets):
    opening, closing = brackets
    text = b'{"features": {"x": ' + opening * depth + b"1" + closing * depth + b"}}"
    if depth <= 32:
        orjson.dumps({"event": {"features": event(text).features}})
    else:
        with pytest.raises(Invalid, match="nested more than 32 deep"):
            event(text)


def test_many_brackets_are_not_deep():
    value = {"features": {str(i): {"x": [i]} for i in range(100)}}
    assert event(value).features == value["features"]


def test_features_of_a_label_are_chosen_as_those_of_events():
    mapper = mapped(events={"label": "features.verdict", "exclude": ["*_by"]})
    found = label({"label": "x", "features": {"a": 1, "closed_by": "eve", "verdict": "x"}}, mapper)
    assert found.features == {"a": 1}
    with pytest.raises(Invalid, match="features: must be an object"):
        label({"label": "x", "features": 3})


def test_five_megabytes_are_read():
    text = "x" * 5_000_000
    assert event({"id": "a", "features": {"text": text}}).features["text"] == text


def test_of_a_name_that_stands_twice_the_last_holds():
    assert event(b'{"id": "a", "features": {"x": 1, "x": 2}}').features == {"x": 2}


@pytest.mark.parametrize(
    ("value", "more", "expected", "own"),
    [
        ({"id": "a"}, {}, "a", True),
        ({"id": 7}, {}, "7", True),
        ({}, {"headers": (("ce_id", b"c-1"),)}, "c-1", True),
        ({}, {}, "key", False),
        ({"id": None}, {"key": None}, "events-3-14", False),
        ({}, {"key": b""}, "events-3-14", False),
    ],
)
def test_where_the_id_comes_from(value, more, expected, own):
    found = event({"features": {}} | value, **more)
    assert (found.id, found.has_own_id) == (expected, own)


def test_a_key_that_is_no_text_cannot_be_an_id():
    with pytest.raises(Invalid, match="key: is not UTF-8"):
        event({"features": {}}, key=b"\xff")


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (1_600_000_000_000, 1_600_000_000_000),
        (1_600_000_000_000.7, 1_600_000_000_000),
        ("2020-09-13T12:26:40Z", 1_600_000_000_000),
        ("2020-09-13T14:26:40+02:00", 1_600_000_000_000),
        ("2020-09-13T12:26:40", 1_600_000_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        (None, 1_700_000_000_000),
    ],
)
def test_times(time, expected):
    assert event({"id": "a", "features": {}, "time": time}).time == expected


def test_the_time_of_a_cloud_event():
    assert event({"features": {}}, headers=(("ce_time", b"2020-09-13T12:26:40Z"),)).time == 1_600_000_000_000


@pytest.mark.parametrize(
    ("given", "name"), [("spam", "spam"), (1, "1"), (True, "true"), (False, "false"), (1.5, "1.5"), (None, None)]
)
def test_class_names_are_text(given, name):
    assert event({"id": "a", "features": {}, "label": given}).label == name


def test_trace_headers_are_handed_on():
    headers = (("traceparent", b"00-1"), ("other", b"x"), ("tracestate", b"s"))
    assert event({"id": "a", "features": {}}, headers=headers).headers == (headers[0], headers[2])


def test_a_whole_label():
    found = label(
        {
            "event_id": "a",
            "label": "spam",
            "annotator": "eve",
            "confidence": 0.8,
            "request_id": "r",
            "seen_prediction": True,
            "time": 5,
        }
    )
    assert found == Label("a", "spam", 5, "eve", 0.8, (), False, "r", True, None)


def test_labels_without_a_class():
    assert label({"event_id": "a", "label": None}).label is None
    assert label(None) == Label("key", None, 1_700_000_000_000), "a null record retracts"
    assert label({"event_id": "a", "abstain": True}).abstain
    assert label({"event_id": "a", "not": ["x", 1]}).excluded == ("x", "1")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"event_id": "a"}, "label: is missing"),
        ({"event_id": "a", "label": "x", "confidence": 1.5}, "confidence: must be a number from 0 to 1"),
        ({"event_id": "a", "label": "x", "abstain": "yes"}, "abstain: must be true or false, not text"),
        ({"event_id": "a", "not": "x"}, "not: must be a list of classes"),
        ({"event_id": [], "label": "x"}, "event_id: must be text"),
    ],
)
def test_a_label_that_cannot_be_used(value, complaint):
    with pytest.raises(Invalid, match=complaint):
        label(value)


def test_a_label_without_an_event_takes_the_key_or_is_refused():
    assert label({"label": "x"}).event_id == "key"
    with pytest.raises(Invalid, match="event_id: is missing"):
        label({"label": "x"}, key=None)


def test_a_users_own_form():
    mapper = mapped(
        events={
            "id": "alert.uid",
            "time": "alert.at",
            "label": "verdict.0.final",
            "features": ".",
            "include": ["alert*", "net"],
            "exclude": ["*.secret", "net.raw"],
            "classes": {"FP": "benign"},
        },
        labels={"event_id": "uid", "label": "v", "classes": {"TP": "malicious"}},
        topics={"other": {"events": {"id": "key", "features": "data"}}},
    )
    found = event(
        {
            "alert": {"uid": 9, "at": 5, "score": 3, "secret": 1},
            "net": {"in": 1, "raw": {"a": 1}},
            "verdict": [{"final": "FP"}],
            "junk": 1,
        },
        mapper,
    )
    assert found == Event("9", True, 5, {"alert": {"score": 3}, "net": {"in": 1}}, "benign", ())
    assert label({"uid": 9, "v": "TP"}, mapper)[:2] == ("9", "malicious")
    other = decode_event(record({"key": "k", "data": {"x": 1}}, topic="other"), mapper)
    assert (other.id, other.features) == ("k", {"x": 1})


def test_answers_never_become_features_also_when_nested():
    mapper = mapped(events={"id": "f.id", "time": "f.meta.at", "label": "f.y", "features": "f"})
    assert event({"f": {"id": "a", "meta": {"at": 3, "b": 2}, "y": "c", "x": 1}}, mapper).features == {
        "meta": {"b": 2},
        "x": 1,
    }


def test_a_dot_in_a_name_can_be_escaped():
    assert event({"k8s.uid": "a", "features": {}}, mapped(events={"id": r"k8s\.uid"})).id == "a"
