r"""What stands for a missing value: the running mean of its column, as it is when the row passes.

The mean of a column over the rows that have its field, with the gain :math:`g = \max(1/n, 2 \cdot 10^{-4})` at the
n-th of them: exact for 5,000 rows, forgetting exponentially after, as the learner's standardiser does. So a missing
value lies in the middle of what is usual now, and says nothing.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

SLOWEST_GAIN = 2e-4
FLAG_AFTER = 50
"""Events a field must have been there for before it can be called often missing."""


class RunningMeans(NamedTuple):
    """Means of d columns and counts of f fields: 17 d + 17 f bytes."""

    mean: NDArray[np.float64]
    """(d,)."""
    owner: NDArray[np.int64]
    """(d,) field that a column belongs to."""
    is_flag: NDArray[np.bool_]
    """(d,) does the column say whether its field is missing?"""
    events: NDArray[np.int64]
    """(f,) events since the field first appeared, with it or without."""
    seen: NDArray[np.int64]
    """(f,) events that had a usable value."""
    settled: NDArray[np.bool_]
    """(f,) need not be looked at again: it is flagged, or there was no room for a flag."""

    @classmethod
    def empty(cls) -> Self:
        """Return the means of no columns."""
        return cls(
            mean=np.zeros(0),
            owner=np.zeros(0, np.int64),
            is_flag=np.zeros(0, np.bool_),
            events=np.zeros(0, np.int64),
            seen=np.zeros(0, np.int64),
            settled=np.zeros(0, np.bool_),
        )

    def with_field(self) -> Self:
        """Return a copy with one more field, which has no column yet."""
        return self._replace(
            events=np.append(self.events, 0),
            seen=np.append(self.seen, 0),
            settled=np.append(self.settled, False),
        )

    def with_columns(self, field: int, means: NDArray[np.float64], *, flag: bool = False) -> Self:
        """Return a copy with further columns of a field."""
        return self._replace(
            mean=np.append(self.mean, means),
            owner=np.append(self.owner, np.full(len(means), field)),
            is_flag=np.append(self.is_flag, np.full(len(means), flag)),
        )


@njit(cache=True, nogil=True)
def impute(
    means: RunningMeans, values: NDArray[np.float64], flag_share: float, out: NDArray[np.float32]
) -> tuple[int, bool]:
    """Fill rows and move the means, row by row; stop where a field turns out to be often missing.

    Parameters
    ----------
    means
        Changed in place.
    values
        (m, d) NaN where an event says nothing. A field is missing where all its columns are NaN; in a field that
        is there, NaN means 0 (the other categories).
    flag_share
        A field is often missing when it was so in more than this share of at least 50 events.
    out
        (m, d) the rows, written up to the returned number.

    Returns
    -------
    tuple[int, bool]
        Rows done, and whether it stopped because a field is often missing: `often_missing` says which. O(d) a row.
    """
    n_fields = len(means.events)
    present = np.empty(n_fields, np.bool_)
    for i in range(len(values)):
        present[:] = False
        for j in range(values.shape[1]):
            if not np.isnan(values[i, j]):
                present[means.owner[j]] = True
        for field in range(n_fields):
            means.events[field] += 1
            means.seen[field] += present[field]
        for j in range(values.shape[1]):
            field = means.owner[j]
            if not (present[field] or means.is_flag[j]):
                out[i, j] = means.mean[j]
                continue
            if means.is_flag[j]:
                value, count = 0.0 if present[field] else 1.0, means.events[field]
            else:
                value, count = values[i, j], means.seen[field]
                if np.isnan(value):
                    value = 0.0
            means.mean[j] += max(1.0 / count, SLOWEST_GAIN) * (value - means.mean[j])
            out[i, j] = value
        for field in range(n_fields):
            if _is_due(means, field, flag_share):
                return i + 1, True
    return len(values), False


def often_missing(means: RunningMeans, flag_share: float) -> list[int]:
    """Return the fields that are often missing and have no flag yet."""
    return [field for field in range(len(means.events)) if _is_due(means, field, flag_share)]


@njit(cache=True, nogil=True)
def _is_due(means: RunningMeans, field: int, flag_share: float) -> bool:
    events = means.events[field]
    missing = events - means.seen[field]
    return not means.settled[field] and events >= FLAG_AFTER and missing > flag_share * events
