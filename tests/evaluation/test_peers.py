from __future__ import annotations

import importlib.util
import shutil

import numpy as np
import pytest
from numpy.typing import NDArray

from streamssl.evaluation import label_mask
from streamssl.evaluation.peers import peer, prequential_peer

N = 400
SPECS = (
    "river:linear_model.LogisticRegression",
    "river:linear_model.PAClassifier",
    "river:linear_model.SoftmaxRegression",
    "river:neighbors.KNNClassifier",
    "river:tree.HoeffdingTreeClassifier",
    "river:forest.ARFClassifier",
    "river:naive_bayes.GaussianNB",
    "sklearn:linear_model.SGDClassifier",
    "sklearn:naive_bayes.GaussianNB",
)
CAPYMOA = ("capymoa:SLEADE", "capymoa:NaiveBayes")
without_capymoa = pytest.mark.skipif(
    importlib.util.find_spec("capymoa") is None or shutil.which("java") is None,
    reason="CapyMOA (pip install capymoa) or Java is not there",
)
ALL = [*SPECS, *(pytest.param(spec, marks=without_capymoa) for spec in CAPYMOA)]


def stream(n_classes: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Classes side by side, on columns of very different scales."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=N)
    X = rng.normal(size=(N, 3)) + 4 * np.eye(n_classes, 3)[y]
    return (X * [1, 100, 0.01]).astype(np.float32), y


class Diary:
    """Writes down what it is told, in order; knows nothing."""

    def start(self, n_features: int, n_classes: int) -> None:
        self.told: list[tuple[str, int, int]] = []

    def predict(self, row: NDArray[np.float32]) -> NDArray[np.float64] | None:
        self.told.append(("predict", int(row[0]), -1))
        return None

    def learn(self, row: NDArray[np.float32], label: int) -> None:
        self.told.append(("learn", int(row[0]), label))

    def observe(self, row: NDArray[np.float32]) -> None:
        self.told.append(("observe", int(row[0]), -1))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("spec", ALL)
def test_every_kind_learns(spec: str, n_classes: int) -> None:
    X, y = stream(n_classes)
    shown = np.where(label_mask(y, 0.3, seed=0), y, -1)
    result = prequential_peer(peer(spec), X, shown, delay=3)
    assert np.mean(result.predictions[N // 2 :] == y[N // 2 :]) > 0.7
    told = result.probabilities.any(axis=1)
    np.testing.assert_allclose(result.probabilities[told].sum(axis=1), 1, rtol=1e-5)
    assert result.events_per_second > 0


@pytest.mark.parametrize("spec", ["river:forest.ARFClassifier", "sklearn:linear_model.SGDClassifier"])
def test_a_learner_begins_anew_each_time_with_its_seed(spec: str) -> None:
    X, y = stream(3)
    learner = peer(spec, seed=4)
    first, second = (prequential_peer(learner, X, y).probabilities for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_seed_reaches_the_model() -> None:
    X, y = stream(3)
    one, other = (prequential_peer(peer("river:forest.ARFClassifier", seed), X, y).probabilities for seed in (0, 1))
    assert (one != other).any()


def test_each_event_is_predicted_then_observed_then_labels_come_in_their_time() -> None:
    diary = Diary()
    X = np.arange(4)[:, None]
    prequential_peer(diary, X, [7, 5, -1, 7], delay=[1, 0, 0, 1])
    assert diary.told == [
        ("observe", 0, -1),
        ("learn", 0, 1),
        ("learn", 1, 0),
        ("predict", 2, -1),
        ("observe", 2, -1),
        ("predict", 3, -1),
        ("observe", 3, -1),
    ]


def test_before_any_label_there_is_no_class_and_then_the_commonest_stands_in() -> None:
    result = prequential_peer(Diary(), np.zeros((6, 1)), [-1, 5, 7, 7, -1, -1])
    assert result.predictions.tolist() == [-1, -1, 5, 5, 7, 7]
    assert result.probabilities[:2].tolist() == [[0, 0], [0, 0]]
    assert result.classes.tolist() == [5, 7]


def test_scores_that_are_no_numbers_do_not_count() -> None:
    class Broken(Diary):
        def predict(self, row: NDArray[np.float32]) -> NDArray[np.float64] | None:
            return np.array([np.nan, 1.0])

    result = prequential_peer(Broken(), np.zeros((3, 1)), [0, 1, -1])
    assert result.probabilities[1:].tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("spec", ["river:tree.HoeffdingTreeClassifier", "sklearn:linear_model.SGDClassifier"])
def test_what_does_not_arrive_changes_nothing(spec: str) -> None:
    X, y = stream(2)
    shown = np.where(label_mask(y, 0.2, seed=1), y, -1)
    until = np.where(np.arange(N) < 200, shown, -1)
    late = np.where(np.arange(N) < 200, 0, N)
    whole, cut = (prequential_peer(peer(spec), X, *each).probabilities for each in ((until,), (shown, late)))
    np.testing.assert_array_equal(whole, cut)


def test_columns_of_other_scales_do_not_hide_the_class_from_linear_models() -> None:
    X, y = stream(2)
    plain, scaled = (
        prequential_peer(peer("river:linear_model.LogisticRegression"), X * scale, y).probabilities
        for scale in (np.ones(3), np.array([1, 1024, 1 / 1024]))
    )
    np.testing.assert_allclose(plain, scaled, atol=1e-4)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("ARFClassifier", "written as one of river:NAME"),
        ("weka:J48", "written as one of river:NAME"),
        ("river:forests.ARFClassifier", "no module river.forests"),
        ("river:forest.ARF", "river.forest has no ARF"),
        ("river:preprocessing.StandardScaler", "no classifier"),
        ("river:linear_model.LinearRegression", "no classifier"),
        ("sklearn:linear_model.SGDRegressor", "no classifier with partial_fit"),
        ("sklearn:tree.DecisionTreeClassifier", "no classifier with partial_fit"),
    ],
)
def test_what_is_no_learner_is_refused_by_name(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        peer(spec)


@pytest.mark.skipif(importlib.util.find_spec("capymoa") is not None, reason="CapyMOA is there")
def test_without_capymoa_it_says_what_to_install() -> None:
    with pytest.raises(ImportError, match="pip install capymoa"):
        peer("capymoa:SLEADE")


@without_capymoa
def test_unlabelled_events_reach_a_semi_supervised_learner() -> None:
    X, y = stream(2)
    shown = np.where(label_mask(y, 0.1, seed=0), y, -1)
    other = X.copy()
    other[:300][shown[:300] < 0] *= -1
    learner = peer("capymoa:SLEADE")
    first, second = (prequential_peer(learner, rows, shown).probabilities[300:] for rows in (X, other))
    assert (first != second).any()
