import numpy as np
import pytest

from streamssl.features.examples import row_of
from streamssl.features.registry import ColumnRegistry


class Worker:
    """A registry, and the troubles with examples that reached it."""

    def __init__(self, **bounds):
        self.registry = ColumnRegistry(**{"max_columns": 30, "max_categories": 2, "hash_buckets": 4, **bounds})
        self.troubles = []

    def row(self, columns):
        """Return the row of an example, by column name."""
        row = row_of(self.registry, columns, lambda field: field == "secret", self.on_trouble)
        return dict(zip(self.registry.names, row.tolist(), strict=True))

    def on_trouble(self, trouble, field):
        self.troubles.append((trouble.kind, field))


@pytest.fixture
def worker():
    return Worker()


def test_unknown_columns_are_added(worker):
    columns = {"amount": 2.5, "colour=red": 1.0, "note=#3": 1.0, "v[0]": 1.0, "v[1]": 2.0}
    buckets = {"note=#0": 0.0, "note=#1": 0.0, "note=#2": 0.0}
    assert worker.row(columns) == {**columns, **buckets}
    assert [field.kind for field in worker.registry.fields.values()] == ["number", "category", "category", "vector"]
    assert worker.troubles == []


def test_of_categories_only_the_one_of_the_event_is_added(worker):
    assert worker.row({"colour=red": 0.0, "colour=blue": 1.0}) == {"colour=blue": 1.0}


def test_what_the_example_lacks_has_the_running_mean(worker):
    worker.registry.add_number("amount")
    worker.registry.means.mean[0] = 7.0
    assert worker.row({"size": 1.0}) == {"amount": 7.0, "size": 1.0}
    np.testing.assert_array_equal(worker.registry.means.mean, [7, 0])


def test_a_category_of_the_field_means_not_the_others(worker):
    colour = worker.registry.add_category_field("colour", "red")
    worker.registry.add_category(colour, "blue")
    worker.registry.means.mean[:] = 0.5
    assert worker.row({"colour=red": 1.0}) == {"colour=red": 1.0, "colour=blue": 0.0}


def test_a_category_without_a_column_here_is_in_its_bucket(worker):
    colour = worker.registry.add_category_field("colour", "red")
    worker.registry.add_category(colour, "blue")
    row = worker.row({"colour=red": 0.0, "colour=mauve": 1.0})
    assert row["colour=red"] == row["colour=blue"] == 0.0
    assert sum(row[f"colour=#{i}"] for i in range(4)) == 1.0


def test_a_flag_is_added_to_a_field_that_is_known(worker):
    assert worker.row({"amount": 1.0, "amount:missing": 1.0}) == {"amount": 1.0, "amount:missing": 1.0}
    assert worker.row({"other:missing": 1.0}).keys() == {"amount", "amount:missing"}


def test_columns_of_another_kind_or_length_are_troubles(worker):
    worker.row({"amount": 1.0, "v[0]": 1.0})
    worker.row({"amount=red": 1.0, "amount[0]": 1.0, "v": 1.0, "v[1]": 2.0})
    assert worker.troubles == [
        ("type_changed", "amount"),
        ("type_changed", "amount"),
        ("type_changed", "v"),
        ("vector_length", "v"),
    ]


@pytest.mark.parametrize("name", ["size", "v[999999999]", "colour=red", "colour=#0"])
def test_what_does_not_fit_is_a_trouble(name):
    worker = Worker(max_columns=1)
    assert worker.row({"amount": 1.0, name: 1.0}) == {"amount": 1.0}
    assert [kind for kind, _ in worker.troubles] == ["too_wide"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39])
def test_values_beyond_float32_are_left_out(worker, value):
    assert worker.row({"amount": value, "size": 1.0}) == {"amount": 0.0, "size": 1.0}
    assert worker.troubles == [("out_of_range", "amount")]


def test_excluded_fields_are_left_out(worker):
    worker.registry.add_number("secret")
    worker.registry.means.mean[0] = 7.0
    assert worker.row({"secret": 1.0, "secret:missing": 1.0, "size": 2.0}) == {"secret": 7.0, "size": 2.0}
