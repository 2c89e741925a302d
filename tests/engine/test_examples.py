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
