from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from streamssl.families import gaussians


def filled(rows: np.ndarray, shares: np.ndarray, memory: float = 1e9) -> gaussians.Gaussians:
    state = gaussians.new(shares.shape[1], rows.shape[1])
    for row, share in zip(rows, shares, strict=True):
        for i, part in enumerate(share):
            gaussians.take_in(state, i, row, part, memory)
    return state


def some_rows(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


def test_moments_are_the_weighted_ones() -> None:
    rows, shares = some_rows(200, 3), np.random.default_rng(1).random((200, 2))
    state = filled(rows, shares)
    np.testing.assert_allclose(state.masses, shares.sum(axis=0))
    for i in range(2):
        mean = np.average(rows, axis=0, weights=shares[:, i])
        np.testing.assert_allclose(state.means[i], mean, rtol=1e-5)
        variance = np.average((rows - mean) ** 2, axis=0, weights=shares[:, i])
        np.testing.assert_allclose(state.variances[i], variance, rtol=1e-5)


def test_beyond_its_memory_it_follows() -> None:
    rows = some_rows(2000, 1)
    rows[1000:] += 10
    state = filled(rows, np.ones((2000, 1)), memory=100)
    assert state.masses[0] == 100
    assert state.means[0, 0] == pytest.approx(10, abs=0.5)


def test_log_densities_are_those_of_normal_columns() -> None:
    rows = some_rows(300, 2)
    state = filled(rows, np.ones((300, 2)) * [1.0, 0.5])
    out = np.empty(2)
    row, overall = np.array([0.5, -1], np.float32), np.array([2.0, 3.0])
    gaussians.log_densities(state, row, overall, 0.3, out)
    for i in range(2):
        deviations = np.sqrt((state.masses[i] * state.variances[i] + 0.3 * overall) / (state.masses[i] + 1))
        expected = norm.logpdf(row, state.means[i], deviations).sum() + np.log(2 * np.pi * np.sqrt(6))
        assert out[i] == pytest.approx(expected)


def test_a_column_that_does_not_vary_says_nothing() -> None:
    state = filled(some_rows(30, 2), np.ones((30, 1)))
    said = []
    for value in (0.0, 7.0):
        out = np.empty(1)
        gaussians.log_densities(state, np.array([value, 1], np.float32), np.array([0.0, 1.0]), 1.0, out)
        said.append(out[0])
    assert said[0] == said[1]


def test_who_is_not_there_takes_no_share() -> None:
    state = gaussians.new(2, 1)
    gaussians.take_in(state, 1, np.zeros(1, np.float32), 1.0, 10)
    gaussians.take_in(state, 0, np.ones(1, np.float32), 0.0, 10)
    shares = np.empty(2)
    gaussians.log_densities(state, np.ones(1, np.float32), np.ones(1), 1.0, shares)
    gaussians.normalise(shares)
    np.testing.assert_array_equal(shares, [0, 1])


def test_shares_of_nothing_are_nothing() -> None:
    shares = np.full(3, -np.inf)
    assert gaussians.normalise(shares) == -np.inf
    np.testing.assert_array_equal(shares, 0)


def test_normalise_does_not_overflow() -> None:
    shares = np.array([-5000.0, -5000.0 + np.log(3)])
    total = gaussians.normalise(shares)
    np.testing.assert_allclose(shares, [0.25, 0.75])
    assert total == pytest.approx(-5000 + np.log(4))


def test_growing_keeps_what_is_there() -> None:
    rows = some_rows(50, 2)
    wide = np.hstack([rows, np.zeros((50, 1), np.float32)])
    grown = gaussians.grow(filled(rows, np.ones((50, 1))), 2, 3)
    early = filled(wide, np.ones((50, 1)))
    np.testing.assert_array_equal(grown.means[:1], early.means)
    np.testing.assert_array_equal(grown.variances[:1], early.variances)
