"""A worker among the others: what it asks and tells, and when it decides."""

import pytest

from streamssl.runtime import group as module
from streamssl.runtime.group import Group
from streamssl.transport.base import Marks, TransportError
from tests.engine.world import World
from tests.integration.service import until

LABELS = ("labels", 0)
LATER = 10**15
"""A horizon by which every label should have found its event."""


def with_an_undecided_label(folder):
    """Return the state of a worker that has given up on a label."""
    world = World(folder)
    world.view = None
    world.step(world.label("ghost", "spam"))
    world.horizon = LATER
    world.step()
    assert world.state.undecided
    return world.state


@pytest.fixture
def two(embedded):
    """Two workers with one partition of the events each: the first is the judge."""
    first, second = embedded.worker(0), embedded.worker(1)

    def both_own():
        for worker in (first, second):
            worker.poll(1, 0.05)
        return len(first.assignment()) == len(second.assignment()) == 1

    until(both_own, 20, "one partition each")
    groups = Group(first, "events"), Group(second, "events")
    for each in groups:
        assert each.has_moved()
        assert not each.has_moved()
    assert [each.is_judge for each in groups] == [True, False]
    return groups, (first, second)


def test_it_decides_by_what_was_seen_only_after_the_answers_given_by_then_are_read(two, tmp_path):
    (judge, _), (_, second) = two
    state = with_an_undecided_label(tmp_path)
    second.commit([], b"0", [], Marks({LABELS: 9}, {}))
    judge.look_around(state)
    assert not judge.can_decide(state), "an answer of the other may lie unread"
    assert judge.take_view() is None
    judge.is_caught_up()
    assert judge.can_decide(state)
    view = judge.take_view()
    assert view.is_judge
    assert view.given_up == {LABELS: 9}
    assert judge.take_view() is None, "a view is good for one batch"


def test_where_nothing_is_undecided_nobody_is_asked(two, tmp_path):
    (_, other), (_, second) = two
    second.neighbours = None  # to ask would be a mistake, seen as one
    other.look_around(World(tmp_path).state)
    other.is_caught_up()
    assert other.take_view() is None


def test_what_was_seen_is_worth_nothing_when_partitions_have_moved(two, tmp_path):
    (judge, _), (first, second) = two
    state = with_an_undecided_label(tmp_path)
    judge.look_around(state)
    judge.is_caught_up()
    second.close()

    def alone():
        first.poll(1, 0.05)
        return len(first.assignment()) == 2

    until(alone, 40, "both partitions")
    assert judge.has_moved()
    assert not judge.can_decide(state)


def test_news_is_told_once_and_again_when_it_is_old(two, tmp_path, monkeypatch):
    (_, other), (_, second) = two
    state = with_an_undecided_label(tmp_path)
    clock = 1_000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: clock)
    news = other.news(state)
    assert news.given_up == {LABELS: 1}
    assert news.decided == {}, "that is for the judge to say"
    second.commit([], b"0", [], news)
    other.has_told(news)
    assert other.news(state, at_once=True) is None
    clock += module.RENEW_EVERY
    assert other.news(state).given_up == news.given_up, "the broker forgets what is not renewed"


def test_news_waits_a_moment_unless_something_was_decided(two, tmp_path, monkeypatch):
    (judge, _), _ = two
    state = with_an_undecided_label(tmp_path)
    clock = 1_000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: clock)
    judge.has_told(Marks({}, {}))
    clock += module.TELL_EVERY / 2
    assert judge.news(state) is None
    assert judge.news(state, at_once=True).given_up == {LABELS: 1}
    clock += module.TELL_EVERY
    assert judge.news(state).given_up == {LABELS: 1}


def test_a_group_that_does_not_answer_is_asked_again(two, tmp_path, monkeypatch, caplog):
    (judge, _), (first, _) = two
    state = with_an_undecided_label(tmp_path)

    def nobody():
        raise TransportError("no coordinator")

    with monkeypatch.context() as away:
        away.setattr(first, "neighbours", nobody)
        judge.look_around(state)
    judge.is_caught_up()
    assert not judge.can_decide(state)
    assert "no coordinator" in caplog.text
    judge.look_around(state)
    judge.is_caught_up()
    assert judge.can_decide(state)
