import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamssl.config import FeatureSettings
from streamssl.features.encoder import DEEPEST, LONGEST_RUN, FeatureEncoder
from streamssl.features.imputation import FLAG_AFTER

NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6),
    st.floats(width=32, allow_nan=False),
    st.booleans(),
    st.sampled_from([1e39, 10**400]),
)
LEAVES = st.one_of(
    st.none(),
    NUMBERS,
    st.sampled_from(["red", "blue", "green", "12.5", "x" * 200, ""]),
    st.lists(NUMBERS, max_size=4),
    st.lists(st.one_of(st.text(max_size=2), st.none()), max_size=2),
)
NAMES = st.sampled_from(["a", "b", "c", "d.e", "a:missing", "a=b", "a[0]", ""])
OBJECTS = st.dictionaries(NAMES, st.one_of(LEAVES, st.dictionaries(NAMES, LEAVES, max_size=3)), max_size=5)
EVENTS = st.lists(st.one_of(OBJECTS, st.lists(LEAVES, max_size=4)), max_size=12)
COLOURS = st.sampled_from([None, "red", "blue", "green", "mauve", "x" * 200])
ALIKE = st.fixed_dictionaries(
    {"a": st.one_of(st.none(), NUMBERS), "c": COLOURS, "o": st.fixed_dictionaries({"x": NUMBERS, "c": COLOURS})}
)
ALIKE_EVENTS = st.lists(st.one_of(ALIKE, ALIKE, ALIKE, OBJECTS, st.just([1, 2, 3])), max_size=12)
NARROW = FeatureSettings(max_columns=9, max_categories=2, hash_buckets=2)
WIDE = FeatureSettings(max_categories=2, hash_buckets=3)


def one_by_one(encoder, events):
    return [row for event in events for row in rows(encoder, [event])]


def rows(encoder, events):
    return [row for block in encoder.encode(events) for row in block]


def same_state(a, b):
    (document, arrays), (other_document, other_arrays) = a.to_state(), b.to_state()
    assert document == other_document
    assert arrays.keys() == other_arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, other_arrays[name], strict=True)


def same_rows(some, others):
    assert len(some) == len(others)
    for row, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(row, other, strict=True)


def encoded(events, **chosen):
    """Return the encoder after these events, and its rows as dicts."""
    encoder = FeatureEncoder(FeatureSettings(**chosen))
    return encoder, [encoder.to_columns(row) for row in rows(encoder, events)]


@settings(deadline=None)
@pytest.mark.parametrize("chosen", [NARROW, WIDE], ids=["narrow", "wide"])
@given(events=st.one_of(EVENTS, ALIKE_EVENTS))
def test_any_events_become_finite_rows_of_growing_width(chosen, events):
    encoder = FeatureEncoder(chosen)
    blocks = encoder.encode(events)
    assert sum(map(len, blocks)) == len(events)
    widths = [block.shape[1] for block in blocks]
    assert widths == sorted(set(widths))
    for block in blocks:
        assert block.dtype == np.float32
        assert block.flags.c_contiguous
        assert np.isfinite(block).all()
    assert encoder.width == len(encoder.columns) == len(set(encoder.columns)) <= chosen.max_columns
    if events:
        assert widths[-1] == encoder.width


@settings(deadline=None)
@pytest.mark.parametrize("chosen", [NARROW, WIDE], ids=["narrow", "wide"])
@given(events=st.one_of(EVENTS, ALIKE_EVENTS), warm=st.booleans())
def test_a_block_is_the_same_as_its_events_one_by_one(chosen, events, warm):
    block, single = FeatureEncoder(chosen), FeatureEncoder(chosen)
    for encoder in (block, single) if warm else ():
        # Long enough for flags to come while the events pass.
        encoder.encode([{"a": 1.0, "b": 2, "c": "red"}] + 47 * [{"a": 1.0, "c": "blue"}])
    same_rows(rows(block, events), one_by_one(single, events))
    same_state(block, single)


def test_a_long_run_with_one_odd_event_is_the_same_as_its_events_one_by_one():
    rng = np.random.default_rng(0)
    n = 4 * LONGEST_RUN
    events = [
        {"a": a, "c": "xyz"[int(c)]}
        for a, c in zip(rng.normal(size=n).tolist(), rng.integers(3, size=n), strict=True)
    ]
    events[2 * LONGEST_RUN + 3]["a"] = "odd"
    events[LONGEST_RUN + 5]["c"] = "new"
    block, single = FeatureEncoder(WIDE), FeatureEncoder(WIDE)
    same_rows(rows(block, events), one_by_one(single, events))
    same_state(block, single)
    assert block.drain_troubles() == {("type_changed", "a"): 1}


