"""The streams that the learner is measured on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Stream(NamedTuple):
    """Rows in stream order, and all of their classes."""

    name: str
    X: NDArray[np.float32]
    y: NDArray[np.int64]


def streams() -> Iterator[Stream]:
    """Yield every ``NAME.npz`` (X, y) of the folder $STREAMSSL_BENCH_DATA, else what River brings along."""
    folder = os.environ.get("STREAMSSL_BENCH_DATA")
    if folder is None:
        yield from bundled()
        return
    for path in sorted(Path(folder).glob("*.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            yield Stream(path.stem, arrays["X"].astype(np.float32), arrays["y"].astype(np.int64))


def bundled() -> Iterator[Stream]:
    """Yield streams that need no download."""
    from river import datasets

    for dataset in (datasets.Phishing(), datasets.ImageSegments(), datasets.Bananas()):
        events = list(dataset)
        X = np.array([list(x.values()) for x, _ in events], np.float32)
        _, y = np.unique([str(label) for _, label in events], return_inverse=True)
        yield Stream(type(dataset).__name__, X, y)
