"""Which labels are shown, and how late they come."""

from __future__ import annotations

import numpy as np
import pytest

from streamssl.evaluation.labels import label_delays, label_mask


def test_mask_shows_two_of_every_class_and_the_rate_of_the_rest() -> None:
    y = np.repeat([0, 1, 2], [9_000, 997, 3])
    mask = label_mask(y, 0.01, seed=1)
    expected = np.random.default_rng(1).random(10_000) < 0.01
    expected[[0, 1, 9_000, 9_001, 9_997, 9_998]] = True
    np.testing.assert_array_equal(mask, expected)
    with pytest.raises(ValueError, match="rate must lie"):
        label_mask(y, 1.5, seed=0)


def test_a_label_that_nobody_knows_is_never_shown() -> None:
    y = np.array([-1, 0, -1, 1, -1])
    assert label_mask(y, 1.0, seed=0).tolist() == [False, True, False, True, False]


def test_drawn_delays_are_geometric() -> None:
    delays = label_delays(np.zeros(200_000, int), 9, seed=0)
    assert delays.min() == 0
    assert delays.mean() == pytest.approx(9, rel=0.02)
    # Without memory: of those that have waited 5 rows, as many wait 5 more as of all.
    assert np.mean(delays[delays >= 5] >= 10) == pytest.approx(np.mean(delays >= 5), abs=0.01)


def test_a_class_has_its_own_mean() -> None:
    y = np.random.default_rng(0).integers(2, size=100_000)
    delays = label_delays(y, {0: 5, 1: 50}, seed=0)
    assert delays[y == 0].mean() == pytest.approx(5, rel=0.05)
    assert delays[y == 1].mean() == pytest.approx(50, rel=0.05)


def test_the_mean_changes_over_the_stream() -> None:
    delays = label_delays(np.zeros(100_000, int), 100, seed=0, end=0)
    assert delays[:1000].mean() == pytest.approx(100, rel=0.15)
    assert delays[-100:].mean() < 1


def test_the_same_seed_draws_the_same() -> None:
    y = np.zeros(100, int)
    np.testing.assert_array_equal(label_delays(y, 20, seed=3), label_delays(y, 20, seed=3))
    assert not np.array_equal(label_delays(y, 20, seed=3), label_delays(y, 20, seed=4))


def test_no_delay_is_none() -> None:
    assert label_delays([0, 1], 0, seed=0).tolist() == [0, 0]
    assert label_delays([], 5, seed=0).tolist() == []


def test_bad_means_are_named() -> None:
    with pytest.raises(ValueError, match=r"mean has none for the classes \[2\]"):
        label_delays([0, 2], {0: 1}, seed=0)
    with pytest.raises(ValueError, match="must not be negative"):
        label_delays([0, 1], -1, seed=0)
    with pytest.raises(ValueError, match="must not be negative"):
        label_delays([0, 1], 1, seed=0, end=-1)
