"""Prequential runs with masked and delayed labels."""

from streamssl.evaluation.prequential import PrequentialResult, label_mask, prequential

__all__ = ["PrequentialResult", "label_mask", "prequential"]
