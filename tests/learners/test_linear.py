import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamssl.learners.linear import project


@given(st.integers(0, 13), st.integers(1, 4), st.integers(0, 5))
def test_product_that_zeros_at_the_end_do_not_change(n: int, k: int, more: int) -> None:
    rng = np.random.default_rng(n)
    row, weights = rng.normal(size=n), rng.normal(size=(n + more, k))
    out, padded = np.empty(k), np.empty(k)
    project(row, weights[:n], out)
    project(np.append(row, np.zeros(more)), weights, padded)
    np.testing.assert_allclose(out, row @ weights[:n], atol=1e-12)
    np.testing.assert_array_equal(out, padded)
