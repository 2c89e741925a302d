from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from streamssl.learners import class_prior, randomness
from streamssl.learners.experts import correlation, ridge
from streamssl.learners.row_kind import NARROWEST
from tests.learners.streams import one_hot

D = NARROWEST


class Expert:
    """The expert with what it needs around it."""

    def __init__(self, n_columns: int = D, n_classes: int = 2) -> None:
        self.state = correlation.new(n_columns, n_classes)
        self.prior = class_prior.new(n_classes)
        self.generator = randomness.new(0)

    def observe(self, rows: np.ndarray) -> None:
        scratch = correlation.scratch(rows.shape[1])
        for row in rows:
            correlation.observe(self.state, row, self.generator, scratch)

    def learn(self, rows: np.ndarray, targets: np.ndarray, weight: float = 1.0) -> None:
        for row, target in zip(rows, targets, strict=True):
            class_prior.learn(self.prior, target, weight)
            correlation.learn(self.state, row, target, weight, self.prior, int(self.state.counts[0]))

    def predict(self, rows: np.ndarray) -> np.ndarray:
        out = np.empty((len(rows), len(self.prior)))
        for row, each in zip(rows, out, strict=True):
            correlation.predict(self.state, row, self.prior, np.empty(len(self.prior)), each)
        return out


def texts(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of length 1 with six words of the hundred, five of them from their topic's half, and the topics."""
    rng = np.random.default_rng(seed)
    topics = rng.integers(2, size=n)
    rows = np.zeros((n, D), np.float32)
    for row, topic in zip(rows, topics, strict=True):
        row[rng.choice(50, 5, replace=False) + 50 * topic] = 1.0
        row[rng.integers(D)] = 1.0
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), topics


