from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.families.trust import Threshold, trusted


def some(seed: int, n: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([0.5, 0.5, 0.2], n)


@given(st.integers(0, 1000), st.floats(0, 1))
def test_fixed_takes_whoever_is_sure_enough(seed: int, confidence: float) -> None:
    said = some(seed)
    np.testing.assert_array_equal(trusted(said, "fixed", confidence, 0.1), said.max(axis=1) >= confidence)


@given(st.integers(0, 1000), st.floats(0, 1))
def test_top_share_takes_the_surest(seed: int, top: float) -> None:
    said = some(seed)
    chosen = trusted(said, "top_share", 0.9, top)
    assert chosen.sum() == int(np.ceil(top * len(said)))
    assert said[chosen].max(axis=1).min(initial=1) >= said[~chosen].max(axis=1).max(initial=0)


@given(st.integers(0, 1000), st.floats(0.01, 1))
def test_per_class_every_class_gets_its_share(seed: int, top: float) -> None:
    said = some(seed)
    chosen = trusted(said, "per_class", 0.9, top)
    for c in range(3):
        rows = said.argmax(axis=1) == c
        assert chosen[rows].sum() == int(np.ceil(top * rows.sum()))


@pytest.mark.parametrize("threshold", get_args(Threshold))
def test_of_equals_the_earlier(threshold: Threshold) -> None:
    said = np.full((4, 2), 0.5)
    expected = [True] * 4 if threshold == "fixed" else [True, True, False, False]
    assert trusted(said, threshold, 0.5, 0.5).tolist() == expected
