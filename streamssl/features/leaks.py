"""Fields that give the label away: the answer in another form, such as ``attack_type`` beside ``label``.

Such a field makes every number look splendid until the day on which it is empty, because in life it is filled in
with the label. (Kaufman et al., "Leakage in data mining", TKDD 2012.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamssl.features.encoder import FeatureEncoder
from streamssl.features.fields import Field

WINDOW = 500
"""Labelled rows that are looked at."""

EVERY = 50
"""Labels from one look to the next."""

SUSPICIOUS = 0.99
"""Accuracy of a field alone from which it is named."""

USUAL = 0.9
"""Share of the largest class above which no field is named: guessing is almost perfect too."""

FEW_VALUES = 32
"""Numbers of at most so many different values may be codes, and are looked at as categories too."""


class LeakDetector:
    """Looks for single fields that predict the last labels almost perfectly.

    A category predicts the class of most *other* rows that have it; a number predicts by one range for each class.
    Whether a value is missing counts as well. A field that was named once stays named.

    Parameters
    ----------
    encoder
        Knows which columns belong to which field.

    Notes
    -----
    Memory: 500 rows. Cost: about 2 us a label and column, spent in one look at all rows every 50 labels.

    Examples
    --------
    >>> from streamssl.config import FeatureSettings
    >>> encoder = FeatureEncoder(FeatureSettings())
    >>> leaks = LeakDetector(encoder)
    >>> for i in range(50):
    ...     [[row]] = encoder.encode([{"attack_type": ["none", "flood"][i % 2], "port": i % 7}])
    ...     leaks.observe(row, i % 2)
    >>> leaks.suspects()
    [('attack_type', 1.0)]
    """

    def __init__(self, encoder: FeatureEncoder) -> None:
        self._encoder = encoder
        self._rows = np.zeros((WINDOW, 0), dtype=np.float32)
        self._classes = np.zeros(WINDOW, dtype=np.int64)
        self._n_labels = 0
        self._suspects: dict[str, float] = {}

    def observe(self, row: NDArray[np.float32], class_number: int) -> None:
        """Take a labelled row.

        Parameters
        ----------
        row
            (d,) with at most as many columns as the encoder has.
        class_number
            Its class.
        """
        slot = self._n_labels % WINDOW
        new = max(0, len(row) - self._rows.shape[1])
        if new:
            self._rows = np.pad(self._rows, ((0, 0), (0, new)))
        self._rows[slot] = 0
        self._rows[slot, : len(row)] = row
        self._classes[slot] = class_number
        self._n_labels += 1
        if self._n_labels % EVERY == 0:
            self._look()

    def suspects(self) -> list[tuple[str, float]]:
        """Return the fields named so far, each once, with their accuracy when they were last suspicious."""
        return list(self._suspects.items())

    def _look(self) -> None:
        n_rows = min(self._n_labels, WINDOW)
        rows = self._rows[:n_rows]
        _, classes, sizes = np.unique(self._classes[:n_rows], return_inverse=True, return_counts=True)
        if sizes.max() > USUAL * n_rows:
            return
        for field in self._encoder.fields:
            accuracy = _accuracy(field, rows, classes)
            if accuracy >= SUSPICIOUS:
                self._suspects[field.name] = accuracy

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the state as plain data and arrays."""
        document = {"n_labels": self._n_labels, "suspects": [[*suspect] for suspect in self._suspects.items()]}
        return document, {"rows": self._rows.copy(), "classes": self._classes.copy()}

    @classmethod
    def from_state(
        cls, encoder: FeatureEncoder, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> Self:
        """Return a detector that goes on bit for bit from `to_state`."""
        leaks = cls(encoder)
        leaks._rows, leaks._classes = arrays["rows"].copy(), arrays["classes"].copy()
        leaks._n_labels = document["n_labels"]
        leaks._suspects = dict(document["suspects"])
        return leaks


def _accuracy(field: Field, rows: NDArray[np.float32], classes: NDArray[np.int64]) -> float:
    """Return the accuracy of the best guess from one field alone."""
    # A row may be older than the newest columns.
    columns = [column for column in field.columns if column < rows.shape[1]]
    accuracies = [0.0]
    if field.flag is not None and field.flag < rows.shape[1]:
        accuracies.append(_by_category(rows[:, field.flag] > 0, classes))
    if field.kind == "category" and columns:
        values = rows[:, columns]
        chosen = values.argmax(axis=1)
        chosen[values.max(axis=1) < 1] = len(columns)  # missing, or a category without a column
        accuracies.append(_by_category(chosen, classes))
    elif field.kind != "category":
        for column in columns:
            values = rows[:, column]
            if np.count_nonzero(np.diff(np.sort(values))) < FEW_VALUES:
                accuracies.append(_by_category(np.unique(values, return_inverse=True)[1], classes))
            accuracies.append(_by_range(values, classes))
    return max(accuracies)


def _by_category(codes: NDArray[Any], classes: NDArray[np.int64]) -> float:
    """Return how often the class of a row is that of most other rows with its code. Ties are wrong."""
    n_rows, n_classes = len(classes), int(classes.max()) + 1
    cells = codes.astype(np.int64) * n_classes + classes
    table = np.bincount(cells, minlength=(int(codes.max()) + 1) * n_classes).reshape(-1, n_classes)
    others = table[codes.astype(np.int64)]
    each = np.arange(n_rows)
    own = others[each, classes] - 1
    others[each, classes] = 0
    return float(np.mean(own > others.max(axis=1)))


def _by_range(values: NDArray[np.float32], classes: NDArray[np.int64]) -> float:
    """Return how often the class follows from the value, the classes lying one after the other, by their means.

    The borders are where the sizes of the classes put them: at most one more row is wrong for each that lies
    outside of its range. Of equal values, those of the higher class come first: none is right by luck.
    """
    sizes = np.bincount(classes)
    by_mean = np.argsort(np.bincount(classes, weights=values) / sizes, kind="stable")
    rank = np.empty_like(by_mean)
    rank[by_mean] = np.arange(len(by_mean))
    ranks = rank[classes]
    ordered = ranks[np.lexsort((-ranks, values))]
    return float(np.mean(ordered == np.sort(ranks)))