@settings(deadline=None)
@given(before=EVENTS, after=EVENTS)
def test_a_restored_encoder_goes_on_bit_for_bit(before, after):
    encoder = FeatureEncoder(WIDE)
    encoder.encode(before)
    document, arrays = encoder.to_state()
    restored = FeatureEncoder.from_state(WIDE, json.loads(json.dumps(document)), arrays)
    same_state(encoder, restored)
    same_rows(rows(encoder, after), rows(restored, after))
    same_state(encoder, restored)


@settings(deadline=None)
@given(events=EVENTS)
def test_an_example_is_its_row_again(events):
    encoder = FeatureEncoder(WIDE)
    all_rows = rows(encoder, events)
    for row in all_rows:
        columns = encoder.to_columns(row)
        assert list(columns) == encoder.columns[: len(row)]
        again = encoder.from_columns(columns)
        np.testing.assert_array_equal(again[: len(row)], row)
        assert np.isfinite(again).all()


@settings(deadline=None)
@given(here=EVENTS, there=EVENTS)
def test_an_example_from_elsewhere_is_a_row_within_the_bounds(here, there):
    encoder, other = FeatureEncoder(NARROW), FeatureEncoder(WIDE)
    encoder.encode(here)
    means = encoder.to_state()[1]["mean"].copy()
    for row in rows(other, there):
        example = encoder.from_columns(other.to_columns(row))
        assert example.shape == (encoder.width,)
        assert example.dtype == np.float32
        assert np.isfinite(example).all()
    assert encoder.width <= NARROW.max_columns
    np.testing.assert_array_equal(encoder.to_state()[1]["mean"][: len(means)], means)


def test_every_kind_of_value_has_its_columns():
    event = {"n": 3, "yes": True, "c": "red", "v": [1, 2.5], "o": {"n": 4, "p": {"c": "x"}}, "null": None}
    _, [row] = encoded([event])
    assert row == {"n": 3, "yes": 1, "c=red": 1, "v[0]": 1, "v[1]": 2.5, "o.n": 4, "o.p.c=x": 1}


def test_a_list_is_fields_by_position():
    _, [_, row] = encoded([[2, "red", 5], [4, "blue", None, 7]])
    assert row == {"0": 4, "1=red": 0, "2": 5, "1=blue": 1, "3": 7}


def test_a_new_block_starts_where_columns_are_added():
    encoder = FeatureEncoder(FeatureSettings())
    blocks = encoder.encode([{"a": 1}, {"a": 2}, {"a": 3, "b": "x"}, {"b": "y"}, {"a": 4}])
    assert [block.shape for block in blocks] == [(2, 1), (1, 2), (2, 3)]


def test_no_events_and_events_without_features():
    encoder = FeatureEncoder(FeatureSettings())
    assert encoder.encode([]) == []
    [block] = encoder.encode([{}, [], {"a": None}])
    assert block.shape == (3, 0)


def test_a_missing_value_is_the_running_mean():
    _, table = encoded([{"a": 2, "c": "x"}, {"a": 4, "c": "y"}, {"a": None}, {}])
    assert table[2] == table[3] == {"a": 3, "c=x": 0.5, "c=y": 0.5}


@pytest.mark.parametrize(
    ("value", "trouble"),
    [
        ({"n": "12.5"}, ("type_changed", "n")),
        ({"n": {"deep": 1}}, ("type_changed", "n")),
        ({"n": -1e39}, ("out_of_range", "n")),
        ({"n": 10**400}, ("out_of_range", "n")),
        ({"c": 7}, ("type_changed", "c")),
        ({"v": [1, 2]}, ("vector_length", "v")),
        ({"v": [1, 2, "3"]}, ("type_changed", "v")),
        ({"v": [1, 2, 1e39]}, ("out_of_range", "v")),
        ({"new": ["red"]}, ("unusable", "new")),
        ({"new": []}, ("unusable", "new")),
        ({"new": 1e39}, ("out_of_range", "new")),
        ({"new": [0] * 2000}, ("too_wide", "new")),
    ],
)
def test_a_wrong_value_is_missing_and_counted(value, trouble):
    usual = {"n": 3, "c": "red", "v": [1, 2, 3]}
    encoder, table = encoded([usual, value, {}])
    assert table[1] == table[2] == table[0]
    assert encoder.drain_troubles() == {trouble: 1}
    assert encoder.drain_troubles() == {}


def test_nan_is_null():
    encoder, table = encoded([{"a": 2}, {"a": float("nan"), "b": float("nan")}, {"a": float("nan")}])
    assert table == 3 * [{"a": 2}]
    assert encoder.drain_troubles() == {}


def test_fields_beyond_the_bound_are_dropped_and_counted():
    encoder, [row] = encoded([{f"f{i}": i for i in range(10)}], max_columns=4)
    assert row == {"f0": 0, "f1": 1, "f2": 2, "f3": 3}
    assert encoder.drain_troubles() == {("too_wide", f"f{i}"): 1 for i in range(4, 10)}


