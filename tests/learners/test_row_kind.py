import numpy as np
import pytest

from streamssl.learners import row_kind


def kind_of(rows: np.ndarray) -> tuple[bool, bool]:
    kind = row_kind.new()
    for row in rows.astype(np.float32):
        row_kind.observe(kind, row)
    return row_kind.are_unit(kind, rows.shape[1]), row_kind.are_dense(kind, rows.shape[1])


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def sparse(n: int, d: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return unit(rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.1))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (unit(np.random.default_rng(0).normal(size=(50, 384))), (True, True)),
        (sparse(50, 384), (True, False)),
        (np.random.default_rng(0).normal(size=(50, 384)), (False, True)),
        (unit(np.random.default_rng(0).normal(size=(50, 20))), (False, True)),
        (np.zeros((0, 384)), (False, False)),
    ],
    ids=["embeddings", "hashed words", "a wide table", "a narrow table", "nothing yet"],
)
def test_kinds_are_told_apart(rows: np.ndarray, expected: tuple[bool, bool]) -> None:
    assert kind_of(rows) == expected


def test_a_few_empty_or_odd_rows_change_nothing() -> None:
    rows = np.vstack([sparse(97, 200), np.zeros((2, 200)), np.ones((1, 200))])
    assert kind_of(rows) == (True, False)
    assert kind_of(np.vstack([rows, np.ones((10, 200))])) == (False, False)
