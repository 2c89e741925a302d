import pytest

from streamssl.features.values import LARGEST, Trouble, category, kind_of, number, vector


def trouble(read, *arguments, **more):
    with pytest.raises(Trouble) as caught:
        read(*arguments, **more)
    return caught.value.kind


@pytest.mark.parametrize("value", [None, [], ["red"], [1, None], {"a": 1}, [[1]]])
def test_what_makes_no_field_is_unusable(value):
    assert trouble(kind_of, value) == "unusable"


@pytest.mark.parametrize(("value", "expected"), [(True, 1.0), (2**60 + 1, 2.0**60), (-LARGEST, -LARGEST)])
def test_a_number_is_a_float(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("12.5", "type_changed"),
        ([1], "type_changed"),
        (float("inf"), "out_of_range"),
        (10**400, "out_of_range"),
        (-3.5e38, "out_of_range"),
    ],
)
def test_what_is_no_number(value, kind):
    assert trouble(number, value) == kind


def test_numbers_are_categories_only_where_declared():
    assert category(12.5, declared=True) == "12.5"
    assert category(10**30, declared=True) == "1" + 30 * "0"
    assert trouble(category, 12.5) == "type_changed"
    assert trouble(category, ["red"], declared=True) == "type_changed"


def test_a_vector_is_doubles():
    assert vector([1, 2.5, True], 3).tolist() == [1.0, 2.5, 1.0]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("red", "type_changed"),
        ([1, "2"], "type_changed"),
        ([1, None], "type_changed"),
        ([1], "vector_length"),
        ([], "vector_length"),
        ([1, float("nan")], "out_of_range"),
        ([1, 1e39], "out_of_range"),
        ([1, 10**400], "out_of_range"),
    ],
)
def test_what_is_no_vector_of_two(value, kind):
    assert trouble(vector, value, 2) == kind
