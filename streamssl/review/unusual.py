"""How unusual a number or a word is among those of the questions that came last."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

LATEST = 500
"""Questions that a value is held against."""
FEWEST = 20
"""Values below which nothing is said."""
REFRESHED_EVERY_MS = 60_000
LONGEST_LOOK = 0.1
"""Seconds that a look at the latest questions may take: a page waits for it."""
MOST_FIELDS = 500
"""Fields about which anything is remembered."""
NOTABLE = 0.9
"""Share of the others beyond which a number is worth a word."""
LONGEST_WORD = 80
"""Characters; what is longer is a text."""
RECURS = 5
"""Times that a word of a field comes on average, at the least: names and numbers of cases come once each."""
RARE = 0.05
"""Share of the others up to which a word is worth a word."""


class Place(NamedTuple):
    """Where a value lies among others."""

    rank: float | None
    """Share of the others below a number, those that are equal counted half; None: it is a word."""
    words: str
    """Empty where there is nothing to be said."""
    is_notable: bool


class Usual:
    """Numbers and words of the latest questions, by field. Safe to be called from many threads.

    Parameters
    ----------
    latest
        Returns what `values_of` finds in so many questions.

    Notes
    -----
    Cost: one look at the latest questions a minute (some 30 ms with 20 fields, 100 ms at most: with hundreds of
    fields at fewer questions), and then a binary search a number.
    """

    def __init__(self, latest: Callable[[int], Iterable[dict[str, float | str]]]) -> None:
        self._latest = latest
        self._numbers: dict[str, list[float]] = {}
        self._words: dict[str, Counter[str]] = {}
        self._as_of: int | None = None
        self._one_at_a_time = threading.Lock()

    def place(self, name: str, value: float | str, now: int) -> Place | None:
        """Return where a value lies; None: too few are known, or there is nothing to be said of a word."""
        with self._one_at_a_time:
            if self._as_of is None or not 0 <= now - self._as_of < REFRESHED_EVERY_MS:
                self._look()
                self._as_of = now
        if isinstance(value, str):
            return place_of_word(self._words.get(name, Counter()), value)
        return place(self._numbers.get(name, []), value)

    def _look(self) -> None:
        numbers: dict[str, list[float]] = {}
        words: dict[str, Counter[str]] = {}
        until = time.perf_counter() + LONGEST_LOOK
        for n, question in enumerate(self._latest(LATEST)):
            if n >= FEWEST and time.perf_counter() > until:
                break
            for name, value in question.items():
                if name not in numbers and name not in words and len(numbers) + len(words) >= MOST_FIELDS:
                    continue
                if isinstance(value, str):
                    words.setdefault(name, Counter())[value] += 1
                else:
                    numbers.setdefault(name, []).append(value)
        for values in numbers.values():
            values.sort()
        self._numbers, self._words = numbers, words


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


def place_of_word(others: Counter[str], value: str) -> Place | None:
    """Return where a word lies among others; None: they are too few, hardly any comes twice, or it is not rare.

    Examples
    --------
    >>> countries = Counter({"de": 60, "fr": 37, "li": 3})
    >>> place_of_word(countries, "li").words, place_of_word(countries, "va").words, place_of_word(countries, "fr")
    ('like 3% of the others', 'like none of the others', None)
    """
    n = others.total()
    if n < FEWEST or n < RECURS * len(others):
        return None
    count = others[value]
    if count <= 1:  # it may be among them itself
        return Place(None, "like none of the others", True)
    if count > RARE * n:
        return None
    return Place(None, f"like {max(1, round(100 * count / n))}% of the others", True)


def values_of(shown: Iterable[tuple[str, Any]]) -> dict[str, float | str]:
    """Return the numbers and the words among named values.

    Examples
    --------
    >>> values_of([("amount", 3), ("is_new", True), ("country", "de"), ("text", "so long " * 20), ("tags", [])])
    {'amount': 3.0, 'is_new': 'yes', 'country': 'de'}
    """
    found: dict[str, float | str] = {}
    for name, value in shown:
        if isinstance(value, bool):
            found[name] = yes_or_no(value)
        elif isinstance(value, str) and 0 < len(value) <= LONGEST_WORD:
            found[name] = value
        elif isinstance(value, int | float) and abs(value) < 1e300:
            found[name] = float(value)
    return found


def yes_or_no(value: bool) -> str:
    """Return a truth value as it is shown."""
    return "yes" if value else "no"
