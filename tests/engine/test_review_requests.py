"""What a review request says, and what is counted."""

import numpy as np
import pytest

from streamssl.engine.state import EngineState
from streamssl.messages.records import ReviewRequestRecord
from tests.engine.world import World


def learnt(tmp_path, **review):
    """Return a world that knows two classes by x, which is about 0 or 5."""
    world = World(tmp_path / "pending", review=review)
    for i in range(40):
        world.settle(world.event(f"g{i}", {"x": 5.0 * (i % 2)}, label="ham" if i % 2 else "spam"))
    world.emitted.clear()
    return world


def pass_by(world, n, x=(0.0, 5.0), seed=0):
    rng = np.random.default_rng(seed)
    for begin in range(0, n, 500):
        world.step(*[world.event(f"e{seed}-{i}", {"x": float(rng.choice(x))}) for i in range(begin, begin + 500)])
    return world.of("review-requests")


def test_a_request_says_why_how_likely_it_was_and_in_which_order_to_answer(tmp_path):
    world = learnt(tmp_path, share=0.2)
    requests = pass_by(world, 2_000)
    for request in requests:
        ReviewRequestRecord.model_validate(request)
        assert 0 < request["propensity"] <= 1
        assert 0 <= request["key"] < 1
    assert {request["reason"] for request in requests} >= {"random"}
    said = {each["event_id"]: each["review"] for each in world.of("predictions") if each["review"]}
    assert said == {
        each["event"]["id"]: {"reason": each["reason"], "propensity": each["propensity"]} for each in requests
    }
    reasons = {name: count for name, count in world.state.counts.items() if name[0] == "review_asked"}
    assert sum(reasons.values()) == world.state.counts["review_requests", "asked"] > 300


def test_what_lies_between_the_classes_is_asked_about_more_often(tmp_path):
    world = learnt(tmp_path, share=0.1)
    requests = pass_by(world, 4_000, x=(*[0.0, 5.0] * 5, 2.5))
    between = [request for request in requests if request["event"]["features"]["x"] == 2.5]
    assert len(between) / len(requests) > 2 / 11


def test_a_share_of_the_requests_is_for_two_and_the_same_ones_again(tmp_path):
    first, again = (pass_by(learnt(tmp_path / name, share=1.0, doubles=0.2), 2_000) for name in ("one", "two"))
    doubles = [request["answers"] == 2 for request in first]
    assert np.mean(doubles) == pytest.approx(0.2, abs=0.03)
    assert {request["answers"] for request in first} == {1, 2}
    assert doubles == [request["answers"] == 2 for request in again]
    none = pass_by(learnt(tmp_path / "none", share=1.0, doubles=0.0), 500)
    assert {request["answers"] for request in none} == {1}


def test_beyond_the_reach_an_answer_is_learnt_from_and_counts_for_nothing_else(tmp_path):
    world = learnt(tmp_path, share=0.5)
    world.state.sampler._reach.chosen[0] = 0.5
    live = world.state.live_accuracy
    before = len(live.requests)
    asked = {each["event"]["id"]: each for each in pass_by(world, 500)}
    counted = {each["event"]["id"] for each in asked.values() if each["key"] < 0.5}
    assert 0.3 < len(counted) / len(asked) < 0.7
    assert len(live.requests) - before == len(counted)
    assert live.share == 0.25
    propensities = sorted(asked[event]["propensity"] / 2 for event in counted)
    np.testing.assert_allclose(np.sort(live.requests["propensity"][before:]), propensities, rtol=1e-3)
    beyond = next(each for each in asked.values() if each["key"] >= 0.5)
    n_examples = len(world.of("examples"))
    world.settle(world.label(beyond["event"]["id"], "ham", request_id=beyond["request_id"]))
    assert len(world.of("examples")) == n_examples + 1
    assert not live.requests["status"][before:].any()


def test_what_the_caps_swallow_is_counted(tmp_path):
    world = learnt(tmp_path, share=0.5, max_per_hour=30, max_per_day=10_000)
    requests = pass_by(world, 1_000)
    assert len(requests) < 30
    counts = world.state.counts
    assert counts["review_requests", "asked"] == 30
    assert counts["review_requests", "capped"] == counts["review_capped", "hour"] > 300
    assert counts["review_capped", "day"] == 0


def test_answers_and_i_do_not_know_close_a_request_and_time_does(tmp_path):
    world = learnt(tmp_path, share=0.5, expires_after_seconds=3)
    requests = pass_by(world, 500)
    open_before = world.state.sampler.n_open
    about = {each["event"]["id"]: each["request_id"] for each in requests[:3]}
    one, two, three = about
    world.settle(
        world.label(one, "ham", request_id=about[one]),
        world.label(two, "ham", request_id=about[two], seen_prediction=True),
        world.label(three, None, abstain=True, request_id=about[three]),
        world.label(requests[3]["event"]["id"], "ham"),
    )
    assert world.state.sampler.n_open == open_before - 3, "what is volunteered closes none"
    world.settle(world.label(one, None))
    assert world.state.sampler.n_open == open_before - 2
    world.time += 4_000
    world.step(world.event("late", {"x": 0.0}))
    assert world.state.sampler.n_open <= 1
    assert world.state.sampler.expired >= open_before - 2


def test_before_any_class_is_known_answers_count_all_the_same(tmp_path):
    world = World(tmp_path, review={"share": 1.0})
    world.settle(world.event("a", {"x": 1.0}))
    [request] = world.of("review-requests")
    assert request["reason"] == "cold-start"
    world.settle(world.label("a", "ham", request_id=request["request_id"]))
    assert world.state.sampler.n_open == 0


def test_a_class_that_is_named_for_the_first_time_raises_the_share(tmp_path):
    world = learnt(tmp_path, share=0.01)
    pass_by(world, 20_000)
    for i in range(20):
        world.settle(world.label(f"e0-{19_000 + i}", "ham"))
    before = world.state.sampler.excess
    world.settle(world.label("e0-19500", "eggs"))
    assert before < 0.5 < world.state.sampler.excess


def test_changed_settings_take_over(tmp_path):
    world = learnt(tmp_path, share=0.5)
    pass_by(world, 500)
    world.emitted.clear()
    review = world.settings.review.model_copy(update={"sampler": "off"})
    world.state.configure(world.settings.model_copy(update={"review": review}))
    assert not pass_by(world, 500, seed=1)
    assert world.state.live_accuracy.share == 0


def test_a_snapshot_holds_the_labels_of_each_class_too(tmp_path):
    world = learnt(tmp_path, share=0.5)
    world.state.pending.flush()
    copy = EngineState.from_state(*world.state.to_state(), world.state.directory)
    assert copy.labels_by_class().tolist() == world.state.labels_by_class().tolist() == [20, 20]
