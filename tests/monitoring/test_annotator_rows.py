"""Annotators in the metrics: by name as long as they are few."""

import math

from streamssl.engine.learnt import Said
from streamssl.monitoring.annotator_rows import ANNOTATORS_SHOWN
from streamssl.monitoring.metrics import Metrics
from tests.engine.world import World


def shown(world, metric, annotator):
    metrics = Metrics()
    metrics.show(world.state, {}, 0.0)
    return metrics.registry.get_sample_value(metric, {"annotator": annotator})


def test_labels_doubles_and_agreement_of_each(tmp_path):
    world = World(tmp_path)
    for i in range(30):
        world.settle(world.event(f"e{i}", {"x": float(i % 2)}))
        world.settle(world.label(f"e{i}", "ham", annotator="ann"))
    world.settle(world.label("e0", "ham", annotator="bob"), world.label("e1", "spam", annotator="bob"))
    assert shown(world, "streamssl_annotator_labels", "ann") == 30
    assert shown(world, "streamssl_annotator_doubles", "bob") == 2
    assert 0.5 <= shown(world, "streamssl_annotator_agreement_ratio", "bob") <= 1
    assert 0.8 < shown(world, "streamssl_annotator_reliability_ratio", "ann") < 1


def test_many_annotators_are_shown_together(tmp_path):
    world = World(tmp_path)
    for key in range(ANNOTATORS_SHOWN + 7):
        said = Said("ham", (), (("ham", 1.0),), ((f"annotator {key}", "ham"),))
        world.state.annotators.replace(key, None, said, world.state.class_number)
    assert shown(world, "streamssl_annotator_labels", "annotator 0") == 1
    assert shown(world, "streamssl_annotator_labels", "(other)") == 7
    assert shown(world, "streamssl_annotator_labels", f"annotator {ANNOTATORS_SHOWN}") is None
    assert math.isnan(shown(world, "streamssl_annotator_agreement_ratio", "(other)"))
