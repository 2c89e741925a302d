"""A stream of made-up events whose contexts run on from block to block, as the learner's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from streamssl.engine.pending.store import Extras, PendingStore
from streamssl.learners import context
from streamssl.learners.mixture import Memory

N_EXPERTS = 3


class Block(NamedTuple):
    ids: list[str]
    times: NDArray[np.int64]
    arrivals: NDArray[np.int64]
    rows: NDArray[np.float32]
    memory: Memory
    extras: Extras

    def append_to(self, store: PendingStore) -> int:
        return store.append(*self)


class Stream:
    """Makes blocks; equal seeds and calls make equal blocks."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.averages = np.zeros((2, 0), dtype=np.float32)
        self.now = 0

    def block(self, n: int, d: int = 5, k: int = 2, ids: list[str] | None = None, step_ms: int = 10) -> Block:
        random = self.random
        if d > self.averages.shape[1]:
            self.averages = context.grow(self.averages, d)
        self.averages = self.averages[:, :d].copy()
        rows = random.normal(size=(n, d)).astype(np.float32)
        contexts = np.empty((n, 2, d), dtype=np.float32)
        for i in range(n):
            contexts[i] = self.averages
            context.advance(self.averages, rows[i])
        arrivals = self.now + step_ms * np.arange(1, n + 1)
        first = self.now // step_ms
        self.now += step_ms * n
        memory = Memory(
            probabilities=random.random((n, k), dtype=np.float32),
            decisions=random.integers(0, k, n) if k else np.full(n, -1),
            experts=random.integers(0, 256, (n, N_EXPERTS, k), dtype=np.uint8),
            context=contexts,
            positions=random.integers(0, 2**40, n),
        )
        extras = Extras(random.random(n, dtype=np.float32), random.integers(-1, 9, n), random.integers(-1, 9, n))
        ids = ids or [f"event-{first + i}" for i in range(n)]
        return Block(ids, arrivals - 3, arrivals, rows, memory, extras)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def new_stream() -> Callable[..., Stream]:
    return Stream


@pytest.fixture
def assert_same() -> Callable[[Any, Block, int], None]:
    """Compare what `find` has returned with the i-th event of a block."""

    def compare(found: Any, block: Block, i: int) -> None:
        assert found is not None, block.ids[i]
        assert (found.time, found.arrival) == (block.times[i], block.arrivals[i])
        assert found.position == block.memory.positions[i]
        decision = block.memory.decisions[i]
        assert found.decision == decision
        assert found.confidence == (block.memory.probabilities[i, decision] if decision >= 0 else 0)
        assert (found.propensity, found.pseudo, found.twin) == tuple(column[i] for column in block.extras)
        np.testing.assert_array_equal(found.row, block.rows[i], strict=True)
        np.testing.assert_array_equal(found.experts, block.memory.experts[i], strict=True)
        np.testing.assert_array_equal(found.context, block.memory.context[i], strict=True)

    return compare
