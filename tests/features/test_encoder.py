import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamssl.config import FeatureSettings
from streamssl.features.encoder import FeatureEncoder

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
PLAIN_EVENTS = st.lists(st.fixed_dictionaries({n: st.one_of(st.none(), NUMBERS) for n in "abc"}), max_size=12)
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
@given(events=st.one_of(EVENTS, PLAIN_EVENTS))
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
@given(events=st.one_of(EVENTS, PLAIN_EVENTS), warm=st.booleans())
def test_a_block_is_the_same_as_its_events_one_by_one(chosen, events, warm):
    block, single = FeatureEncoder(chosen), FeatureEncoder(chosen)
    for encoder in (block, single) if warm else ():
        # Long enough for flags to come while the events pass.
        one_by_one(encoder, [{"a": 1.0, "b": 2, "c": 3}] + 47 * [{"a": 1.0, "c": 4}])
    same_rows(rows(block, events), one_by_one(single, events))
    same_state(block, single)


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
