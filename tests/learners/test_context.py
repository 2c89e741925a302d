import numpy as np

from streamssl.learners import context


def test_averages_follow_their_equation() -> None:
    rows = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    averages = context.new(2)
    context.start(averages, rows[0])
    expected = np.array([rows[0], rows[0]], dtype=float)
    for row in rows:
        context.advance(averages, row)
        for i, horizon in enumerate((30, 300)):
            expected[i] += (row - expected[i]) / horizon
    np.testing.assert_allclose(averages, expected, rtol=1e-4, atol=1e-6)
    assert averages.dtype == np.float32


def test_the_first_row_lies_on_its_averages() -> None:
    row = np.array([3.0, -1.0], np.float32)
    averages = context.new(2)
    context.start(averages, row)
    context.advance(averages, row)
    np.testing.assert_array_equal(averages, [row, row])


def test_view_keeps_columns_together() -> None:
    row = np.array([1.0, 10.0], np.float32)
    averages = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    out = np.empty(context.view_width(2), np.float32)
    context.write_view(averages, row, out)
    np.testing.assert_array_equal(out, [1, 0, -2, 10, 8, 6])


def test_wide_rows_have_a_bounded_view() -> None:
    assert context.view_width(5) == 15
    assert context.view_width(1000) == 480
