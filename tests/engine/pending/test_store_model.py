"""The store against a plain list, with steps in any order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from streamssl.engine.pending.store import PendingStore
from tests.engine.pending.stores import opened, snapshot

# --- against a model ---------------------------------------------------------------------------------------


class StoreAgainstList(RuleBasedStateMachine):
    """A list of events stands in for the store; a crash goes back to a snapshot and replays what came after it."""

    new_stream: Any
    assert_same: Any

    @initialize(capacity=st.integers(1, 120), max_age_ms=st.integers(1, 2_000))
    def begin(self, capacity: int, max_age_ms: int) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.store = opened(Path(self.directory.name), capacity, max_age_ms, segment_rows=16)
        self.stream = self.new_stream()
        self.width = 1
        self.events: list[tuple[Any, int]] = []
        self.first = 0
        self.done: list[Callable[[PendingStore], object]] = []
        self.snapshots = [(snapshot(self.store), 0)]

    def do(self, action: Callable[[PendingStore], object]) -> None:
        action(self.store)
        self.done.append(action)

    @rule(names=st.lists(st.integers(0, 60), min_size=1, max_size=40), wider=st.sampled_from([0, 0, 0, 1]))
    def append(self, names: list[int], wider: int) -> None:
        self.width += wider
        block = self.stream.block(len(names), d=self.width, ids=[f"id-{name}" for name in names])
        self.do(block.append_to)
        self.events += [(block, i) for i in range(len(names))]

    @rule(wait_ms=st.integers(0, 500))
    def expire(self, wait_ms: int) -> None:
        now = self.stream.now + wait_ms
        self.do(lambda store: store.expire(now))
        for block, i in self.events[self.first :]:
            over = len(self.events) - self.first > self.store.capacity
            if not over and block.arrivals[i] > now - self.store.max_age_ms:
                break
            self.first += 1

    @rule()
    def take_snapshot(self) -> None:
        self.snapshots = [*self.snapshots[-1:], (snapshot(self.store), len(self.done))]
        oldest, _ = self.snapshots[0]
        self.store.release(oldest[0])

    @rule(back=st.integers(0, 1))
    def crash(self, back: int) -> None:
        state, done = self.snapshots[max(-len(self.snapshots), -1 - back)]
        self.store = PendingStore.from_state(self.store.directory, *state)
        for action in self.done[done:]:
            action(self.store)

    @invariant()
    def finds_the_newest_of_each_id(self) -> None:
        assert (self.store.first, self.store.next_sequence) == (self.first, len(self.events))
        newest: dict[str, int] = {}
        for sequence in range(self.first, len(self.events)):
            block, i = self.events[sequence]
            newest[block.ids[i]] = sequence
        for event_id in [f"id-{name}" for name in range(61)]:
            found = self.store.find(event_id)
            if event_id in newest:
                assert found is not None
                assert found.sequence == newest[event_id]
                self.assert_same(found, *self.events[found.sequence])
            else:
                assert found is None

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.directory.cleanup()


def test_store_against_list(new_stream: Any, assert_same: Any) -> None:
    machine = type(
        "Machine", (StoreAgainstList,), {"new_stream": new_stream, "assert_same": staticmethod(assert_same)}
    )
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=20, deadline=None))
