import numpy as np
import pytest

from streamssl.features import bulk
from streamssl.features.registry import ColumnRegistry

NAN = float("nan")


@pytest.fixture
def registry():
    registry = ColumnRegistry(max_columns=20, max_categories=2, hash_buckets=2)
    registry.add_number("amount")
    registry.add_category_field("colour", "red")
    registry.add_vector("embedding", 2)
    return registry


def read(registry, *events):
    plan = bulk.plan_for(tuple(events[0]), registry, lambda name: name == "secret")
    gathered = bulk.gather(plan, events)
    assert len(gathered) == len(events)
    return bulk.read(plan, gathered, registry)


def test_numbers_and_categories_of_several_events(registry):
    rows, beyond = read(
        registry,
        {"colour": "red", "amount": 2, "secret": [1], "new": None},
        {"colour": None, "amount": 1e39, "secret": "x", "new": None},
        {"new": None, "amount": None, "secret": {}, "colour": "red"},
    )
    np.testing.assert_array_equal(rows, [[2, 1, NAN, NAN], [NAN, NAN, NAN, NAN], [NAN, 1, NAN, NAN]])
    assert beyond == {"amount": 1}


def test_a_category_in_a_bucket(registry):
    colour = registry.fields["colour"]
    registry.add_category(colour, "blue")
    column = registry.add_category(colour, "mauve")
    rows, _ = read(registry, {"colour": "mauve"})
    assert np.flatnonzero(rows[0] == 1).tolist() == [column]
    assert rows[0, colour.columns[0]] == 0


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"amount": "12.5"}, id="text for a number"),
        pytest.param({"amount": 10**400}, id="number beyond double"),
        pytest.param({"colour": 3}, id="number for a category"),
        pytest.param({"colour": "blue"}, id="new category"),
        pytest.param({"new": 1}, id="new field"),
    ],
)
def test_nothing_is_read_where_something_is_not_plain(registry, odd):
    plain = {"amount": 1, "colour": "red", "new": None}
    assert read(registry, plain, {**plain, **odd}) is None


@pytest.mark.parametrize(
    "other", [{"amount": 1}, {"amount": 1, "size": 2}, {"amount": 1, "colour": "red", "size": 2}]
)
def test_gathering_ends_where_names_differ(registry, other):
    events = [{"amount": 1, "colour": "red"}, {"colour": "red", "amount": 2}, other, {"amount": 1, "colour": "red"}]
    plan = bulk.plan_for(("amount", "colour"), registry, lambda name: False)
    assert bulk.gather(plan, events) == [(1, "red"), (2, "red")]


def test_vectors_are_not_read_in_bulk(registry):
    assert bulk.plan_for(("amount", "embedding"), registry, lambda name: False) is None
