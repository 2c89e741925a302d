"""Which labels enter the live accuracy, and what they do there."""

import numpy as np
import pytest

from streamssl.engine.live_accuracy.requests import Status
from streamssl.engine.state import EngineState
from tests.engine.world import World


@pytest.fixture
def world(tmp_path):
    """A world that knows two classes, and asks about every event; its review requests are at hand."""
    world = World(tmp_path / "pending", review={"share": 1.0})
    for i in range(20):
        world.settle(world.event(f"g{i}", {"x": 5.0 * (i % 2)}, label="ham" if i % 2 else "spam"))
    world.settle(*[world.event(name, {"x": 5.0}) for name in "abc"])
    world.requests = {each["event"]["id"]: each["request_id"] for each in world.of("review-requests")}
    assert world.of("predictions")[-1]["label"] == "ham"
    return world


def entry(world, name):
    """Return what is noted of the event's request: status, whether the learner is right, the twin."""
    sequence = world.state.pending.find(name).sequence
    requests = world.state.live_accuracy.requests
    place = requests.find(sequence)
    return tuple(int(requests[column][place]) for column in ("status", "right", "twin_right"))


def answer(world, name, label, **more):
    world.settle(world.label(name, label, request_id=world.requests[name], **more))


def test_an_answer_counts(world):
    answer(world, "a", "ham")
    assert entry(world, "a") == (Status.ANSWERED, 1, 1)
    answer(world, "b", "spam")
    assert entry(world, "b") == (Status.ANSWERED, 0, 0)


def test_a_label_without_a_request_stays_out_and_leaves_the_request_open(world):
    world.settle(world.label("a", "ham"))
    assert entry(world, "a")[0] == Status.OPEN
    assert entry(world, "g7")[0] == Status.OPEN, "one that came with its event is volunteered too"
    assert world.state.scores.accuracy().labels > 0, "the plain accuracy takes it"


def test_a_made_up_request_about_an_event_that_was_not_asked_about_stays_out(tmp_path):
    world = World(tmp_path, review={"share": 0.0})
    world.settle(world.event("a", {"x": 1.0}, label="ham"), world.event("b", {"x": 1.0}))
    world.settle(world.label("b", "ham", request_id="made up"))
    assert len(world.state.live_accuracy.requests) == 0


def test_an_answer_by_somebody_who_saw_the_guess_is_none(world):
    answer(world, "a", "ham", seen_prediction=True)
    assert entry(world, "a")[0] == Status.SEEN
    answer(world, "a", "spam", annotator="ann")
    assert entry(world, "a")[:1] == (Status.ANSWERED,), "somebody else had not seen it"


@pytest.mark.parametrize("others", [False, True])
def test_an_answer_that_was_changed_at_the_sight_of_the_guess_is_none_any_more(world, others):
    """Whoever errs is told so by the guess, and changes their mind only where the model was wrong before."""
    answer(world, "a", "spam", annotator="ann")
    assert entry(world, "a") == (Status.ANSWERED, 0, 0)
    answer(world, "a", "ham", annotator="ann", seen_prediction=True)
    if others:  # what somebody volunteers and takes back makes no difference
        world.settle(world.label("a", "ham", annotator="bob"))
        world.settle(world.label("a", None, annotator="bob"))
    assert entry(world, "a")[0] == Status.SEEN


def test_an_answer_whose_annotator_has_volunteered_another_since_is_none_any_more(world):
    """Those who come back unasked do so for a reason."""
    answer(world, "a", "ham", annotator="ann")
    world.settle(world.label("a", "spam", annotator="ann"))
    assert entry(world, "a")[0] == Status.OPEN


def test_who_has_volunteered_it_and_is_then_asked_answers_all_the_same(world):
    """There is nothing new to be learnt, but the question is answered."""
    world.settle(world.label("a", "ham", annotator="ann"))
    taught = [each for each in world.of("examples") if each]
    answer(world, "a", "ham", annotator="ann")
    assert entry(world, "a") == (Status.ANSWERED, 1, 1)
    assert world.labels("duplicate") == 1
    assert [each for each in world.of("examples") if each] == taught
    answer(world, "b", "ham", annotator="ann")
    world.settle(world.label("b", "ham", annotator="ann"))
    assert entry(world, "b")[0] == Status.ANSWERED, "saying it once more unasked takes nothing away"


def test_i_do_not_know_is_noted_where_it_was_asked(world):
    world.settle(world.record("labels", {"event_id": "b", "abstain": True}, "b"))
    assert entry(world, "b")[0] == Status.OPEN
    asked = {"event_id": "a", "abstain": True, "request_id": world.requests["a"]}
    world.settle(world.record("labels", asked, "a"))
    assert entry(world, "a")[0] == Status.ABSTAINED


def do_not_know(world, name, annotator):
    about = {"event_id": name, "abstain": True, "request_id": world.requests[name], "annotator": annotator}
    world.settle(world.record("labels", about, name))


def test_i_do_not_know_that_is_taken_back_opens_the_request_again(world):
    """By the one who said it, or by a retraction of all; while nobody else has said so too, or answered."""
    do_not_know(world, "a", "ann")
    world.settle(world.label("a", None, annotator="bob"))
    assert entry(world, "a")[0] == Status.ABSTAINED, "bob had said nothing"
    assert world.labels("duplicate") == 1
    do_not_know(world, "a", "bob")
    world.settle(world.label("a", None, annotator="ann"))
    assert entry(world, "a")[0] == Status.ABSTAINED, "bob does not know either"
    world.settle(world.label("a", None, annotator="bob"))
    assert entry(world, "a")[0] == Status.OPEN
    do_not_know(world, "a", "ann")
    world.settle(world.label("a", None))
    assert entry(world, "a")[0] == Status.OPEN
    assert world.labels("retracted") == 3
    do_not_know(world, "b", "ann")
    answer(world, "b", "ham", annotator="bob")
    world.settle(world.label("b", None, annotator="ann"))
    assert entry(world, "b") == (Status.ANSWERED, 1, 1)


