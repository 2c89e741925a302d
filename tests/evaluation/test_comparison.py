"""Learners side by side: the same labels at the same time, and hidden ones for none of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from streamssl import SemiSupervisedClassifier
from streamssl.evaluation import PrequentialResult, label_delays, label_mask, prequential
from streamssl.evaluation.comparison import LEARNER, TWIN, Labelling, compare, gains, learners, of, window_of
from streamssl.evaluation.metrics import Scores, outcomes, scores
from streamssl.evaluation.streams import Stream
from tests.learners.streams import drifting

N = 800
Call = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]


@pytest.fixture
def stream() -> Stream:
    X, y = drifting(N)
    return Stream("drifting", X, y, ["a", "b", "c"], [])


class First:
    """Says the first class always, and keeps what it was given."""

    def __init__(self) -> None:
        self.heard: list[Call] = []

    def run(
        self, seed: int, X: NDArray[np.float32], y: NDArray[np.int64], delay: NDArray[np.int64]
    ) -> PrequentialResult:
        assert seed == len(self.heard)
        self.heard.append((X, y, delay))
        predictions = np.zeros(len(y), int)
        return PrequentialResult(predictions, np.eye(3, dtype=np.float32)[predictions], np.arange(3), 1.0)


def test_runs_are_those_of_prequential(stream: Stream) -> None:
    labelling = Labelling(rate=0.1, delay=25, drawn=True)
    runs = list(compare(stream, labelling, [3]))
    assert [(run.learner, run.seed) for run in runs] == [(LEARNER, 3), (TWIN, 3)]
    shown = np.where(label_mask(stream.y, 0.1, 3), stream.y, -1)
    for run, learn_from_unlabelled in zip(runs, (True, False), strict=True):
        model = SemiSupervisedClassifier(seed=3, learn_from_unlabelled=learn_from_unlabelled)
        alone = prequential(model, stream.X, shown, label_delays(stream.y, 25, 3))
        assert run.scores == scores(outcomes(stream.y, alone))
        assert run.weights is not None
        assert run.weights.values[-1].tolist() == list(model.mixture.explain().values())
        assert run.weights.rows[-1] == N


def test_curves_end_with_the_whole_run(stream: Stream) -> None:
    [run, _] = compare(stream, Labelling(0.1), [0])
    assert run.rows[-1] == N
    np.testing.assert_allclose(run.so_far[-1], run.scores)
    assert run.lately.shape == run.so_far.shape == (len(run.rows), len(Scores._fields))
    first = run.rows <= window_of(N)
    np.testing.assert_array_equal(run.lately[first], run.so_far[first])


def test_peers_are_given_the_same_labels_and_no_hidden_one(stream: Stream) -> None:
    labelling, peer = Labelling(rate=0.05, delay=10), First()
    runs = list(compare(stream, labelling, [0, 1], {"first": peer.run}))
    assert learners(runs) == [LEARNER, TWIN, "first"]
    assert [run.seed for run in of(runs, "first")] == [0, 1]
    for seed, (X, y, delay) in enumerate(peer.heard):
        np.testing.assert_array_equal(X, stream.X)
        np.testing.assert_array_equal(y, np.where(label_mask(stream.y, 0.05, seed), stream.y, -1))
        assert (delay == 10).all()
    [run, _] = of(runs, "first")
    assert run.weights is None
    assert run.scores.accuracy == pytest.approx(np.mean(stream.y == 0))
    assert run.scores.kappa == pytest.approx(0)


def test_each_seed_has_an_order_of_its_own_if_shuffled(stream: Stream) -> None:
    peer = First()
    list(compare(stream, Labelling(1.0), [0, 1], {"first": peer.run}, shuffle=True))
    (X0, y0, _), (X1, _, _) = peer.heard
    assert not np.array_equal(X0, X1)
    order = np.random.default_rng(0).permutation(N)
    np.testing.assert_array_equal(X0, stream.X[order])
    np.testing.assert_array_equal(y0, stream.y[order])


def test_hidden_labels_do_not_reach_the_learners(stream: Stream) -> None:
    labelling = Labelling(rate=0.05, delay=5)
    hidden = ~label_mask(stream.y, 0.05, 0)
    hidden[:100] = False  # where the first two of every class are
    scrambled = np.where(hidden, np.random.default_rng(1).integers(3, size=N), stream.y)
    for one, other in zip(
        compare(stream, labelling, [0]), compare(stream._replace(y=scrambled), labelling, [0]), strict=True
    ):
        assert one.weights is not None
        assert other.weights is not None
        np.testing.assert_array_equal(one.weights.values, other.weights.values)
        assert one.scores != other.scores


def test_progress_counts_the_rows_of_each(stream: Stream) -> None:
    told: dict[tuple[str, int], int] = {}
    list(
        compare(stream, Labelling(), [5], progress=lambda learner, seed, rows: told.update({(learner, seed): rows}))
    )
    assert told == {(LEARNER, 5): N, (TWIN, 5): N}


def test_gains_are_paired_by_seed(stream: Stream) -> None:
    runs = list(compare(stream, Labelling(0.05), [0, 1]))
    mine, its = of(runs, LEARNER), of(runs, TWIN)
    assert gains(runs) == [mine[i].scores.kappa - its[i].scores.kappa for i in (0, 1)]
