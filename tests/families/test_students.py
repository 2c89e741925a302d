from __future__ import annotations

import numpy as np
import pytest

from streamssl.families import students

PRIOR = np.ones(3)


def network(hidden: int, d: int = 4, seed: int = 0) -> students.Weights:
    weights = students.new(d, hidden, 3)
    rng = np.random.default_rng(seed)
    weights.inner[:] = rng.normal(size=weights.inner.shape)
    weights.outer[:] = rng.normal(size=weights.outer.shape)
    return weights


def said(weights: students.Weights, z: np.ndarray, prior: np.ndarray = PRIOR) -> np.ndarray:
    out = np.empty(len(prior))
    students.predict(weights, z, prior, students.scratch(weights), out)
    return out


def expected(weights: students.Weights, z: np.ndarray) -> np.ndarray:
    features = np.maximum(weights.inner[0] + z @ weights.inner[1:], 0) if weights.inner.shape[1] else z
    scores = weights.outer[0] + features @ weights.outer[1:]
    return np.exp(scores) / np.exp(scores).sum()


@pytest.mark.parametrize("hidden", [0, 5])
def test_it_says_what_the_equations_say(hidden: int) -> None:
    weights, z = network(hidden), np.array([0.5, -1, 2, 0], np.float32)
    np.testing.assert_allclose(said(weights, z), expected(weights, z))


@pytest.mark.parametrize("hidden", [0, 5])
def test_a_step_goes_down_the_gradient(hidden: int) -> None:
    """Adagrad's first step has the size of its rate and the sign of the gradient, found here by differences."""
    weights, z = network(hidden), np.array([0.5, -1, 2, 0.3], np.float32)
    before = students.Weights(*(array.copy() for array in weights))
    target = np.array([0.2, 0.7, 0.1])

    def loss(at: students.Weights) -> float:
        return float(-target @ np.log(expected(at, z)))

    squares = students.new(4, hidden, 3)
    students.learn(weights, squares, z, target, 1.0, PRIOR, students.scratch(weights))
    for place in range(2):
        for index in np.ndindex(before[place].shape):
            moved = students.Weights(*(array.copy() for array in before))
            moved[place][index] += 1e-6
            slope = (loss(moved) - loss(before)) / 1e-6 + students.SHRINKAGE * before[place][index]
            if abs(slope) > 1e-2:
                change = weights[place][index] - before[place][index]
                assert change == pytest.approx(-students.RATE * np.sign(slope), rel=1e-3)


@pytest.mark.parametrize("hidden", [0, 8])
def test_it_learns(hidden: int) -> None:
    rng = np.random.default_rng(0)
    weights, squares = network(hidden), students.new(4, hidden, 3)
    scratch = students.scratch(weights)
    rows = rng.normal(size=(3000, 4)).astype(np.float32)
    classes = np.where(rows[:, 0] > 0.5, 0, np.where(rows[:, 1] > 0, 1, 2))
    for row, c in zip(rows[:2500], classes, strict=False):
        students.learn(weights, squares, row, np.eye(3)[c], 1.0, PRIOR, scratch)
    hits = [said(weights, row).argmax() == c for row, c in zip(rows[2500:], classes[2500:], strict=True)]
    assert np.mean(hits) > 0.85


def test_classes_nobody_has_named_have_no_probability() -> None:
    out = said(network(4), np.ones(4, np.float32), np.array([1.0, 0.0, 2.0]))
    assert out[1] == 0
    assert out.sum() == pytest.approx(1)


@pytest.mark.parametrize("hidden", [0, 5])
def test_growing_changes_nothing_that_is_said(hidden: int) -> None:
    weights, z = network(hidden), np.array([0.5, -1, 2, 0], np.float32)
    grown = students.grow(weights, 6, 4)
    wide = np.append(z, np.zeros(2, np.float32))
    np.testing.assert_allclose(said(grown, wide, np.append(PRIOR, 0))[:3], said(weights, z))


def test_a_teacher_is_the_moving_average() -> None:
    teacher, student = network(3), network(3, seed=1)
    halfway = (teacher.inner + student.inner) / 2
    students.follow(teacher, student, 0.5)
    np.testing.assert_allclose(teacher.inner, halfway)
    students.follow(teacher, student, 1.0)
    np.testing.assert_allclose(teacher.outer, student.outer)
