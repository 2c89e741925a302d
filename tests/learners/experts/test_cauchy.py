from __future__ import annotations

import numpy as np
import pytest

from streamssl.learners import class_prior
from streamssl.learners.experts import cauchy
from streamssl.learners.experts.ridge import CAPACITY
from tests.learners.streams import one_hot


class Machine:
    """A machine with what it needs around it."""

    def __init__(self, n_columns: int, n_classes: int) -> None:
        self.state = cauchy.new(n_columns, n_classes)
        self.prior = class_prior.new(n_classes)

    def learn(self, rows: np.ndarray, targets: np.ndarray, weight: float = 1.0, unit: bool = False) -> None:
        scratch = cauchy.scratch(len(self.state.rows))
        for row, target in zip(rows, targets, strict=True):
            class_prior.learn(self.prior, target, weight)
            key = int(self.state.counts[0])
            cauchy.learn(self.state, row, target, weight, self.prior, key, unit, scratch)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        scratch = cauchy.scratch(len(self.state.rows))
        out = np.empty((len(rows), len(self.prior)))
        for row, each in zip(rows, out, strict=True):
            cauchy.predict(self.state, row, self.prior, scratch, np.empty(len(self.prior)), each)
        return out


def circle(n: int, d: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Inside or outside."""
    rows = np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)
    return rows, (np.linalg.norm(rows[:, :2], axis=1) > 1.2).astype(int)


def reference(machine: Machine, rows: np.ndarray) -> np.ndarray:
    """Predictions from the whole window, fitted at once with what was chosen."""
    state = machine.state
    inverse_width, linear, penalty, sharpness = state.chosen
    held = np.flatnonzero(state.weights > 0)

    def scaled(raw: np.ndarray) -> np.ndarray:
        return np.clip((raw - state.mean) * state.scale, -5, 5).astype(float)

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        distance = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        return 1 / (1 + distance * inverse_width) + 0.1 + linear * a @ b.T

    window = scaled(state.rows[:, held].T)
    gram = kernel(window, window) + penalty * np.diag(1 / state.weights[held])
    scores = kernel(scaled(rows), window) @ np.linalg.solve(gram, state.targets[held] - state.shares) + state.shares
    p = np.exp(sharpness * scores) * (machine.prior > 0)
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n", [1, 5, 30, 140, CAPACITY + 150])
def test_it_follows_each_label_as_if_it_were_fitted_anew(n: int) -> None:
    rows, classes = circle(n + 20)
    machine = Machine(2, 2)
    machine.learn(rows[:n], one_hot(classes[:n]))
    np.testing.assert_allclose(machine.predict(rows[n:]), reference(machine, rows[n:]), atol=1e-3)


def test_few_labels_make_a_round_border() -> None:
    rows, classes = circle(1000)
    machine = Machine(2, 2)
    machine.learn(rows[:60], one_hot(classes[:60]))
    assert np.mean(machine.predict(rows[60:]).argmax(axis=1) == classes[60:]) > 0.88


def test_a_forgotten_label_leaves_as_if_it_had_never_joined() -> None:
    rows, classes = circle(60)
    machine = Machine(2, 2)
    machine.learn(rows, one_hot(classes))
    for key in (3, 17, 59):
        cauchy.forget(machine.state, key)
    assert (machine.state.weights > 0).sum() == 57
    np.testing.assert_allclose(machine.predict(rows), reference(machine, rows), atol=1e-3)


def test_soft_and_weighted_labels() -> None:
    rows, _ = circle(50)
    machine = Machine(2, 2)
    machine.learn(rows, np.tile(np.array([[0.8, 0.2]], np.float32), (50, 1)), weight=0.5)
    np.testing.assert_allclose(machine.predict(rows), reference(machine, rows), atol=1e-3)
    assert (machine.predict(rows)[:, 0] > 0.6).all()


def test_vectors_of_length_one_stay_as_they_are() -> None:
    rows, classes = circle(40, d=4)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    machine = Machine(4, 2)
    machine.learn(rows, one_hot(classes), unit=True)
    np.testing.assert_array_equal(machine.state.scaled[:, :40], machine.state.rows[:, :40])


@pytest.mark.parametrize("n_before", [0, 40])
def test_room_for_columns_and_classes_changes_nothing(n_before: int) -> None:
    rows, classes = circle(90)
    wide = np.pad(rows, ((0, 0), (0, 3)))
    early, late = Machine(5, 3), Machine(2, 2)
    early.learn(wide[:n_before], one_hot(classes[:n_before], 3))
    late.learn(rows[:n_before], one_hot(classes[:n_before]))
    late.state = cauchy.grow(late.state, 5, 3)
    late.prior = class_prior.grow(late.prior, 3)
    for machine in (early, late):
        machine.learn(wide[n_before:], one_hot(classes[n_before:], 3))
    for name in cauchy.Cauchy._fields:
        np.testing.assert_array_equal(getattr(early.state, name), getattr(late.state, name), err_msg=name)
    assert not early.predict(wide)[:, 2].any()


def test_the_same_row_again_and_again_does_not_break_it() -> None:
    machine = Machine(2, 2)
    machine.learn(np.ones((CAPACITY + 50, 2), np.float32), one_hot(np.arange(CAPACITY + 50) % 2))
    np.testing.assert_allclose(machine.predict(np.ones((1, 2), np.float32)), [[0.5, 0.5]], atol=0.05)