def reference(expert: Expert, seen: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Predictions in double precision, in the dual form, from the window and all events seen."""
    state, known = expert.state, expert.prior > 0
    held = np.flatnonzero(state.weights > 0)
    weights, targets, window = state.weights[held], state.targets[held], state.rows[held].astype(float)
    shares = np.where(known, (weights @ targets + 0.5) / (weights.sum() + 0.5 * known.sum()), 0.0)
    covariance = np.cov(seen.astype(float), rowvar=False, bias=True)
    scale = 1 / np.sqrt(covariance.diagonal() + 0.1 * covariance.diagonal().mean())
    mixing = covariance * np.outer(scale, scale)

    def kernels(power: int) -> tuple[np.ndarray, np.ndarray]:
        step = np.linalg.matrix_power(mixing, power // 2)
        a, b = window @ step, rows @ step
        mean = (a * a).sum() / len(a)
        return a @ a.T / mean, b @ a.T / mean

    options = []
    plain = kernels(0)
    for power in correlation.POWERS:
        among, across = kernels(power)
        if power > 0:
            among, across = ((k + p / 64) / (1 + 1 / 64) for k, p in zip((among, across), plain, strict=True))
        loss, penalty, sharpness = ridge.choose(among + 1, targets - shares, weights, shares, expert.prior)
        options.append((loss, penalty, sharpness, among + 1, across + 1))
    _, penalty, sharpness, among, across = min(options, key=lambda option: option[0])
    alpha = np.linalg.solve(among + penalty * np.diag(1 / weights), targets - shares)
    p = np.exp(sharpness * (across @ alpha + shares)) * known
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n_labels", [1, 3, 9, 16])
def test_it_says_what_the_dual_form_says(n_labels: int) -> None:
    rows, topics = texts(300)
    expert = Expert()
    expert.observe(rows)
    expert.learn(rows[:n_labels], one_hot(topics[:n_labels]))
    assert_allclose(expert.predict(rows), reference(expert, rows, rows), atol=2e-4)


def test_soft_and_weighted_labels() -> None:
    rows, topics = texts(300)
    targets = 0.6 * one_hot(topics) + 0.2
    expert = Expert()
    expert.observe(rows)
    expert.learn(rows[:8], targets[:8], weight=0.5)
    expert.learn(rows[8:16], targets[8:16], weight=2.0)
    assert_allclose(expert.predict(rows), reference(expert, rows, rows), atol=2e-4)


def test_a_full_window_lets_the_oldest_go() -> None:
    rows, topics = texts(600)
    expert = Expert()
    expert.observe(rows)
    expert.state.counts[1] = 600  # no fit before all labels are there
    expert.learn(rows, one_hot(topics))
    assert set(expert.state.keys) == set(range(600 - ridge.CAPACITY, 600))
    assert_allclose(expert.predict(rows), reference(expert, rows, rows), atol=2e-4)


def test_words_that_no_label_has_are_known_by_the_company_they_keep() -> None:
    rows, topics = texts(2000)
    labelled = np.concatenate([np.flatnonzero(topics == topic)[:2] for topic in (0, 1)])
    fresh = np.setdiff1d(np.arange(len(rows)), labelled)

    def accuracy(expert: Expert) -> float:
        expert.learn(rows[labelled], one_hot(topics[labelled]))
        return float(np.mean(expert.predict(rows[fresh]).argmax(axis=1) == topics[fresh]))

    with_events, without = Expert(), Expert()
    with_events.observe(rows)
    assert accuracy(with_events) > 0.97
    assert accuracy(without) < 0.9


def test_second_moments_are_those_of_all_rows() -> None:
    rows, _ = texts(200)
    expert = Expert()
    expert.observe(rows)
    assert expert.state.seen[0] == 200
    assert_allclose(expert.state.sums, rows.sum(axis=0), rtol=1e-5)
    assert_allclose(expert.state.products, np.triu(rows.T @ rows), atol=1e-4)


def test_rows_with_many_words_take_part_more_rarely_and_weigh_more() -> None:
    rows = np.random.default_rng(0).normal(size=(20_000, 128)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expert = Expert(128)
    expert.observe(rows)
    state = expert.state
    weight = 128 * 128 / correlation.MOST_PAIRS
    assert state.seen[0] == pytest.approx(len(rows), rel=0.05)
    assert state.seen[0] % weight == 0
    assert_allclose(state.products.diagonal() / state.seen[0], (rows**2).mean(axis=0), rtol=0.1)


def test_sums_stay_small_enough_to_take_in_new_events() -> None:
    """Without fading, a float32 of 2**24 and 1 are 2**24."""
    row = np.zeros(D, np.float32)
    row[7] = 1.0
    expert = Expert()
    state = expert.state
    state.seen[0] = correlation.MEMORY
    state.products[3, 3] = state.sums[3] = correlation.MEMORY / 4
    state.products[3, 5] = correlation.MEMORY / 8
    expert.observe(row[None])
    half = correlation.MEMORY / 2
    assert_array_equal([state.seen[0], state.sums[3], state.sums[7]], [half + 1, half / 4, 1])
    assert_array_equal([state.products[3, 3], state.products[3, 5], state.products[7, 7]], [half / 4, half / 8, 1])


def test_at_the_next_fit_a_forgotten_label_has_never_been_there() -> None:
    rows, topics = texts(100)
    forgetful, innocent = Expert(), Expert()
    for expert in (forgetful, innocent):
        expert.observe(rows)
    forgetful.learn(rows[:10], one_hot(topics[:10]))
    for key in (2, 7):
        correlation.forget(forgetful.state, key)
    forgetful.learn(rows[10:11], one_hot(topics[10:11]))
    kept = [0, 1, 3, 4, 5, 6, 8, 9, 10]
    innocent.learn(rows[kept], one_hot(topics[kept]))
    assert_allclose(forgetful.predict(rows), innocent.predict(rows), atol=1e-6)


@pytest.mark.parametrize("n_before", [0, 12])
def test_room_for_columns_and_classes_changes_nothing(n_before: int) -> None:
    """Up to rounding: products of matrices may be summed in another order when they are wider."""
    rows, topics = texts(100)
    wide = np.pad(rows, ((0, 0), (0, 7)))
    early, late = Expert(D + 7, 3), Expert()
    early.observe(wide)
    late.observe(rows)
    early.learn(wide[:n_before], one_hot(topics[:n_before], 3))
    late.learn(rows[:n_before], one_hot(topics[:n_before]))
    late.state = correlation.grow(late.state, D + 7, 3)
    late.prior = class_prior.grow(late.prior, 3)
    for expert in (early, late):
        expert.learn(wide[n_before:40], one_hot(topics[n_before:40], 3))
    for name in correlation.Correlation._fields:
        assert_allclose(getattr(early.state, name), getattr(late.state, name), atol=1e-3, err_msg=name)
    assert_allclose(early.predict(wide), late.predict(wide), atol=1e-4)
    assert not early.predict(wide)[:, 2].any()


@pytest.mark.parametrize("n_columns", [NARROWEST - 1, correlation.WIDEST + 1])
def test_where_it_cannot_be_asked_it_holds_nothing(n_columns: int) -> None:
    grown = correlation.grow(correlation.new(NARROWEST, 2), n_columns, 2)
    for state in (correlation.new(n_columns, 2), grown):
        assert state.products.size == state.rows.size == 0


def test_rows_without_words_break_nothing() -> None:
    rows = np.zeros((40, D), np.float32)
    expert = Expert()
    expert.observe(rows)
    expert.learn(rows, one_hot(np.arange(40) % 2))
    assert_allclose(expert.predict(rows[:1]), [[0.5, 0.5]], atol=0.02)
