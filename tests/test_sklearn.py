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

AGAINST_ITS_NATURE = {
    "check_classifiers_classes": "-1 means unlabelled, the check takes it for a class",
    "check_sample_weight_equivalence_on_dense_data": "a row that comes twice in a stream has been observed twice",
}


@parametrize_with_checks([SemiSupervisedClassifier()], expected_failed_checks=lambda _: AGAINST_ITS_NATURE)
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


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    X, y = drifting(60)
    by_tensor = SemiSupervisedClassifier().fit(torch.from_numpy(X), torch.from_numpy(y))
    assert_same_state(by_tensor.mixture_, SemiSupervisedClassifier().fit(X, y).mixture_)


def test_importing_streamssl_leaves_it_out() -> None:
    code = "import streamssl, sys; sys.exit('streamssl.sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
