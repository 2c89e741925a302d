"""Streams to evaluate learners on, as arrays: files of events, files of arrays, and what River brings along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamssl.config import FeatureSettings
from streamssl.evaluation.datasets import DatasetError, read_events
from streamssl.features.encoder import FeatureEncoder
from streamssl.features.leaks import WINDOW, LeakDetector

CHUNK = 4096
"""Events that are encoded at once; of no influence on the rows."""


class Stream(NamedTuple):
    """A stream with its truth."""

    name: str
    X: NDArray[np.float32]
    """(n, d) finite, in the order of the stream."""
    y: NDArray[np.int64]
    """(n,) numbers of the classes; -1 = nobody knows."""
    class_names: list[str]
    """(k,) sorted."""
    suspects: list[tuple[str, float]]
    """Fields that may be the answer in another form, with their accuracy alone; see `LeakDetector`."""


def load(
    source: str,
    *,
    label_column: str = "label",
    exclude: Sequence[str] = (),
    limit: int | None = None,
) -> Stream:
    """Load a stream.

    Parameters
    ----------
    source
        A file: CSV, JSON Lines, Parquet (see `streamssl.evaluation.datasets`), or NumPy's ``.npz`` with arrays
        ``X`` (n, d) and ``y`` (n,). Or the name of a classification set of River's, such as ``phishing`` or
        ``image-segments``; one that River would download must have been.
    label_column
        Column of the classes in a file of events.
    exclude
        Patterns of fields that are left out: ids, and whatever gives the label away.
    limit
        Events at the most.

    Raises
    ------
    DatasetError
        When there is no such file or set, it cannot be read, or fewer than two classes are in it.

    Notes
    -----
    Events are encoded one after the other, as the service does it: what stands for a missing value is the mean of
    the events before. Columns that come later are 0 before, which learners here take as not there yet.

    Examples
    --------
    >>> stream = load("phishing")
    >>> stream.X.shape, stream.class_names, stream.suspects
    ((1250, 9), ['false', 'true'], [])
    """
    path = Path(source)
    if path.suffix == ".npz":
        X, labels = _read_arrays(path, limit)
        name, suspects = path.name, _suspects_among_columns(X, labels)
    elif path.suffix or path.exists():
        rows = read_events(path, label_column=label_column)
        name = path.name
        X, labels, suspects = _encoded(((row.features, row.label) for row in islice(rows, limit)), exclude)
    else:
        name = source
        X, labels, suspects = _encoded(islice(_river(source), limit), exclude)
    known = _known(labels)
    classes, numbers = np.unique(labels[known], return_inverse=True)
    if len(classes) < 2:
        raise DatasetError(f"{source}: it must hold events of two classes or more, not {len(classes)}")
    y = np.full(len(labels), -1)
    y[known] = numbers
    return Stream(name, X, y, [str(label) for label in classes], suspects)


def _known(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return (n,) which events have a label: a number from 0, or some text."""
    known: NDArray[np.bool_] = labels >= 0 if labels.dtype.kind in "iub" else labels != ""
    return known


def _encoded(
    events: Iterator[tuple[dict[str, Any], str | None]], exclude: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[Any], list[tuple[str, float]]]:
    encoder = FeatureEncoder(FeatureSettings(exclude=tuple(exclude)))
    blocks: list[NDArray[np.float32]] = []
    labels: list[str] = []
    while chunk := list(islice(events, CHUNK)):
        blocks += encoder.encode([features for features, _ in chunk])
        labels += ["" if label is None else label for _, label in chunk]
    text = np.array(labels, dtype=np.str_)
    X = np.zeros((len(text), encoder.width), np.float32)
    begin = 0
    for block in blocks:
        X[begin : begin + len(block), : block.shape[1]] = block
        begin += len(block)
    return X, text, _suspects(encoder, X, text)


def _suspects(encoder: FeatureEncoder, X: NDArray[np.float32], labels: NDArray[Any]) -> list[tuple[str, float]]:
    """Look at labelled rows from all over the stream."""
    known = np.flatnonzero(_known(labels))
    chosen = known[np.linspace(0, len(known) - 1, min(WINDOW, len(known))).astype(np.int64)]
    detector = LeakDetector(encoder)
    for row, class_number in zip(X[chosen], np.unique(labels[chosen], return_inverse=True)[1], strict=True):
        detector.observe(row, int(class_number))
    return detector.suspects()


def _suspects_among_columns(X: NDArray[np.float32], labels: NDArray[Any]) -> list[tuple[str, float]]:
    """Look at columns without names as fields called "0", "1", ..."""
    encoder = FeatureEncoder(FeatureSettings(max_columns=min(max(X.shape[1], 1), 65_536)))
    encoder.encode([row.tolist() for row in X[:1]])
    return _suspects(encoder, X, labels)


def _read_arrays(path: Path, limit: int | None) -> tuple[NDArray[np.float32], NDArray[Any]]:
    try:
        with np.load(path) as arrays:
            X, y = arrays["X"][:limit], arrays["y"][:limit]
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error
    except KeyError as error:
        raise DatasetError(f"{path}: it must hold the arrays X and y: {error}") from error
    if X.ndim != 2 or y.shape != X.shape[:1]:
        raise DatasetError(f"{path}: X must have shape (n, d) and y (n,), not {X.shape} and {y.shape}")
    if X.dtype.kind not in "fiub" or not np.isfinite(X := X.astype(np.float32)).all():
        raise DatasetError(f"{path}: X must hold finite numbers")
    if y.dtype.kind == "f":
        y = np.where(np.isnan(y), -1, y)
        if (y != np.rint(y)).any():
            raise DatasetError(f"{path}: y must hold classes, not fractions")
        y = y.astype(np.int64)
    return X, y


def _river(name: str) -> Iterator[tuple[dict[str, Any], str | None]]:
    from river import datasets
    from river.datasets.base import BINARY_CLF, MULTI_CLF, RemoteDataset

    known = {re.sub(r"[^a-z0-9]", "", each.lower()): each for each in datasets.__all__}
    try:
        dataset = getattr(datasets, known[re.sub(r"[^a-z0-9]", "", name.lower())])()
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{name}: neither a file nor a data set of River's, such as {_bundled()}") from error
    if getattr(dataset, "task", None) not in (BINARY_CLF, MULTI_CLF):
        raise DatasetError(f"{name}: River's set is not one of events with one class each; {_bundled()} are")
    if isinstance(dataset, RemoteDataset) and not dataset.is_downloaded:
        raise DatasetError(f"{name}: not downloaded yet: river.datasets.{type(dataset).__name__}().download()")
    return _named(dataset)


def _named(dataset: Iterable[tuple[dict[Any, Any], Any]]) -> Iterator[tuple[dict[str, Any], str | None]]:
    for features, label in dataset:
        text = str(label).lower() if isinstance(label, bool) else str(label)
        yield {str(field): value for field, value in features.items()}, text


def _bundled() -> str:
    return "bananas, image-segments, phishing and shuttle"
