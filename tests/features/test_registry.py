import pytest

from streamssl.features.registry import ColumnRegistry

TEXT = "x" * 1000


@pytest.fixture
def registry():
    return ColumnRegistry(max_columns=6, max_categories=2, hash_buckets=3)


def test_categories_beyond_the_limit_share_buckets(registry):
    colour = registry.add_category_field("colour", "red")
    registry.add_category(colour, "blue")
    registry.add_category(colour, "green")
    assert registry.names == ["colour=red", "colour=blue", "colour=#0", "colour=#1", "colour=#2"]
    assert not registry.would_grow(colour, "mauve")
    assert registry.add_category(colour, "mauve") in {2, 3, 4}


def test_a_text_goes_to_a_bucket_and_leaves_the_columns_to_categories(registry):
    note = registry.add_category_field("note", TEXT)
    assert registry.names == ["note=#0", "note=#1", "note=#2"]
    assert registry.add_category(note, "short") == 3
    assert registry.names[3] == "note=short"


def test_what_does_not_fit_is_not_added(registry):
    assert registry.add_vector("embedding", 7) is None
    registry.add_vector("embedding", 4)
    assert registry.add_category_field("note", TEXT) is None
    colour = registry.add_category_field("colour", "red")
    assert registry.add_number("amount") is not None
    assert registry.add_number("more") is None
    assert registry.add_category_field("more", "x") is None
    assert registry.add_category(colour, "blue") is None
    registry.add_flag(colour)
    assert colour.flag is None
    assert registry.means.settled.tolist() == [False, True, False]
    assert list(registry.fields) == ["embedding", "colour", "amount"]
    assert len(registry) == 6


def test_a_flag_starts_with_the_share_so_far(registry):
    amount = registry.add_number("amount")
    registry.means.events[0], registry.means.seen[0] = 100, 75
    registry.add_flag(amount)
    assert registry.names == ["amount", "amount:missing"]
    assert registry.means.mean.tolist() == [0.0, 0.25]


def test_names_are_enough_to_restore_the_fields():
    registry = ColumnRegistry(max_columns=30, max_categories=2, hash_buckets=3)
    note = registry.add_category_field("note", TEXT)
    registry.add_vector("a[0]", 2)
    registry.add_category(note, "short")
    registry.add_flag(note)
    registry.add_number("a=b:missing")
    other = ColumnRegistry(max_columns=1, max_categories=1, hash_buckets=1)
    assert other.restore(registry.names, registry.means).fields == registry.fields
    assert other.positions == registry.positions
