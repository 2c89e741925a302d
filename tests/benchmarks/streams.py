"""The streams that learners are measured on, in sets: of a folder, bundled with libraries, made by formulas."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EMBEDDINGS = "emb_"
"""Begins the names of files whose rows are embeddings: a set of their own."""


class Stream(NamedTuple):
    """Rows in stream order, and all of their classes."""

    name: str
    X: NDArray[np.float32]
    y: NDArray[np.int64]


def streams() -> Iterator[Stream]:
    """Yield the ``NAME.npz`` (X, y) of the folder $STREAMSSL_BENCH_DATA, else what River and scikit-learn bring."""
    folder = os.environ.get("STREAMSSL_BENCH_DATA")
    if folder is None:
        yield from bundled()
    else:
        yield from stored(Path(folder), embeddings=False)


def embeddings() -> Iterator[Stream]:
    """Yield the ``emb_NAME.npz`` of the folder $STREAMSSL_BENCH_DATA; nothing without one."""
    folder = os.environ.get("STREAMSSL_BENCH_DATA")
    if folder is not None:
        yield from stored(Path(folder), embeddings=True)


def stored(folder: Path, *, embeddings: bool) -> Iterator[Stream]:
    """Yield the streams of a folder, by name: embeddings, or all others."""
    for path in sorted(folder.glob("*.npz")):
        if path.stem.startswith(EMBEDDINGS) == embeddings:
            with np.load(path, allow_pickle=False) as arrays:
                yield Stream(path.stem, arrays["X"].astype(np.float32), arrays["y"].astype(np.int64))


def bundled() -> Iterator[Stream]:
    """Yield streams that need no download."""
    from river import datasets
    from sklearn.datasets import load_digits

    for dataset in (datasets.Phishing(), datasets.ImageSegments(), datasets.Bananas()):
        events = list(dataset)
        X = np.array([list(x.values()) for x, _ in events], np.float32)
        _, y = np.unique([str(label) for _, label in events], return_inverse=True)
        yield Stream(type(dataset).__name__, X, y)
    X, y = load_digits(return_X_y=True)
    yield Stream("Digits", X.astype(np.float32), y.astype(np.int64))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let the caller of a benchmark say which streams, and how much of each."""
    parser.add_argument("names", nargs="*", help="streams to run; all of the set if none is named")
    sets = parser.add_mutually_exclusive_group()
    sets.add_argument("--generated", action="store_true", help="streams made by formulas instead")
    sets.add_argument("--embeddings", action="store_true", help="the folder's embeddings instead")
    parser.add_argument("--rows", type=int, help="rows of each stream, from its start; all if not said")


def chosen(arguments: argparse.Namespace) -> Iterator[Stream]:
    """Yield the streams asked for.

    Raises
    ------
    SystemExit
        If one that is named does not exist.
    """
    from tests.benchmarks.generators import generated

    source = generated() if arguments.generated else embeddings() if arguments.embeddings else streams()
    missing = set(arguments.names)
    known = []
    for stream in source:
        known.append(stream.name)
        if not arguments.names or stream.name in missing:
            missing.discard(stream.name)
            yield Stream(stream.name, stream.X[: arguments.rows], stream.y[: arguments.rows])
    if missing:
        raise SystemExit(f"no stream {', '.join(sorted(missing))}; there are {', '.join(known)}")
