import numpy as np
import pytest

from streamssl.features.imputation import FLAG_AFTER, SLOWEST_GAIN, RunningMeans, impute, often_missing

NAN = float("nan")


def one_column():
    return RunningMeans.empty().with_field().with_columns(0, np.zeros(1))


def filled(means, values, flag_share=1.0):
    values = np.array(values, dtype=np.float64)
    out = np.empty(values.shape, dtype=np.float32)
    done, stopped = impute(means, values, flag_share, out)
    return out[:done].tolist(), stopped


def test_a_missing_value_is_the_mean_of_those_before():
    assert filled(one_column(), [[2], [4], [NAN], [9], [NAN]]) == ([[2], [4], [3], [9], [5]], False)


def test_another_category_is_0_and_a_missing_one_is_the_shares():
    means = one_column().with_columns(0, np.zeros(1))
    rows, _ = filled(means, [[1, NAN], [NAN, 1], [1, NAN], [1, NAN], [NAN, NAN]])
    assert rows == [[1, 0], [0, 1], [1, 0], [1, 0], [0.75, 0.25]]


def test_a_flag_says_what_is_missing():
    means = one_column().with_columns(0, np.array([0.5]), flag=True)
    rows, _ = filled(means, [[2, NAN], [NAN, NAN]])
    assert rows == [[2, 0], [2, 1]]


def test_means_forget_in_the_end():
    means = one_column()
    means.seen[0] = means.events[0] = 10**9
    filled(means, [[1.0]])
    assert means.mean[0] == SLOWEST_GAIN


@pytest.mark.parametrize(("n_missing", "row_of_flag"), [(0, None), (3, FLAG_AFTER), (2, None)])
def test_it_stops_where_a_field_is_often_missing(n_missing, row_of_flag):
    means = one_column()
    values = [[NAN]] * n_missing + [[1.0]] * 100
    rows, stopped = filled(means, values, flag_share=0.05)
    assert stopped == (row_of_flag is not None)
    assert len(rows) == (row_of_flag or len(values))
    assert often_missing(means, 0.05) == ([0] if stopped else [])


def test_a_settled_field_does_not_stop_it():
    means = one_column()
    means.settled[0] = True
    assert filled(means, [[NAN]] * 100, flag_share=0.05)[1] is False