def test_a_category_beyond_the_bound_is_none_of_the_known_ones():
    encoder, table = encoded([{"c": "red"}, {"c": "blue"}, {}], max_columns=1)
    assert table == [{"c=red": 1}, {"c=red": 0}, {"c=red": 0.5}]
    assert encoder.drain_troubles() == {("too_wide", "c"): 1}


def test_excluded_and_ignored_names_are_no_features():
    event = {"a": 1, "attack_type": "dos", "meta": {"x": 1}, "o": {"attack_id": 3, "b": 2}, "raw": "x"}
    _, [row] = encoded([event], exclude=["*attack_*", "meta"], types={"raw": "ignore"})
    assert row == {"a": 1, "o.b": 2}


def test_a_field_can_be_excluded_later():
    encoder, _ = encoded([{"a": 1, "leak": "x"}, {"a": 3, "leak": "y"}])
    encoder.encode([{"a": 2, "leak": "x"}])
    encoder.configure(FeatureSettings(exclude=("leak",)))
    plain, odd = [{"a": 5, "leak": "x"}], [{"a": "odd", "leak": "y"}, {"a": 5, "leak": "new"}]
    for row in rows(encoder, plain) + rows(encoder, odd):
        assert encoder.to_columns(row) == {
            "a": pytest.approx(4, abs=1.5),
            "leak=x": pytest.approx(2 / 3),
            "leak=y": pytest.approx(1 / 3),
        }


def test_declared_kinds_rule():
    types = {"code": "category", "amount": "number", "flag": "category"}
    events = [{"code": 404, "amount": "3", "flag": True}, {"code": "404", "amount": 3, "flag": 1.5}]
    encoder, table = encoded(events, types=types)
    assert table[1] == {"code=404": 1, "flag=true": 0, "amount": 3, "flag=1.5": 1}
    assert encoder.drain_troubles() == {("type_changed", "amount"): 1}


def test_objects_within_objects_end_somewhere():
    event = {"a": 1}
    for _ in range(2 * DEEPEST):
        event = {"o": event}
    encoder, [row] = encoded([event])
    assert row == {}
    assert [kind for kind, _ in encoder.drain_troubles()] == ["unusable"]


def test_a_field_that_is_often_missing_is_flagged():
    events = [{"a": 1.0, "b": i} if i % 10 else {"b": i} for i in range(1, 2 * FLAG_AFTER)]
    encoder, table = encoded(events)
    assert encoder.columns == ["a", "b", "a:missing"]
    assert [len(row) for row in table] == FLAG_AFTER * [2] + (FLAG_AFTER - 1) * [3]
    assert [row["a:missing"] for row in table[FLAG_AFTER:]] == [
        float("a" not in event) for event in events[FLAG_AFTER:]
    ]


def test_a_late_field_is_not_missing_before_it_came():
    encoder, _ = encoded(2 * FLAG_AFTER * [{"a": 1.0}] + 2 * FLAG_AFTER * [{"a": 1.0, "late": 2}])
    assert encoder.columns == ["a", "late"]


def test_what_is_known_can_be_printed():
    encoder, _ = encoded([{"n": 1, "c": "x"}, {"n": 3, "c": None}, {"n": None, "c": "y"}, {"n": 8}])
    number, category = encoder.describe()
    assert number == ("n", "number", ["n"], 3, 0.25, 4.0)
    assert category == ("c", "category", ["c=x", "c=y"], 2, 0.5, None)


def test_a_restored_encoder_keeps_columns_that_new_settings_would_not_give():
    encoder, _ = encoded([{"a": 1, "c": "x", "b": 2, "d": "y"}])
    settings = FeatureSettings(max_columns=1, hash_buckets=1, max_categories=1, types={"a": "category"})
    restored = FeatureEncoder.from_state(settings, *encoder.to_state())
    assert restored.columns == encoder.columns
    assert restored.to_columns(restored.encode([{"a": 5, "c": "x"}])[0][0])["a"] == 5


def test_a_column_that_an_example_brought_is_used_by_events():
    encoder, _ = encoded([{"a": 1, "b": 1}] * 3)
    encoder.from_columns({"late": 4.0})
    [block] = encoder.encode([{"a": 1, "b": 2, "late": 3}, {"a": 1, "b": 2}])
    assert block.tolist() == [[1, 2, 3], [1, 2, 3]]


def test_excluded_columns_of_an_example_are_left_out():
    encoder, _ = encoded([{"a": 1}], exclude=["secret*"])
    assert encoder.to_columns(encoder.from_columns({"a": 2.0, "secret=x": 1.0})) == {"a": 2.0}
