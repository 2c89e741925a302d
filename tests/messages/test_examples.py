"""An example reads back bit for bit, and one that cannot be learnt from is refused by name."""

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.messages import Example, ExampleMemory, Invalid, decode_example, encode_example
from streamssl.transport.base import Record

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
SHARES = st.dictionaries(NAMES, st.floats(0.001, 1), min_size=1, max_size=3).map(lambda each: tuple(each.items()))
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def read(value, key=b"e"):
    value = value if isinstance(value, bytes | None) else orjson.dumps(value)
    return decode_example(Record("examples", 0, 0, 0, key, value))


@st.composite
def examples(draw):
    columns = draw(st.lists(NAMES, unique=True, min_size=1, max_size=4))
    classes = draw(st.lists(NAMES, unique=True, max_size=3))
    averages = [draw(st.lists(FLOATS, min_size=len(columns), max_size=len(columns))) for _ in range(2)]
    said = draw(st.lists(st.integers(0, 255), min_size=len(classes), max_size=len(classes)))
    return Example(
        event_id=draw(NAMES),
        features={name: draw(FLOATS) for name in columns},
        label=draw(st.none() | NAMES),
        excluded=tuple(draw(st.lists(NAMES, max_size=2))),
        confidence=draw(st.none() | st.floats(0, 1)),
        time=draw(st.integers(-62_135_596_800_000, 253_402_300_799_999)),
        annotator=draw(st.none() | NAMES),
        soft=draw(st.none() | SHARES),
        answers=tuple(draw(st.lists(st.tuples(st.none() | NAMES, NAMES), max_size=3))),
        memory=ExampleMemory(
            classes=tuple(classes),
            experts={"cauchy": np.array(said, np.uint8)},
            context=np.array(averages, np.float32),
            decision=classes[0] if classes else None,
            confidence=draw(st.floats(0, 1, width=32)),
            position=draw(st.integers(0, 2**53 - 1)),
        ),
    )


@given(examples())
def test_an_example_reads_back_bit_for_bit(example):
    found = read(encode_example(example))
    plain = ("event_id", "label", "excluded", "confidence", "time", "annotator", "soft", "answers")
    assert [getattr(found, name) for name in plain] == [getattr(example, name) for name in plain]
    assert list(found.features) == list(example.features), "the context's columns go by this order"
    for name, value in example.features.items():
        assert np.float32(found.features[name]).tobytes() == np.float32(value).tobytes()
    assert found.memory.experts["cauchy"].tobytes() == example.memory.experts["cauchy"].tobytes()
    assert found.memory.context.tobytes() == example.memory.context.tobytes()
    assert (found.memory.classes, found.memory.decision) == (example.memory.classes, example.memory.decision)
    assert np.float32(found.memory.confidence) == np.float32(example.memory.confidence)


def test_the_largest_numbers_are_not_too_large():
    limits = np.finfo(np.float32)
    example = Example("e", {"x": limits.max, "y": limits.min, "z": limits.smallest_subnormal}, "a")
    assert [np.float32(each) for each in read(encode_example(example)).features.values()] == [
        limits.max,
        limits.min,
        limits.smallest_subnormal,
    ]


def test_a_null_value_retracts():
    assert read(None) == Example("e", {}, None)


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
def test_a_retraction_needs_a_key(key):
    with pytest.raises(Invalid, match="key: a retraction needs the event id"):
        read(None, key)


MEMORY = {"classes": ["a"], "experts": {"rbf": "/w=="}, "context": "AACAPw==", "decision": "a", "confidence": 0.5}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"event_id": ""}, "event_id: "),
        ({"features": None}, "features: "),
        ({"features": {"x": 1e39}}, "features.x: Input should be less than"),
        ({"features": {"x": None}}, "features.x: Input should be a valid number"),
        ({"label": ""}, "label: "),
        ({"confidence": 1.5}, "confidence: "),
        ({"time": 10**16}, "time: Input should be less than"),
        ({"memory": MEMORY | {"classes": ["a", "a"]}}, "memory.classes: must name each class once"),
        ({"memory": MEMORY | {"experts": {"cauchy": ""}}}, "memory.experts: must have one byte for each class"),
        ({"memory": MEMORY | {"experts": {"cauchy": "?"}}}, "memory.experts: is not base64"),
        ({"memory": MEMORY | {"decision": "b"}}, "memory.decision: is none of its classes"),
        ({"memory": MEMORY | {"context": "AACA"}}, "memory.context: must have one float32 for each column"),
        ({"memory": MEMORY | {"context": "AACAfw=="}}, "memory.context: must be finite"),
        ({"memory": MEMORY, "features": {}}, "memory.context: must have one float32 for each column"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_by_name(changes, complaint):
    good = {"event_id": "e", "features": {"x": 1.0}, "label": "a", "memory": MEMORY}
    assert read(good).memory.context.tolist() == [[1.0]]
    with pytest.raises(Invalid, match=complaint):
        read(good | changes)


@given(st.binary(max_size=100))
def test_any_bytes_are_an_example_or_refused(value):
    with pytest.raises(Invalid):
        read(value)
