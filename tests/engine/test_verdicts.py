"""Of several workers one speaks about what none of them can use, after all have looked."""

import orjson
import pytest

from streamssl.engine.verdicts import marks
from streamssl.engine.view import ALONE, View
from streamssl.engine.waiting import RecordName
from streamssl.messages.answers import HEADER
from tests.engine.world import NOW, World

LATER = NOW + 10**6


class Two:
    """Two workers that read the same labels and examples; each has events of its own."""

    def __init__(self, tmp_path, **sections):
        self.judge = World(tmp_path / "judge", **sections)
        self.other = World(tmp_path / "other", **sections)
        for world in (self.judge, self.other):
            world.view = None

    def read(self, *records):
        """Let both read the records; return what they emit, answers read by both."""
        emitted = []
        for world in (self.judge, self.other):
            emitted += world.step(*records)
        back = [self.judge.record("examples", m.value, m.key, m.headers) for m in emitted if m.topic == "examples"]
        for world in (self.judge, self.other):
            emitted += world.step(*back) if back else []
        return emitted

    def decide(self, given_up=None, decided=None):
        """Let both give up and then decide, at a time when all has been read; return what each emits."""
        for world in (self.judge, self.other):
            world.horizon = LATER
            assert world.step() == []
        told = given_up if given_up is not None else marks(self.other.state, False).given_up
        self.judge.view = View(True, told, decided or {})
        self.other.view = View(False, marks(self.judge.state, False).given_up, decided or {})
        emitted = []
        for world in (self.judge, self.other):
            emitted.append(world.step())
            world.view = None
        return emitted


@pytest.fixture
def two(tmp_path):
    return Two(tmp_path)


def test_a_label_that_nobody_knows_is_one_dead_letter(two):
    two.read(two.judge.label("ghost", "spam"))
    assert two.decide(given_up={("labels", 0): 0}) == [[], []], "the other has not given up yet"
    by_judge, by_other = two.decide()
    assert [m.key for m in by_judge] == [b"ghost"]
    assert by_other == []
    decided = marks(two.judge.state, True).decided
    assert decided == {("labels", 0): 1}
    two.decide(decided=decided)
    assert len(two.other.state.undecided) == len(two.judge.state.undecided) == 0


def test_a_label_that_the_other_can_join_is_none(two):
    two.other.step(two.other.event("a", {"x": 1.0}))
    emitted = two.read(two.judge.label("a", "spam"))
    assert [m.topic for m in emitted] == ["examples"]
    assert two.decide() == [[], []]
    assert two.judge.labels("settled") == two.other.labels("joined") == 1
    assert two.judge.state.learner.n_labelled == two.other.state.learner.n_labelled == 1


@pytest.mark.parametrize("label", [{"abstain": True}, {"label": None}])
def test_an_answer_that_teaches_nothing_is_an_answer(two, label):
    two.other.step(two.other.event("a", {"x": 1.0}))
    two.read(two.judge.record("labels", {"event_id": "a", **label}, "a"))
    assert two.decide() == [[], []]
    assert two.judge.labels("settled") == 1


def test_a_worker_that_is_down_holds_the_verdict_up(two):
    """It may know the event; once it is back, it joins the label."""
    two.other.step(two.other.event("a", {"x": 1.0}))
    label = two.judge.label("a", "spam")
    two.judge.step(label)
    for _ in range(3):
        assert two.decide(given_up={})[0] == []
    [example] = two.other.step(label)
    two.judge.step(two.judge.record("examples", example.value, example.key, example.headers))
    assert two.decide() == [[], []]
    assert two.judge.labels("unmatched") == 0


def test_what_cannot_be_read_is_one_dead_letter(two):
    bad = [two.judge.record("labels", b"{", "a"), two.judge.record("examples", b"{", "b")]
    assert two.read(*bad) == []
    by_judge, by_other = two.decide()
    assert sorted(m.key for m in by_judge) == [b"a", b"b"]
    assert by_other == []
    assert marks(two.judge.state, True).decided == {("labels", 0): 1, ("examples", 0): 1}


def test_the_next_judge_goes_on_where_the_one_before_ended(two):
    two.read(two.judge.label("ghost", "spam"))
    two.decide()
    decided = marks(two.judge.state, True).decided
    two.read(two.judge.label("phantom", "spam"))
    two.judge, two.other = two.other, two.judge
    by_new, by_old = two.decide(decided=decided)
    assert [m.key for m in by_new] == [b"phantom"]
    assert by_old == []


