import numpy as np
import pytest

from streamssl.learners.columns import MOST_COLUMNS, MOST_VALUES, Columns


def row(columns: Columns, x: dict, mean: float = 0.0) -> list[float]:
    return columns.row(x, np.full(len(columns), mean, np.float32)).tolist()


def test_columns_come_in_sorted_order_whatever_the_dicts_order() -> None:
    columns = Columns()
    columns.register({"b": 2, "a": 1})
    columns.register({"0": 3, "a": 1})
    assert row(columns, {"0": 3, "b": 2, "a": 1}) == [1, 2, 3]


@pytest.mark.parametrize("missing", [{}, {"a": None}, {"a": float("nan")}, {"a": "text"}])
def test_what_is_missing_takes_the_mean(missing: dict) -> None:
    columns = Columns()
    columns.register({"a": np.float64(1)})
    assert row(columns, missing, mean=0.25) == [0.25]


def test_truth_values_are_numbers() -> None:
    columns = Columns()
    columns.register({"a": True, "b": np.bool_(False)})
    assert row(columns, {"a": True, "b": np.bool_(False)}) == [1, 0]


def test_strings_are_one_hot_up_to_a_limit() -> None:
    columns = Columns()
    for i in range(MOST_VALUES + 10):
        columns.register({"a": str(i)})
    assert len(columns) == MOST_VALUES
    assert row(columns, {"a": "3"}, mean=0.5) == [float(i == 3) for i in range(MOST_VALUES)]
    assert not any(row(columns, {"a": str(MOST_VALUES)}))


def test_the_number_of_columns_is_bounded() -> None:
    columns = Columns()
    columns.register(dict.fromkeys(range(MOST_COLUMNS + 1), 1.0))
    assert len(columns) == MOST_COLUMNS


def test_bad_values_are_named() -> None:
    columns = Columns()
    with pytest.raises(TypeError, match="feature 'when' must be a number"):
        columns.register({"when": [1]})
    columns.register({"size": 1.0})
    with pytest.raises(ValueError, match="feature 'size' must be finite"):
        row(columns, {"size": float("inf")})
