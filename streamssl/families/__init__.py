"""The textbook families of semi-supervised learning, each around any classifier of River, each guarded."""

from streamssl.families.consistency import ConsistencyRegularization
from streamssl.families.generative import GaussianMixtureEM, NaiveBayesEM
from streamssl.families.graph import LabelPropagation, LabelSpreading
from streamssl.families.self_training import SelfTraining
from streamssl.families.softmax_regression import SoftmaxRegression

__all__ = [
    "ConsistencyRegularization",
    "GaussianMixtureEM",
    "LabelPropagation",
    "LabelSpreading",
    "NaiveBayesEM",
    "SelfTraining",
    "SoftmaxRegression",
]
