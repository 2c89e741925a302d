from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from streamssl.sklearn import SemiSupervisedClassifier
from tests.learners.streams import assert_same_state, drifting


@parametrize_with_checks([SemiSupervisedClassifier()])
def test_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_fit_is_partial_fit_in_pieces() -> None:
    X, y = drifting(200)
    y = np.where(np.arange(200) % 5 == 0, y, -1)
    whole = SemiSupervisedClassifier().fit(X, y)
    pieces = SemiSupervisedClassifier()
    for begin in range(0, 200, 40):
        part = slice(begin, begin + 40)
        pieces.partial_fit(X[part], y[part], classes=whole.classes_)
    assert_same_state(whole.mixture_, pieces.mixture_)


def test_hidden_labels_among_strings() -> None:
    X, y = drifting(60)
    names = np.array(["x", "y", "z"], object)[y]
    names[::2] = -1
    model = SemiSupervisedClassifier().fit(X, names)
    assert set(model.predict(X)) <= {"x", "y", "z"}
    assert -1 not in model.classes_.tolist()


def test_pipeline_and_search() -> None:
    X, y = drifting(150)
    pipeline = make_pipeline(StandardScaler(), SemiSupervisedClassifier())
    search = GridSearchCV(pipeline, {"semisupervisedclassifier__metric": ["kappa", "accuracy"]}, cv=2)
    assert 0 <= search.fit(X, y).best_score_ <= 1


def test_the_signs_are_two_classes_to_fit() -> None:
    X, y = drifting(60, n_classes=2)
    model = SemiSupervisedClassifier().fit(X, np.where(y == 1, 1, -1))
    assert model.classes_.tolist() == [-1, 1]
    assert_same_state(model.mixture_, SemiSupervisedClassifier().fit(X, y).mixture_)


def test_the_signs_are_two_classes_if_partial_fit_is_told_so() -> None:
    X, y = drifting(60, n_classes=2)
    signs = np.where(y == 1, 1, -1)
    model = SemiSupervisedClassifier().partial_fit(X[:30], signs[:30], classes=[-1, 1])
    model.partial_fit(X[30:], signs[30:])
    assert_same_state(model.mixture_, SemiSupervisedClassifier().fit(X, y).mixture_)


@pytest.mark.parametrize("classes", [None, [-1, 0, 1], [0, 1]])
def test_a_row_of_minus_one_is_unlabelled_otherwise(classes: list[int] | None) -> None:
    X, y = drifting(60, n_classes=2)
    model = SemiSupervisedClassifier().partial_fit(X, np.where(np.arange(60) % 3, -1, y), classes)
    assert model.classes_.tolist() == [0, 1]
    assert model.mixture_.n_labelled == 20


def test_weights_of_labels() -> None:
    X, y = drifting(60)
    hidden = np.where(np.arange(60) % 2, -1, y)
    by_weight = SemiSupervisedClassifier().partial_fit(X, y, sample_weight=(hidden >= 0).astype(float))
    assert_same_state(by_weight.mixture_, SemiSupervisedClassifier().fit(X, hidden).mixture_)
    with pytest.raises(ValueError, match=r"(?i)negative"):
        by_weight.partial_fit(X, y, sample_weight=-np.ones(60))


def test_rows_without_any_label_need_classes() -> None:
    X, _ = drifting(60)
    with pytest.raises(ValueError, match="no class is known"):
        SemiSupervisedClassifier().fit(X, np.full(60, -1))
    model = SemiSupervisedClassifier().partial_fit(X, np.full(60, -1), classes=[0, 1])
    assert model.predict_proba(X).tolist() == [[0.5, 0.5]] * 60


def test_a_class_of_which_nothing_was_said_is_refused() -> None:
    X, y = drifting(60)
    model = SemiSupervisedClassifier().fit(X, y)
    with pytest.raises(ValueError, match="[7]"):
        model.partial_fit(X[:1], [7])


@pytest.mark.parametrize("maker", ["torch.from_numpy", "tensorflow.convert_to_tensor"])
def test_tensors(maker: str) -> None:
    library, function = maker.split(".")
    as_tensor = getattr(pytest.importorskip(library), function)
    X, y = drifting(60)
    by_tensor = SemiSupervisedClassifier().fit(as_tensor(X), as_tensor(y))
    assert_same_state(by_tensor.mixture_, SemiSupervisedClassifier().fit(X, y).mixture_)
    np.testing.assert_array_equal(by_tensor.predict(as_tensor(X)), by_tensor.predict(X))


def test_importing_streamssl_leaves_it_out() -> None:
    code = "import streamssl, sys; sys.exit('streamssl.sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
