"""A streaming, online, semi-supervised learner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamssl.learners.classifier import SemiSupervisedClassifier

    __version__: str

__all__ = ["SemiSupervisedClassifier", "__version__"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: the command line answers before Numba has loaded.
    if name == "SemiSupervisedClassifier":
        from streamssl.learners.classifier import SemiSupervisedClassifier

        return SemiSupervisedClassifier
    if name == "__version__":
        from importlib.metadata import version

        return version("streamssl")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
