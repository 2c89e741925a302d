"""Every case of an event has a rule, a counter and a test."""

import pytest

from tests.engine.world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "pending")


def events(world, outcome):
    return world.state.counts["events", outcome]


def test_every_event_gets_one_prediction_and_waits(world):
    emitted = world.settle(*[world.event(f"e{i}", {"x": float(i)}) for i in range(5)])
    assert [p["event_id"] for p in world.of("predictions", emitted)] == [f"e{i}" for i in range(5)]
    assert events(world, "predicted") == 5
    assert len(world.state.pending) == 5


def test_an_event_that_is_sent_again_is_neither_predicted_nor_learnt_from_again(world):
    first, again, other = (world.event(name, {"x": 1.0}) for name in ("a", "a", "b"))
    world.settle(first, again, other)
    world.settle(world.event("a", {"x": 1.0}))
    assert [p["event_id"] for p in world.of("predictions")] == ["a", "b"]
    assert events(world, "repeated") == 2
    assert len(world.state.pending) == 2


def test_a_label_that_a_repeated_event_brings_is_a_label(world):
    world.settle(world.event("a", {"x": 1.0}))
    emitted = world.settle(world.event("a", {"x": 1.0}, label="spam"))
    assert world.of("predictions", emitted) == []
    assert world.labels("joined") == 1
    assert world.state.learner.n_labelled == 1
    world.settle(world.event("b", {"x": 1.0}), world.event("b", {"x": 1.0}, label="ham"))
    assert world.labels("joined") == 2


def test_events_without_an_id_of_their_own_are_never_repeats(world):
    records = [world.record("events", {"features": {"x": 1.0}}, key="customer-7") for _ in range(3)]
    world.settle(*records)
    assert events(world, "predicted") == 3
    assert events(world, "repeated") == 0


def test_garbage_is_a_dead_letter_and_the_stream_goes_on(world):
    emitted = world.settle(
        world.event("a", {"x": 1.0}), world.record("events", b"\xff", key="k"), world.event("b", {"x": 2.0})
    )
    assert [m.topic for m in emitted if m.topic != "review-requests"].count("predictions") == 2
    [dead] = [m for m in emitted if m.topic == "dead-letters"]
    assert (dead.key, dead.value) == (b"k", b"\xff")
    assert events(world, "invalid") == 1


def test_trace_headers_reach_the_prediction(world):
    event = world.event("a", {"x": 1.0})._replace(headers=(("traceparent", b"00-7"), ("other", b"x")))
    [prediction] = [m for m in world.settle(event) if m.topic == "predictions"]
    assert prediction.headers == (("traceparent", b"00-7"),)


def test_predictions_name_what_predicted_and_become_pseudo_labels(tmp_path):
    world = World(tmp_path, review={"share": 0.0}, learner={"twin": "all"})
    for i in range(400):
        kind = i % 2
        world.settle(world.event(f"e{i}", {"x": 5.0 * kind}, label="odd" if kind else "even"))
    [prediction] = world.of("predictions", world.settle(world.event("new", {"x": 5.0})))
    assert prediction["label"] == prediction["twin"] == "odd"
    assert prediction["pseudo_label"]["label"] == "odd"
    assert prediction["pseudo_label"]["precision"] >= 0.95
    assert prediction["model"]["labelled"] == 400
    assert abs(sum(prediction["probabilities"].values()) - 1) < 1e-4
    assert world.state.counts["pseudo_labels", "odd"] > 0
    assert world.state.counts["pseudo_labels_checked", "right"] > 100