def test_where_an_answer_is_taken_back_somebody_may_still_not_know(world):
    do_not_know(world, "a", "ann")
    answer(world, "a", "ham", annotator="bob")
    world.settle(world.label("a", None, annotator="bob"))
    assert entry(world, "a")[0] == Status.ABSTAINED
    answer(world, "a", "ham", annotator="ann")
    world.settle(world.label("a", None, annotator="ann"))
    assert entry(world, "a")[0] == Status.OPEN, "what she said last was an answer"


def test_i_do_not_know_any_more_takes_the_place_of_the_answer(world):
    answer(world, "a", "spam", annotator="ann")
    changed = {"event_id": "a", "abstain": True, "annotator": "ann", "request_id": world.requests["a"]}
    world.settle(world.record("labels", changed, "a"))
    assert entry(world, "a")[0] == Status.ABSTAINED


def test_a_correction_replaces_and_a_retraction_opens_the_request_again(world):
    answer(world, "a", "spam")
    answer(world, "a", "ham")
    assert entry(world, "a") == (Status.ANSWERED, 1, 1)
    world.settle(world.label("a", None))
    assert entry(world, "a")[0] == Status.OPEN
    answer(world, "a", "spam")
    assert entry(world, "a") == (Status.ANSWERED, 0, 0)


def test_what_it_is_not_tells_only_where_that_was_predicted(world):
    for name, excluded in (("a", "ham"), ("b", "spam")):
        request = world.requests[name]
        world.settle(world.record("labels", {"event_id": name, "not": [excluded], "request_id": request}, name))
    assert entry(world, "a") == (Status.ANSWERED, 0, 0)
    assert entry(world, "b") == (Status.ANSWERED, -1, -1)


def test_what_others_volunteer_does_not_change_what_the_answer_says(world):
    """Two who were not asked, or had seen the guess, side with it against the one whose answer is fair."""
    answer(world, "a", "spam", annotator="ann")
    assert entry(world, "a") == (Status.ANSWERED, 0, 0)
    answer(world, "a", "ham", annotator="bob", seen_prediction=True)
    world.settle(world.label("a", "ham", annotator="cyd"))
    assert world.of("examples")[-1]["label"] == "ham", "that is what they come to, and what is learnt"
    assert entry(world, "a") == (Status.ANSWERED, 0, 0)
    world.settle(world.label("a", None, annotator="ann"))
    assert entry(world, "a")[0] == Status.SEEN, "nobody is left who had not seen the guess"


def test_requests_that_the_cap_swallows_are_known_to_be_missing(tmp_path):
    """Taken for events that were not drawn, they would count as if they were as right as was believed."""
    capped, free = (
        World(tmp_path / name, review={"share": 0.5, "max_per_hour": most})
        for name, most in (("capped", 5), ("free", None))
    )
    for world in (capped, free):
        world.settle(world.event("first", {"x": 1.0}, label="ham"))
        world.settle(*[world.event(f"e{i}", {"x": 1.0}) for i in range(60)])
    asked = capped.of("review-requests")
    assert len(asked) == 5
    requests, expected = (world.state.live_accuracy.requests for world in (capped, free))
    assert requests["sequence"].tolist() == expected["sequence"].tolist(), "all that were drawn"
    assert (requests["status"] == Status.OPEN).sum() <= 5
    swallowed = requests["status"] == Status.CAPPED
    assert swallowed.sum() == len(requests) - (requests["status"] == Status.OPEN).sum() > 15
    event = f"e{int(requests['sequence'][swallowed][0]) - 1}"
    for label in ("ham", None):
        capped.settle(capped.label(event, label, request_id="made up"))
        assert (requests["status"] == Status.CAPPED).sum() == swallowed.sum()


def test_before_any_class_is_known_nothing_was_predicted(tmp_path):
    world = World(tmp_path, review={"share": 1.0})
    world.settle(world.event("a", {"x": 1.0}))
    assert len(world.state.live_accuracy.requests) == 0
    assert world.state.live_accuracy.blocks.sums(0, 1) == (0, 0.0)


def test_in_batches_one_by_one_and_from_a_snapshot_it_is_the_same(tmp_path):
    worlds = [World(tmp_path / name, review={"share": 0.5}) for name in ("batches", "single", "restored")]
    random = np.random.default_rng(0)
    for i in range(12):
        kinds = random.integers(0, 2, 40)
        for world, size in zip(worlds, (40, 1, 13), strict=True):
            made = [world.event(f"{i}-{j}", {"x": float(4 * kind)}) for j, kind in enumerate(kinds)]
            for begin in range(0, 40, size):
                world.settle(*made[begin : begin + size])
            requests = {each["event"]["id"]: each["request_id"] for each in world.of("review-requests")}
            for j, kind in enumerate(kinds.tolist()):
                if f"{i}-{j}" in requests and j % 5:
                    label = "ham" if kind else "spam"
                    world.settle(world.label(f"{i}-{j}", label, request_id=requests[f"{i}-{j}"]))
        if i == 5:
            worlds[2].state.pending.flush()
            worlds[2].state = EngineState.from_state(*worlds[2].state.to_state(), worlds[2].state.directory)
    states = [world.state.live_accuracy.to_state() for world in worlds]
    for document, arrays in states[1:]:
        assert document == states[0][0]
        assert arrays.keys() == states[0][1].keys()
        assert all(np.array_equal(arrays[name], states[0][1][name]) for name in arrays)
    assert (states[0][1]["requests.status"] == Status.ANSWERED).sum() > 100
