"""What the families share: a supervised base beside them, and a guard between the two."""

from __future__ import annotations

import abc
from collections.abc import Hashable, Mapping
from typing import Any, cast

from river import base

from streamssl.families.guard import Guard


class GuardedClassifier(base.Wrapper[base.Classifier], base.Classifier):
    """A classifier that learns labelled events, and beside it a family that learns all of them.

    A family says what it thinks of an event, and how it learns one with and without a label. The classifier never
    hears of events without one; the guard decides by the labels that arrive how much the family counts.
    """

    classifier: Any
    _guard: Guard

    @property
    def _wrapped_model(self) -> base.Classifier:
        return cast(base.Classifier, self.classifier)

    @classmethod
    def _unit_test_params(cls) -> Any:
        from river.linear_model import LogisticRegression
        from river.naive_bayes import GaussianNB

        yield {"classifier": LogisticRegression()}
        yield {"classifier": GaussianNB()}  # type: ignore[no-untyped-call]

    @abc.abstractmethod
    def _family_proba_one(self, x: Mapping[Hashable, Any]) -> Mapping[Hashable, float]:
        """Return what the family thinks, {} if it cannot say yet."""

    @abc.abstractmethod
    def _family_learn_one(self, x: Mapping[Hashable, Any], y: Hashable, w: float) -> None:
        """Teach the family a labelled event."""

    @abc.abstractmethod
    def learn_unlabelled_one(self, x: Mapping[Hashable, Any]) -> Any:
        """Learn an event without a label, of which the wrapped classifier hears nothing."""

    @property
    def gain(self) -> float:
        """How much better the family foresees labels than the classifier alone, in nats a label; see `Guard`."""
        return self._guard.gain

    @property
    def weight(self) -> float:
        """How much the family counts beside the classifier, 0 to 1; see `Guard`."""
        return self._guard.weight

    def predict_proba_one(  # type: ignore[override]
        self, x: Mapping[Hashable, Any], **kwargs: Any
    ) -> dict[Hashable, float]:
        """Return the probability of each class known; {} before the first label."""
        return self._guard.blend(self.classifier.predict_proba_one(x, **kwargs), self._family_proba_one(x))

    def learn_one(self, x: Mapping[Hashable, Any], y: Hashable, w: float = 1.0, **kwargs: Any) -> None:
        """Learn an event with its label, which counts ``w`` times; None: it has none.

        Further keywords are for the wrapped classifier.
        """
        if y is None:
            self.learn_unlabelled_one(x)
            return
        self._guard.learn(self.classifier.predict_proba_one(x), self._family_proba_one(x), y, w)
        teach(self.classifier, x, y, w, **kwargs)
        self._family_learn_one(x, y, w)


def teach(classifier: Any, x: Mapping[Hashable, Any], y: Hashable, w: float, **kwargs: Any) -> None:
    """Teach any classifier of River; one that knows no weights is only troubled with them if they are not 1."""
    weight = {} if w == 1.0 else {"w": w}
    classifier.learn_one(x, y, **weight, **kwargs)
