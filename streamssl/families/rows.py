"""Events as rows: what every family that learns numbers does with columns and classes it has not met before."""

from __future__ import annotations

import abc
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamssl.learners.columns import Columns


class OnRows(abc.ABC):
    """A model of rows, whose columns and classes are numbered in the order in which they come.

    The model sets ``_columns`` and ``_classes`` to empty ones when it begins.
    """

    _columns: Columns
    _classes: dict[Hashable, int]

    @abc.abstractmethod
    def _make_room(self) -> None:
        """Grow to as many columns and classes as there are by now."""

    @abc.abstractmethod
    def _means(self) -> NDArray[np.floating[Any]]:
        """Return the mean of each column, which stands for what an event lacks."""

    def _row(self, x: Mapping[Hashable, Any]) -> NDArray[np.float32]:
        return self._columns.row(x, self._means().astype(np.float32, copy=False))

    def _register(self, x: Mapping[Hashable, Any]) -> NDArray[np.float32]:
        """Return an event as a row; one that is none is refused before anything has been learnt from it."""
        self._columns.register(x)
        self._make_room()
        return self._row(x)

    def _number(self, y: Hashable) -> int:
        """Return the number of a class, which may be new; to be called once the event is a row."""
        label = self._classes.setdefault(y, len(self._classes))
        self._make_room()
        return label
