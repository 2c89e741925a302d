"""Prequential runs with masked and delayed labels, their scores, and other learners beside them."""

from streamssl.evaluation.labels import label_delays, label_mask
from streamssl.evaluation.prequential import PrequentialResult, prequential

__all__ = ["PrequentialResult", "label_delays", "label_mask", "prequential"]
