"""Clocks that jump, and records from other years: nothing is thrown out early, nothing waits for ever."""

import pytest

from streamssl.engine.batch import Batch, merge
from streamssl.engine.step import step
from streamssl.engine.view import ALONE
from tests.engine.world import NOW, World

YEAR = 365 * 86_400_000


def at(world, now, horizon, *records):
    """Process records in a batch that was polled at a moment; return what it emitted."""
    outcome = step(world.state, Batch(merge(records), now, horizon, ALONE))
    world.emitted += outcome.messages
    return outcome.messages


@pytest.mark.parametrize("jump", [-10 * YEAR, 10 * YEAR])
def test_a_clock_that_jumps_leaves_waiting_events_and_labels_where_they_are(tmp_path, jump):
    world = World(tmp_path, pending={"max_age_seconds": 86_400})
    at(world, NOW + 100, NOW, world.event("a", {"x": 1.0}))
    at(world, NOW + jump, NOW + min(jump, 0), world.event("b", {"x": 2.0}))
    assert len(world.state.pending) == 2
    world.settle(world.label("a", "spam"), world.label("b", "ham"))
    assert world.labels("joined") == 2


@pytest.mark.parametrize("year", [-50, 100])
def test_an_event_from_another_year_is_one_like_others(tmp_path, year):
    """Its time and its record's timestamp say so; neither throws out who waits, or keeps others from leaving."""
    world = World(tmp_path, pending={"max_age_seconds": 86_400})
    at(world, NOW + 10, NOW, world.event("a", {"x": 1.0}))
    odd = world.record(
        "events",
        {"id": "odd", "time": NOW + year * YEAR, "features": {"x": 1.0}},
        "odd",
        timestamp=max(1, NOW + year * YEAR),
    )
    at(world, NOW + 20, NOW, odd, *[world.event(f"e{i}", {"x": float(i)}) for i in range(2_000)])
    assert len(world.state.pending) == 2_002
    assert len(world.of("predictions")) == 2_002
    at(world, NOW + 40, NOW + 30, world.label("a", "spam"), world.label("odd", "spam"))
    assert world.labels("joined") == 2


def test_a_label_long_before_or_after_its_event_by_its_own_word_is_joined(tmp_path):
    """Only what has been read decides; the time that a label claims is handed on."""
    world = World(tmp_path)
    at(world, NOW + 10, NOW, world.event("a", {"x": 1.0}), world.event("b", {"x": 1.0}))
    at(world, NOW + 20, NOW, world.label("a", "spam", time=1), world.label("b", "ham", time=NOW + 50 * YEAR))
    assert world.labels("joined") == 2
    assert [example["time"] for example in world.of("examples")] == [1, NOW + 50 * YEAR]
