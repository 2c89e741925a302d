"""Compares every prediction with the hidden truth: the service's, the twin's, and the pseudo-labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamssl.demo.reviewer import Answer

WINDOW = 200
"""Events behind a point of the windowed curve."""


class Gain(NamedTuple):
    """Accuracy minus the twin's on the same events, with the 95% interval of a paired difference."""

    value: float
    low: float
    high: float


class Scoreboard:
    """What has been predicted, answered, and how right it was.

    Parameters
    ----------
    truth
        Event id -> class, which nobody but the reviewer and this knows.

    Examples
    --------
    >>> board = Scoreboard({"e1": "sky", "e2": "path"})
    >>> board.predicted({"event_id": "e1", "label": "sky", "twin": "path", "pseudo_label": None, "review": None})
    >>> board.predicted({"event_id": "e2", "label": "sky", "pseudo_label": None, "review": None})
    >>> board.accuracy(), board.twin_accuracy()
    (0.5, 0.0)
    """

    def __init__(self, truth: Mapping[str, str]) -> None:
        self.truth = truth
        self.right: list[bool] = []
        """Per event, in the order of the predictions; False before any class was known."""
        self.twin_right: list[bool] = []
        self.review_requests = 0
        self.pseudo_labels = 0
        self.right_pseudo_labels = 0
        self.answers: Counter[str] = Counter()
        """Answers by their kind."""
        self.labels_arrived_at: list[int] = []
        """Events predicted when the first label of an event arrived, ascending."""
        self._labelled: set[str] = set()
        self._seen: set[str] = set()

    def predicted(self, prediction: Mapping[str, Any]) -> None:
        """Take one record of the predictions topic.

        Raises
        ------
        ValueError
            When the event has been predicted before, or is none of ours.
        """
        event_id = prediction["event_id"]
        if event_id in self._seen or event_id not in self.truth:
            raise ValueError(f"event {event_id} is predicted twice or was never sent")
        self._seen.add(event_id)
        truth = self.truth[event_id]
        self.right.append(prediction["label"] == truth)
        self.twin_right.append(prediction.get("twin") == truth)
        self.review_requests += prediction["review"] is not None
        if prediction["pseudo_label"] is not None:
            self.pseudo_labels += 1
            self.right_pseudo_labels += prediction["pseudo_label"]["label"] == truth

    def answered(self, answer: Answer) -> None:
        """Take one answer of the reviewer."""
        self.answers[answer.kind] += 1
        if answer.label is not None and answer.event_id not in self._labelled:
            self._labelled.add(answer.event_id)
            self.labels_arrived_at.append(self.events)

    @property
    def events(self) -> int:
        """Events predicted so far."""
        return len(self.right)

    @property
    def labelled_events(self) -> int:
        """Events of which at least one label has arrived."""
        return len(self._labelled)

    def accuracy(self) -> float:
        """Share of all events that were predicted right; NaN before the first."""
        return _share(sum(self.right), self.events)

    def twin_accuracy(self) -> float:
        """Share of the same events that the twin predicted right."""
        return _share(sum(self.twin_right), self.events)

    def pseudo_label_precision(self) -> float:
        """Share of the pseudo-labels that were right; NaN while there is none."""
        return _share(self.right_pseudo_labels, self.pseudo_labels)

    def gain(self) -> Gain:
        """Return what unlabelled events were worth; NaN with fewer than two events."""
        if self.events < 2:
            return Gain(float("nan"), float("nan"), float("nan"))
        difference = np.asarray(self.right, np.float64) - np.asarray(self.twin_right, np.float64)
        value = float(difference.mean())
        spread = 1.96 * float(difference.std(ddof=1)) / sqrt(self.events)
        return Gain(value, value - spread, value + spread)

    def curves(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the accuracy over the last `WINDOW` events, the service's and the twin's: (n,) each."""
        return windowed(self.right, WINDOW), windowed(self.twin_right, WINDOW)


def windowed(right: list[bool], window: int) -> NDArray[np.float64]:
    """Return the share of right ones among the last ``window`` (at the beginning: all so far), per event.

    Examples
    --------
    >>> windowed([True, False, True, True], 2).tolist()
    [1.0, 0.5, 0.5, 1.0]
    """
    total = np.concatenate([[0.0], np.cumsum(right, dtype=np.float64)])
    end = np.arange(1, len(total))
    start = np.maximum(end - window, 0)
    shares: NDArray[np.float64] = (total[end] - total[start]) / (end - start)
    return shares


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
