import numpy as np

from streamssl.learners import standardiser


def fitted(rows: np.ndarray) -> standardiser.Standardiser:
    state = standardiser.new(rows.shape[1])
    for row in rows:
        standardiser.observe(state, row)
    return state


def standardised(state: standardiser.Standardiser, row: np.ndarray) -> np.ndarray:
    out = np.empty(len(row), np.float32)
    standardiser.standardise(state, row.astype(np.float32), out)
    return out


def test_moments_are_exact_at_first() -> None:
    rows = np.random.default_rng(0).normal(3, 2, size=(2000, 4)).astype(np.float32)
    state = fitted(rows)
    np.testing.assert_allclose(state.mean, rows.mean(axis=0, dtype=float))
    np.testing.assert_allclose(state.variance, rows.var(axis=0, dtype=float))
    # 1984 = 31 x 64 rows ago the scale was taken.
    np.testing.assert_allclose(state.scale, 1 / rows[:1984].std(axis=0), rtol=1e-5)


def test_old_rows_fade() -> None:
    rows = np.repeat(np.array([[0.0], [10.0]], np.float32), [6000, 15000], axis=0)
    assert fitted(rows).mean[0] > 9


def test_values_are_clipped_and_constant_columns_vanish() -> None:
    rows = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    rows[:, 1] = 7
    state = fitted(rows)
    np.testing.assert_array_equal(standardised(state, np.array([1e6, 9])), [5, 0])
    np.testing.assert_array_equal(standardised(state, np.array([-1e6, -9])), [-5, 0])


def test_before_any_row_everything_is_zero() -> None:
    np.testing.assert_array_equal(standardised(standardiser.new(2), np.array([1, 2])), [0, 0])


def test_growing_is_as_if_the_column_had_been_zero() -> None:
    rows = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    rows[:50, 1] = 0
    early = fitted(rows)
    late = standardiser.grow(fitted(rows[:50, :1]), 2)
    for row in rows[50:]:
        standardiser.observe(late, row)
    for one, other in zip(early, late, strict=True):
        np.testing.assert_array_equal(one, other)
