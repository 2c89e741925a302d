from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streamssl.engine.pending.index import FEWEST_SLOTS, HashIndex

# Few different homes, at the end of a table too: long runs of slots, entries that wrap around to slot 0.
crowded = st.sampled_from([*range(4), 2**60 - 1, 2**60 - 2, 2**60, 2**64 - 1])
hashes = st.lists(crowded | st.integers(0, 2**64 - 1), min_size=1, max_size=60)


class IndexAgainstList(RuleBasedStateMachine):
    """Events enter at the back and leave at the front."""

    def __init__(self) -> None:
        super().__init__()
        self.index = HashIndex()
        self.entered: list[int] = []
        self.first = 0

    @rule(new=hashes)
    def insert(self, new: list[int]) -> None:
        self.index.insert(np.array(new, dtype=np.uint64), len(self.entered))
        self.entered += new

    @precondition(lambda self: self.first < len(self.entered))
    @rule(share=st.floats(0, 1))
    def remove(self, share: float) -> None:
        end = self.first + max(1, int(share * (len(self.entered) - self.first)))
        self.index.remove(np.array(self.entered[self.first : end], dtype=np.uint64), self.first)
        self.first = end

    @rule()
    def remove_what_is_not_there(self) -> None:
        self.index.remove(np.array([1, 2**64 - 1], dtype=np.uint64), len(self.entered) + 10)

    @invariant()
    def finds_exactly_what_is_in_it(self) -> None:
        expected: dict[int, list[int]] = {hash_: [] for hash_ in (0, 5, 2**64 - 1, *self.entered)}
        for sequence in range(len(self.entered) - 1, self.first - 1, -1):
            expected[self.entered[sequence]].append(sequence)
        assert {hash_: self.index.find(hash_) for hash_ in expected} == expected
        wanted = np.array(list(expected), dtype=np.uint64)
        assert self.index.contains(wanted).tolist() == [bool(found) for found in expected.values()]
        assert len(self.index) == len(self.entered) - self.first


TestIndexAgainstList = IndexAgainstList.TestCase
TestIndexAgainstList.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


def test_memory_stays_bounded_while_events_pass_through() -> None:
    index = HashIndex()
    random = np.random.default_rng(0)
    passing = random.integers(0, 2**64, size=(200, 1_000), dtype=np.uint64)
    for number, block in enumerate(passing):
        index.insert(block, 1_000 * number)
        if number >= 5:
            index.remove(passing[number - 5], 1_000 * (number - 5))
    assert len(index) == 5_000
    assert index.nbytes <= 16 * FEWEST_SLOTS * 16 * 4


def test_an_entry_takes_at_most_43_bytes() -> None:
    index = HashIndex()
    index.insert(np.random.default_rng(0).integers(0, 2**64, 200_000, dtype=np.uint64), 0)
    assert 21 <= index.nbytes / len(index) <= 43