def test_what_cannot_be_read_does_not_overtake_an_older_label_that_waits(two):
    two.read(two.judge.label("ghost", "spam"))
    two.read(two.judge.record("labels", b"{", "a"))
    assert marks(two.judge.state, True).decided == {("labels", 0): 0}
    two.judge.view = ALONE
    assert two.judge.step() == [], "or the next judge would decide it again"
    two.judge.view = None
    for world in (two.judge, two.other):
        world.horizon = LATER
        world.step()
    assert two.judge.state.undecided.first_offset("labels", 0) == 0
    assert marks(two.judge.state, True).decided == {("labels", 0): 0}
    assert [m.key for m in two.decide()[0]] == [b"ghost", b"a"]


def test_a_worker_that_has_read_no_label_says_that_it_is_there(two):
    two.judge.step(two.judge.event("a", {"x": 1.0}))
    assert marks(two.judge.state, False).given_up == {("labels", 0): 0}


def test_an_answer_may_be_read_before_its_label(two):
    two.other.step(two.other.event("a", {"x": 1.0}))
    label = two.judge.label("a", "spam")
    [example] = two.other.step(label)
    two.judge.step(two.judge.record("examples", example.value, example.key, example.headers))
    two.judge.step(label)
    assert two.judge.labels("settled") == 1
    assert len(two.judge.state.waiting) == len(two.judge.state.answered_early) == 0


def test_an_event_that_comes_with_a_partition_of_the_dead_finds_its_label(two):
    """The one that died had read neither; the survivor has given the label up."""
    two.judge.step(two.judge.label("a", "spam"))
    two.judge.horizon = LATER
    two.judge.step()
    assert len(two.judge.state.undecided) == 1
    [example] = [m for m in two.judge.step(two.judge.event("a", {"x": 1.0})) if m.topic == "examples"]
    assert example.key == b"a"
    assert len(two.judge.state.undecided) == 0


def test_nothing_waits_without_end(tmp_path):
    two = Two(tmp_path, pending={"max_waiting_labels": 3})
    for i in range(10):
        two.read(two.judge.label(f"ghost{i}", "spam"))
    by_judge, by_other = two.decide(given_up={})
    assert [m.key for m in by_judge] == [b"ghost%d" % i for i in range(7)], "the eldest, though nobody has given up"
    assert by_other == []
    assert len(two.judge.state.undecided) == len(two.other.state.undecided) == 3


def test_the_excess_does_not_overtake_an_older_label_that_waits_either(tmp_path):
    two = Two(tmp_path, pending={"max_waiting_labels": 2})
    two.judge.step(two.judge.label("late", "spam"))
    two.judge.step(*[two.judge.record("labels", b"{", "k") for _ in range(5)])
    two.judge.view = View(True, {}, {})
    assert two.judge.step() == [], "or the next judge would decide it again"
    assert marks(two.judge.state, True).decided == {("labels", 0): 0}


def test_answers_to_labels_that_are_never_read_do_not_crowd_out_others(tmp_path):
    """A worker that is new to its group begins behind what is decided, and reads all answers there are."""
    two = Two(tmp_path, pending={"max_waiting_labels": 50})
    new, answer = two.judge, "labels/0/{}".format
    for offset in range(60):
        new.step(new.record("examples", None, answer(offset), ((HEADER, answer(offset).encode()),)))
    new.offsets["labels"] = 1_000
    new.step(new.label("a", "spam"))
    new.step(new.record("examples", None, answer(1_001), ((HEADER, answer(1_001).encode()),)))
    new.step(new.label("b", "spam"))
    assert new.labels("settled") == 1
    assert list(new.state.waiting.names()) == [("labels", 0, 1_000)]


def test_of_a_topic_that_has_left_the_configuration_nothing_is_told(two):
    two.judge.step(two.judge.event("a", {"x": 1.0}), two.judge.label("a", "spam"))
    two.judge.state.positions["labels-before", 0] = 7
    told = marks(two.judge.state, True)
    assert told.given_up == {("labels", 0): 1}
    assert told.decided == {("labels", 0): 1}, "nor of the events: their offsets are committed with the batch"


def test_undecided_records_survive_a_snapshot(two, tmp_path):
    two.read(two.judge.label("ghost", "spam"))
    two.judge.horizon = LATER
    two.judge.step()
    two.judge.state.answered_early.add(RecordName("labels", 0, 9))
    document, arrays = two.judge.state.to_state()
    document = orjson.loads(orjson.dumps(document))
    again = type(two.judge.state).from_state(document, arrays, two.judge.state.directory)
    assert list(again.undecided.names()) == [("labels", 0, 0)]
    assert again.answered_early == {("labels", 0, 9)}
