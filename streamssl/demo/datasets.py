"""What the demo can replay: sets that River and scikit-learn bring along, so that nothing is downloaded, or a file.

================  ======  ========  =======  ==================================================================
name              events  features  classes  what it is
================  ======  ========  =======  ==================================================================
image-segments     2,310        18        7  patches of outdoor photographs (UCI Statlog): sky, grass, path, ...
digits             1,797        64       10  pictures of handwritten digits, 8 by 8 pixels (UCI)
bananas            5,300         2        2  two banana-shaped clouds of points; made, not measured
phishing           1,250         9        2  web sites, honest or not (UCI)
breast-cancer        569        30        2  cell nuclei under a microscope (UCI Wisconsin)
shuttle           49,097         9        2  sensor readings of a space shuttle, 7% anomalies (UCI Statlog)
================  ======  ========  =======  ==================================================================

None of them has an order in time, so they are shuffled; a file keeps its order.

The default is real. On sets in no order unlabelled events are worth little beside a learner that makes the most of
labels: with a tenth of the labels, 150 events late, +0.2 points of accuracy here (mean of 12 seeds, -0.3 to +1.0),
and -0.1 to +0.4 on the others. Where a stream moves they are worth much more, see the README.
Measured by ``python -m tests.benchmarks demo``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from streamssl.evaluation.datasets import DatasetError, Row, read_events

DEFAULT = "image-segments"
MOST_EVENTS = 3_000
"""Events of a set that are replayed unless more are asked for: about a minute."""
WITHOUT_A_KEY = {"digits": frozenset({"0"})}
"""Classes that a person is not asked about: on the reviewers' page the key 0 says "I don't know"."""
SHARE_OF_A_FILE = 0.05
"""Share of a file's events that people are asked about, unless said otherwise."""


class DemoSet(NamedTuple):
    """A stream with its hidden truth."""

    name: str
    rows: list[Row]
    """In the order of the stream; each has a label."""
    review_share: float
    """Share of the events that people are asked about, unless said otherwise."""

    @property
    def classes(self) -> list[str]:
        """Every class, sorted."""
        return sorted({row.label for row in self.rows if row.label is not None})


class _Bundled(NamedTuple):
    read: Callable[[], Iterable[tuple[Mapping[str, Any], str]]]
    """Features and class of every event."""
    review_share: float
    """The smaller the set, the more of it must be labelled before there is anything to see."""


def load(name: str, *, events: int | None = None, seed: int = 0, for_keys: bool = False) -> DemoSet:
    """Load a set by its name, or a file.

    Parameters
    ----------
    name
        One of the names above, or the path of a CSV, JSON Lines or Parquet file with a column ``label``.
    events
        How many; None: all, but no more than `MOST_EVENTS`.
    seed
        Shuffles the sets that have a name.
    for_keys
        Leave out the classes in `WITHOUT_A_KEY`.

    Raises
    ------
    DatasetError
        When there is no such set or file, an event of it has no label, or all have the same.

    Examples
    --------
    >>> digits = load("digits", events=100)
    >>> len(digits.rows), len(digits.rows[0].features), digits.classes[:3]
    (100, 64, ['0', '1', '2'])
    """
    most = MOST_EVENTS if events is None else events
    if name in BUNDLED:
        bundled = BUNDLED[name]
        left_out = WITHOUT_A_KEY.get(name, ()) if for_keys else ()
        kept = ((features, label) for features, label in bundled.read() if label not in left_out)
        rows = [Row(dict(features), label, None, None) for features, label in kept]
        random.Random(seed).shuffle(rows)
        chosen = DemoSet(name, rows[:most], bundled.review_share)
    elif Path(name).exists():
        chosen = DemoSet(Path(name).name, list(islice(read_events(name), most)), SHARE_OF_A_FILE)
    else:
        raise DatasetError(f"{name}: neither a file nor one of {', '.join(BUNDLED)}")
    for number, row in enumerate(chosen.rows, start=1):
        if row.label is None:
            raise DatasetError(f"{name}: event {number} has no label; the demo compares every event with its own")
    if len(chosen.classes) < 2:
        raise DatasetError(f"{name}: its events must be of two classes or more, not {len(chosen.classes)}")
    return chosen


def _river(name: str) -> Callable[[], Iterable[tuple[Mapping[str, Any], str]]]:
    def read() -> Iterable[tuple[Mapping[str, Any], str]]:
        from river import datasets

        # Names of features are text in our records; Bananas numbers them.
        for features, label in getattr(datasets, name)():
            yield {str(feature): value for feature, value in features.items()}, str(label)

    return read


def _digits() -> Iterable[tuple[Mapping[str, Any], str]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    names = [f"row{row}_column{column}" for row in range(8) for column in range(8)]
    for pixels, label in zip(digits.data.tolist(), digits.target.tolist(), strict=True):
        yield dict(zip(names, pixels, strict=True)), str(label)


def _breast_cancer() -> Iterable[tuple[Mapping[str, Any], str]]:
    from sklearn.datasets import load_breast_cancer

    cancer = load_breast_cancer()
    for cell, label in zip(cancer.data.tolist(), cancer.target.tolist(), strict=True):
        yield dict(zip(cancer.feature_names.tolist(), cell, strict=True)), str(cancer.target_names[label])


BUNDLED: Mapping[str, _Bundled] = {
    "image-segments": _Bundled(_river("ImageSegments"), 0.1),
    "digits": _Bundled(_digits, 0.1),
    "bananas": _Bundled(_river("Bananas"), 0.1),
    "phishing": _Bundled(_river("Phishing"), 0.1),
    "breast-cancer": _Bundled(_breast_cancer, 0.1),
    "shuttle": _Bundled(_river("Shuttle"), 0.03),
}
