"""How unusual a number is among those of the questions that came last."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

LATEST = 500
"""Questions that a number is held against."""
FEWEST = 20
"""Numbers below which nothing is said."""
REFRESHED_EVERY_MS = 60_000
LONGEST_LOOK = 0.1
"""Seconds that a look at the latest questions may take: a page waits for it."""
MOST_FIELDS = 500
"""Fields about which anything is remembered."""
NOTABLE = 0.9
"""Share of the others beyond which a number is worth a word."""


class Place(NamedTuple):
    """Where a number lies among others."""

    rank: float
    """Share of the others below it, those that are equal counted half."""
    words: str
    """Empty where there is nothing to be said."""
    is_notable: bool


class Usual:
    """Numbers of the latest questions, by field. Safe to be called from many threads.

    Parameters
    ----------
    latest
        Returns the numbers, by dotted name, of so many questions.

    Notes
    -----
    Cost: one look at the latest questions a minute (some 30 ms with 20 fields, 100 ms at most: with hundreds of
    fields at fewer questions), and then a binary search a number.
    """

    def __init__(self, latest: Callable[[int], Iterable[dict[str, float]]]) -> None:
        self._latest = latest
        self._numbers: dict[str, list[float]] = {}
        self._as_of: int | None = None
        self._one_at_a_time = threading.Lock()

    def place(self, name: str, value: float, now: int) -> Place | None:
        """Return where a number lies; None: too few are known."""
        return place(self._known(now).get(name, []), value)

    def _known(self, now: int) -> dict[str, list[float]]:
        with self._one_at_a_time:
            if self._as_of is None or not 0 <= now - self._as_of < REFRESHED_EVERY_MS:
                numbers: dict[str, list[float]] = {}
                until = time.perf_counter() + LONGEST_LOOK
                for n, question in enumerate(self._latest(LATEST)):
                    if n >= FEWEST and time.perf_counter() > until:
                        break
                    for name, value in question.items():
                        if name in numbers or len(numbers) < MOST_FIELDS:
                            numbers.setdefault(name, []).append(value)
                for values in numbers.values():
                    values.sort()
                self._numbers, self._as_of = numbers, now
            return self._numbers


def place(others: list[float], value: float) -> Place | None:
    """Return where a number lies among others, which are in order; None: they are too few, or all the same.

    Examples
    --------
    >>> hundred = [float(n) for n in range(100)]
    >>> place(hundred, 97.5).words, place(hundred, 2.5).words, place(hundred, 50.0).words
    ('higher than 98% of the others', 'lower than 97% of the others', '')
    >>> place(hundred, 100.0).words, place([0.0] * 50, 0.0)
    ('higher than all the others', None)
    """
    n = len(others)
    if n < FEWEST or others[0] == others[-1] == value:
        return None
    below, upto = bisect_left(others, value), bisect_right(others, value)
    rank = (below + upto) / (2 * n)
    # The number itself may be among them, once.
    for side, count in (("higher", below), ("lower", n - upto)):
        if count >= n - 1:
            return Place(rank, f"{side} than all the others", True)
        if count >= NOTABLE * n:
            return Place(rank, f"{side} than {int(100 * count / n)}% of the others", True)
    return Place(rank, "", False)


def numbers_of(shown: Iterable[tuple[str, Any]]) -> dict[str, float]:
    """Return the numbers among named values.

    Examples
    --------
    >>> numbers_of([("amount", 3), ("is_new", True), ("country", "de")])
    {'amount': 3.0}
    """
    return {
        name: float(value)
        for name, value in shown
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    }
