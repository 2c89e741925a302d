"""A streaming, online, semi-supervised learner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamssl.learners.classifier import SemiSupervisedClassifier

__all__ = ["SemiSupervisedClassifier"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: the command line answers before Numba has loaded.
    if name == "SemiSupervisedClassifier":
        from streamssl.learners.classifier import SemiSupervisedClassifier

        return SemiSupervisedClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
