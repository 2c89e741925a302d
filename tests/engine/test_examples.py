"""What comes on the examples topic is learnt from whatever wrote it, and never ends the service."""

from base64 import b64encode

import numpy as np
import pytest

from tests.engine.world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "pending")


def learnt(world):
    return world.state.learner.n_labelled


def test_a_labelled_event_without_any_feature_is_learnt(world):
    world.settle(world.event("a", {}), world.event("b", {}))
    world.settle(world.label("a", "spam"))
    assert learnt(world) == 1
    world.settle(world.event("c", {"x": 1.0}))
    world.settle(world.label("b", "ham"), world.label("c", "spam"))
    assert learnt(world) == 3
    assert world.labels("joined") == 3


@pytest.mark.parametrize("averages", [0, 1, 9])
def test_a_memory_with_another_number_of_averages_does_not_end_the_service(world, averages):
    world.settle(world.event("a", {"x": 1.0, "y": 2.0}))
    [example] = world.of("examples", world.step(world.label("a", "spam")))
    example["memory"]["context"] = b64encode(np.ones((averages, 2), "<f4").tobytes()).decode()
    world.step(world.record("examples", example, "a"))
    assert learnt(world) == 1
    assert world.state.counts["examples", "learnt"] == 1
    world.step(world.event("b", {"x": 1.0, "y": 2.0}))
    [*_, prediction] = world.of("predictions")
    assert prediction["probabilities"] == {"spam": 1.0}


def labelled(world, n=60):
    for i in range(n):
        world.settle(world.event(f"e{i}", {"x": float(i % 2)}))
        world.settle(world.label(f"e{i}", ["ham", "spam"][i % 2], annotator="ann"))
    return [message for message in world.emitted if message.topic == "examples"]


def test_every_worker_learns_from_the_same_shares_and_knows_all_annotators(world, tmp_path):
    messages = labelled(world)
    other = World(tmp_path / "other")
    for message in messages:
        other.step(other.record("examples", message.value, message.key, message.headers))
    assert world.of("examples")[-1]["soft"] is not None
    assert other.state.annotators.report(2) == world.state.annotators.report(2)
    assert other.state.annotators.report(2)[0].labels == 60
    assert (other.state.annotators.confusion("ann", 2) == world.state.annotators.confusion("ann", 2)).all()
    assert other.state.learnt.labelled == world.state.learnt.labelled


def test_shares_are_learnt_instead_of_the_label(world):
    labelled(world)
    [example] = world.of("examples", world.step(world.event("a", {"x": 0.0}), world.label("a", "ham")))
    before = world.state.learner.to_arrays()
    for event_id, soft in (("a", None), ("b", {"ham": 1.0}), ("c", {"ham": 0.5, "spam": 0.5})):
        world.step(world.record("examples", {**example, "event_id": event_id, "soft": soft}, event_id))
    prior = world.state.learner.to_arrays()
    targets = next(name for name in prior if name.endswith("recent.targets"))
    learnt_now = [t for t, was in zip(prior[targets], before[targets], strict=True) if (t != was).any()]
    assert sorted(t[:2].tolist() for t in learnt_now) == [[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]]


def test_an_example_of_before_there_were_shares_is_still_read(world):
    [example] = world.of("examples", world.step(world.event("a", {"x": 1.0}), world.label("a", "spam")))
    del example["soft"], example["answers"]
    world.step(world.record("examples", example, "a"))
    assert world.state.counts["examples", "learnt"] == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"soft": {}},
        {"soft": {"spam": 0.0}},
        {"soft": {"spam": 1.5}},
        {"soft": {"": 1.0}},
        {"answers": [{"annotator": "ann"}]},
        {"answers": [{"annotator": "", "label": "spam"}]},
        {"answers": [{"annotator": f"annotator {i}", "label": "spam"} for i in range(17)]},
    ],
)
def test_shares_and_answers_that_cannot_be_used_are_a_dead_letter(world, broken):
    [example] = world.of("examples", world.step(world.event("a", {"x": 1.0}), world.label("a", "spam")))
    [dead] = world.step(world.record("examples", {**example, **broken}, "a"))
    assert dead.topic == "dead-letters"
    assert learnt(world) == 0


def test_classes_of_shares_and_answers_count_towards_the_most(tmp_path):
    world = World(tmp_path, learner={"max_classes": 3})
    [example] = world.of("examples", world.step(world.event("a", {"x": 1.0}), world.label("a", "spam")))
    many = {f"class {i}": 0.25 for i in range(4)}
    answers = [{"annotator": f"annotator {name}", "label": name} for name in many]
    world.step(world.record("examples", {**example, "soft": many}, "a"))
    world.step(world.record("examples", {**example, "answers": answers}, "a"))
    assert world.state.counts["examples", "invalid"] == 2
    assert world.state.classes == []


def test_the_model_does_not_vouch_for_its_own_pseudo_labels(world):
    labelled(world, n=120)
    world.settle(world.event("a", {"x": 0.0}))
    before = world.state.gates.to_arrays()
    world.settle(world.label("a", "spam", annotator="ann"))
    after = world.state.gates.to_arrays()
    assert after["seen"].sum() > before["seen"].sum() * 0.99
    assert (after["right"] <= before["right"]).all(), "the label says that it was wrong, whatever the shares say"


def test_what_another_learner_makes_of_the_same_answers_is_not_learnt_twice(world):
    messages = labelled(world)
    [example] = world.of("examples", messages[-1:])
    example["soft"] = {"ham": 0.3, "spam": 0.7}
    key = messages[-1].key
    table = world.state.annotators.confusion("ann", 2)
    before = learnt(world)
    world.step(world.record("examples", example, key))
    assert learnt(world) == before
    assert world.state.counts["examples", "duplicate"] == 1
    assert (world.state.annotators.confusion("ann", 2) == table).all()
    example["answers"].append({"annotator": "bob", "label": "spam"})
    world.step(world.record("examples", example, key))
    assert world.state.counts["examples", "corrected"] == 1, "somebody said something more"
