"""Streams made by formulas, of kinds that no set in a folder has: the check that nothing is tuned to those sets.

Each has a drift, an order, a shape of classes or of columns of its own. Same name, same stream, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.datasets import synth

from tests.benchmarks.streams import Stream

Arrays = tuple[NDArray[np.floating[Any]], NDArray[np.integer[Any]]]

N_ROWS = 10_000
SEED = 2026


def generated() -> Iterator[Stream]:
    """Yield every stream of `GENERATORS`."""
    for name, make in GENERATORS.items():
        X, y = make(np.random.default_rng(SEED))
        yield Stream(name, np.ascontiguousarray(X, np.float32), y.astype(np.int64))


def of_river(events: Iterable[tuple[dict[Any, Any], Any]], n_rows: int = N_ROWS) -> Arrays:
    """Return the first events of a generator of River's; values that are no numbers are numbered."""
    rows, labels = zip(*islice(events, n_rows), strict=True)
    columns = [np.array([row[name] for row in rows]) for name in rows[0]]
    numbers = [
        column if np.issubdtype(column.dtype, np.number) else np.unique(column, return_inverse=True)[1]
        for column in columns
    ]
    return np.column_stack(numbers), np.unique(labels, return_inverse=True)[1]


def one_after_the_other(*parts: Iterable[tuple[dict[Any, Any], Any]]) -> Arrays:
    """Return equal shares of several generators of River's: abrupt drifts."""
    shares = [islice(part, N_ROWS // len(parts)) for part in parts]
    return of_river(event for share in shares for event in share)


def drifting_clusters(rng: np.random.Generator) -> Arrays:
    """Four classes of two Gaussian clusters in 6 columns, each wandering: old labels mislead."""
    n_classes, n_columns = 4, 6
    cluster = rng.integers(2 * n_classes, size=N_ROWS)
    start = rng.normal(size=(2 * n_classes, n_columns)) * 3
    move = rng.normal(size=start.shape) * 3
    time = np.linspace(0, 1, N_ROWS)[:, None]
    return start[cluster] + time * move[cluster] + rng.normal(size=(N_ROWS, n_columns)), cluster % n_classes


def long_runs(rng: np.random.Generator) -> Arrays:
    """Classes that overlap much and persist for 200 events on average: the moment says more than the row."""
    n_classes = 3
    switch = rng.random(N_ROWS) < 1 / 200
    run = np.cumsum(switch)
    y = rng.integers(n_classes, size=run[-1] + 1)[run]
    centres = rng.normal(size=(n_classes, 5)) * 0.5
    return centres[y] + rng.normal(size=(N_ROWS, 5)), y


def rotating_hyperplane(rng: np.random.Generator) -> Arrays:
    """A plane in 10 columns that turns by half a circle, 5% of the labels wrong."""
    first, second = np.linalg.qr(rng.normal(size=(10, 2)))[0].T
    angle = np.linspace(0, np.pi, N_ROWS)[:, None]
    X = rng.normal(size=(N_ROWS, 10))
    y = (X * (np.cos(angle) * first + np.sin(angle) * second)).sum(axis=1) > 0
    return X, (y ^ (rng.random(N_ROWS) < 0.05)).astype(int)


def recurring_concepts(rng: np.random.Generator) -> Arrays:
    """Two rules on the same rows that take turns every 1,250 events, and show in one column which one holds."""
    X = rng.normal(size=(N_ROWS, 6))
    second = (np.arange(N_ROWS) // 1_250) % 2 == 1
    X[:, 5] = 0.5 * X[:, 5] + second
    return X, np.where(second, X[:, 0] - X[:, 1] > 0, X[:, 0] + X[:, 2] > 0).astype(int)


def hidden_turns(rng: np.random.Generator) -> Arrays:
    """Two opposite rules that take turns every 2,500 events, and nothing in the rows shows it."""
    X = rng.normal(size=(N_ROWS, 6))
    second = (np.arange(N_ROWS) // 2_500) % 2 == 1
    return X, ((X[:, 0] + X[:, 1] > 0) ^ second).astype(int)


def one_in_fifty(rng: np.random.Generator) -> Arrays:
    """One event in fifty is of the class that matters, in a small cluster beside the others."""
    y = rng.random(N_ROWS) < 0.02
    X = rng.normal(size=(N_ROWS, 8))
    X[y] = 0.6 * X[y] + [2, -2, 1.5, 0, 0, 0, 0, 0]
    return X, y.astype(int)


def xor(rng: np.random.Generator) -> Arrays:
    """The classes are those of a chessboard of two by two, 3 columns of noise beside: no line parts them."""
    X = rng.uniform(-1, 1, size=(N_ROWS, 5))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def wide_noise(rng: np.random.Generator) -> Arrays:
    """Three classes that 5 of 200 columns tell apart."""
    y = rng.integers(3, size=N_ROWS)
    X = rng.normal(size=(N_ROWS, 200))
    X[:, :5] += rng.normal(size=(3, 5))[y] * 1.5
    return X, y


def topics(rng: np.random.Generator) -> Arrays:
    """Texts of 5 to 30 words out of 500, unit norm; classes prefer words, one text in five is half noise."""
    n_words, n_classes, n_rows = 500, 4, 6_000
    common = 1 / np.arange(1, n_words + 1)
    preferred = common * rng.gamma(0.3, size=(n_classes, n_words))
    preferred /= preferred.sum(axis=1, keepdims=True)
    common /= common.sum()
    y = rng.choice(n_classes, size=n_rows, p=[0.5, 0.25, 0.15, 0.1])
    share = np.where(rng.random(n_rows) < 0.2, 0.5, 0.1)
    lengths = rng.integers(5, 31, size=n_rows)
    X = np.stack(
        [
            rng.multinomial(length, (1 - noise) * preferred[label] + noise * common)
            for length, noise, label in zip(lengths, share, y, strict=True)
        ]
    )
    return X / np.linalg.norm(X, axis=1, keepdims=True), y


def unit_vectors(rng: np.random.Generator) -> Arrays:
    """Dense unit vectors of 64 numbers, like embeddings: 5 classes of 4 clusters each, near one another."""
    cluster = rng.integers(20, size=N_ROWS)
    X = rng.normal(size=(20, 64))[cluster] + 1.5 * rng.normal(size=(N_ROWS, 64))
    return X / np.linalg.norm(X, axis=1, keepdims=True), cluster % 5


def heavy_tails(rng: np.random.Generator) -> Arrays:
    """Columns of very different scales, one in a hundred values thirty times too large, two classes."""
    y = rng.integers(2, size=N_ROWS)
    X = rng.normal(size=(N_ROWS, 7)) + 0.6 * np.where(y, 1, -1)[:, None]
    X[rng.random(X.shape) < 0.01] *= 30
    return X * np.logspace(-3, 3, 7), y


def growing_classes(rng: np.random.Generator) -> Arrays:
    """Eight classes, of which two are there from the start and another appears every 1,250 events."""
    y = (rng.random(N_ROWS) * np.clip(2 + np.arange(N_ROWS) // 1_250, 2, 8)).astype(int)
    return rng.normal(size=(8, 8))[y] * 1.5 + rng.normal(size=(N_ROWS, 8)), y


def daily_rhythm(rng: np.random.Generator) -> Arrays:
    """Sensors that swing with a day of 288 events and drift over weeks; the class is a threshold on their swing.

    What a reading means depends on the readings around it.
    """
    time = np.arange(N_ROWS)
    phase = 2 * np.pi * (time[:, None] / 288 + rng.random(4))
    level = np.cumsum(rng.normal(size=(N_ROWS, 4)) * 0.05, axis=0)
    swing = np.sin(phase) + 0.3 * rng.normal(size=(N_ROWS, 4))
    return swing + level, (swing[:, :2].sum(axis=1) > 0.3).astype(int)


def led_drift(rng: np.random.Generator) -> Arrays:
    """The digits of a broken display, 10% noise, 17 columns of nothing; four columns changed places."""
    return of_river(synth.LEDDrift(seed=SEED, noise_percentage=0.1, irrelevant_features=True, n_drift_features=4))


def rbf_drift(rng: np.random.Generator) -> Arrays:
    """Fifty moving clusters of four classes in 10 columns."""
    return of_river(
        synth.RandomRBFDrift(
            seed_model=SEED,
            seed_sample=SEED,
            n_classes=4,
            n_features=10,
            n_centroids=50,
            change_speed=0.0005,
            n_drift_centroids=25,
        )
    )


def random_tree(rng: np.random.Generator) -> Arrays:
    """A tree grown at random, over numbers and categories, 4 classes."""
    return of_river(
        synth.RandomTree(
            seed_tree=SEED,
            seed_sample=SEED,
            n_classes=4,
            n_num_features=5,
            n_cat_features=3,
            n_categories_per_feature=3,
        )
    )


def stagger(rng: np.random.Generator) -> Arrays:
    """Three rules over three categories, one after the other."""
    return one_after_the_other(
        *(synth.STAGGER(seed=SEED + rule, classification_function=rule) for rule in range(3))
    )


def sines(rng: np.random.Generator) -> Arrays:
    """Points above and below a sine, then the same turned round, with two columns of noise."""
    return one_after_the_other(
        *(synth.Sine(seed=SEED + rule, classification_function=rule, has_noise=True) for rule in range(4))
    )


def waveforms(rng: np.random.Generator) -> Arrays:
    """Three mixtures of waves in 21 columns, 19 columns of noise beside."""
    return of_river(synth.Waveform(seed=SEED, has_noise=True), 5_000)


def mixed_kinds(rng: np.random.Generator) -> Arrays:
    """Two truth values and two numbers under a rule that is turned round halfway."""
    return one_after_the_other(
        *(synth.Mixed(seed=SEED + rule, classification_function=rule, balance_classes=False) for rule in range(2))
    )


GENERATORS: dict[str, Callable[[np.random.Generator], Arrays]] = {
    make.__name__: make
    for make in (
        drifting_clusters,
        long_runs,
        rotating_hyperplane,
        recurring_concepts,
        hidden_turns,
        one_in_fifty,
        xor,
        wide_noise,
        topics,
        unit_vectors,
        heavy_tails,
        growing_classes,
        daily_rhythm,
        led_drift,
        rbf_drift,
        random_tree,
        stagger,
        sines,
        waveforms,
        mixed_kinds,
    )
}
