"""Rows of length 1, as encoders of text make them: told by themselves, with experts of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamssl.learners import panel, row_kind
from streamssl.learners.mixture import Mixture
from tests.learners.streams import assert_same_state

WIDTH, CLASSES = row_kind.NARROWEST, 4


def clusters(n: int, seed: int = 0, noise: float = 0.9) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return directions around twelve centres, three of each class."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(3 * CLASSES, WIDTH))
    chosen = rng.integers(0, len(centres), n)
    rows = centres[chosen] + noise * rng.normal(size=(n, WIDTH))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), chosen % CLASSES


def one_hot(classes: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.eye(CLASSES, dtype=np.float32)[classes]


def lived(
    mixture: Mixture, rows: NDArray[np.float32], classes: NDArray[np.int64], every: int = 20, block: int = 1000
) -> NDArray[Any]:
    """Show the stream with one label in so many; return what was decided."""
    labelled = np.arange(0, len(rows), every)
    run = mixture.test_then_train(rows, labelled, one_hot(classes[labelled]), labelled, block)
    return np.concatenate([memory.decisions for memory in run])


def test_blocks_and_single_rows_lead_to_the_same_state() -> None:
    rows, classes = clusters(500)
    whole, single = Mixture(WIDTH, CLASSES), Mixture(WIDTH, CLASSES)
    np.testing.assert_array_equal(lived(whole, rows, classes), lived(single, rows, classes, block=1))
    assert_same_state(whole, single)


def test_room_made_when_the_first_row_comes_is_room_made_before() -> None:
    rows, classes = clusters(300)
    early, late = Mixture(WIDTH, CLASSES), Mixture()
    late.grow(WIDTH, CLASSES)
    lived(early, rows, classes)
    lived(late, rows, classes)
    assert_same_state(early, late)


def test_the_state_goes_on_from_arrays() -> None:
    rows, classes = clusters(600)
    one = Mixture(WIDTH, CLASSES)
    lived(one, rows[:300], classes[:300])
    other = Mixture.from_arrays(one.to_arrays())
    np.testing.assert_array_equal(lived(one, rows[300:], classes[300:]), lived(other, rows[300:], classes[300:]))
    assert_same_state(one, other)


def test_experts_for_vectors_are_heard() -> None:
    rows, classes = clusters(300)
    mixture = Mixture(WIDTH, CLASSES)
    lived(mixture, rows, classes)
    assert all(mixture.explain()[name] > 0 for name in panel.FOR_VECTORS)


def test_rows_of_any_length_are_a_table() -> None:
    rows, classes = clusters(300)
    mixture = Mixture(WIDTH, CLASSES)
    lived(mixture, rows * np.linspace(1, 3, 300, dtype=np.float32)[:, None], classes)
    assert all(mixture.explain()[name] == 0 for name in panel.FOR_VECTORS)


def test_unlabelled_events_are_worth_something() -> None:
    rows, classes = clusters(2000, noise=1.3)
    learner, twin = Mixture(WIDTH, CLASSES), Mixture(WIDTH, CLASSES, learn_from_unlabelled=False)
    hits = [(lived(mixture, rows, classes, every=50) == classes).mean() for mixture in (learner, twin)]
    assert hits[0] > hits[1] + 0.02


def test_a_late_label_is_that_of_its_event() -> None:
    """Labels that come after everything has passed teach as much as any."""
    rows, classes = clusters(600)
    mixture = Mixture(WIDTH, CLASSES)
    memory = mixture.process(rows)
    labelled = np.arange(0, 600, 15)
    mixture.learn(rows[labelled], one_hot(classes[labelled]), np.ones(40, np.float32), memory.take(labelled))
    fresh, truth = clusters(300, seed=1)
    assert (mixture.predict(fresh).decisions == truth).mean() > 0.7


def test_a_label_taken_back_is_on_no_node() -> None:
    rows, classes = clusters(100)
    mixture = Mixture(WIDTH, CLASSES)
    memory = mixture.process(rows)
    keys = np.arange(5)
    mixture.learn(rows[:5], one_hot(classes[:5]), np.ones(5, np.float32), memory.take(slice(0, 5)), keys)
    assert np.count_nonzero(mixture.to_arrays()["experts.graph.weights"]) == 5
    mixture.forget(keys[1:3])
    assert np.count_nonzero(mixture.to_arrays()["experts.graph.weights"]) == 3
