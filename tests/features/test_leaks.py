import json

import numpy as np
import pytest

from streamssl.config import FeatureSettings
from streamssl.features.encoder import FeatureEncoder
from streamssl.features.leaks import EVERY, LeakDetector


def suspects(features, classes, **chosen):
    """Return what is suspected after these labelled events."""
    encoder = FeatureEncoder(FeatureSettings(**chosen))
    leaks = LeakDetector(encoder)
    observe(encoder, leaks, features, classes)
    return dict(leaks.suspects())


def observe(encoder, leaks, features, classes):
    for event, number in zip(features, classes, strict=True):
        [[row]] = encoder.encode([event])
        leaks.observe(row, int(number))


@pytest.fixture
def classes():
    return np.random.default_rng(3).integers(3, size=300).tolist()


@pytest.fixture
def noise():
    return np.random.default_rng(4).normal(size=300).tolist()


@pytest.mark.parametrize(
    "leak",
    [
        pytest.param(lambda c, noise: "abc"[c], id="category"),
        pytest.param(lambda c, noise: "abcdef"[c + 3 * (noise > 0)], id="finer categories"),
        pytest.param(lambda c, noise: 10 * c + noise, id="ranges"),
        pytest.param(lambda c, noise: int([7, 3, 5][c] + 10 * (noise > 0)), id="codes"),
        pytest.param(lambda c, noise: [noise, 9.0 * c + noise], id="value of a vector"),
    ],
)
def test_a_field_that_says_the_class_is_named(leak, classes, noise):
    events = [
        {"leak": leak(c, x), "size": x, "colour": "rg"[int(x > 0)]} for c, x in zip(classes, noise, strict=True)
    ]
    assert suspects(events, classes) == {"leak": pytest.approx(1.0, abs=0.02)}


def test_presence_alone_can_be_a_leak(noise):
    classes = [0, 1] * 150
    events = [{"closed_by": x if c else None, "size": x} for c, x in zip(classes, noise, strict=True)]
    encoder = FeatureEncoder(FeatureSettings())
    leaks = LeakDetector(encoder)
    encoder.encode(events)  # labels are late: by then it is known that the field is often missing
    observe(encoder, leaks, events, classes)
    assert leaks.suspects() == [("closed_by", 1.0)]


def test_a_useful_field_is_not_a_leak(classes, noise):
    events = [{"size": c + 0.5 * x} for c, x in zip(classes, noise, strict=True)]
    assert suspects(events, classes) == {}


def test_an_identifier_is_not_a_leak(classes):
    events = [{"id": f"user-{i}", "number": i} for i in range(len(classes))]
    assert suspects(events, classes) == {}
    assert suspects(events, classes, max_categories=len(events)) == {}


def test_a_constant_is_not_a_leak_when_labels_come_in_runs():
    classes = np.repeat([0, 1], 25)
    assert suspects([{"size": 1.0, "colour": "red"}] * 50, classes) == {}


@pytest.mark.parametrize("rare", [0, 4])
def test_nothing_is_named_when_one_class_is_almost_all(rare):
    classes = np.array([1] * rare + [0] * (EVERY - rare))
    assert suspects([{"leak": "ab"[c]} for c in classes], classes) == {}


def test_nothing_is_named_before_there_are_enough_labels():
    classes = np.arange(EVERY - 1) % 2
    assert suspects([{"leak": "ab"[c]} for c in classes], classes) == {}


def test_a_field_stays_named_and_is_named_once(classes):
    events = [{"leak": "abc"[c] if i < 100 else "a"} for i, c in enumerate(classes)]
    assert list(suspects(events, classes)) == ["leak"]


def test_rows_may_be_narrower_than_the_encoder():
    encoder = FeatureEncoder(FeatureSettings())
    leaks = LeakDetector(encoder)
    observe(encoder, leaks, [{"a": i} for i in range(EVERY - 1)], np.arange(EVERY - 1) % 2)
    [[row]] = encoder.encode([{"a": 1}])
    encoder.encode([{"late": "x"}])
    leaks.observe(row, 1)
    assert leaks.suspects() == []


def test_a_restored_detector_goes_on(classes):
    encoder = FeatureEncoder(FeatureSettings())
    leaks = LeakDetector(encoder)
    events = [{"leak": "abc"[c]} for c in classes]
    observe(encoder, leaks, events[:30], classes[:30])
    document, arrays = leaks.to_state()
    restored = LeakDetector.from_state(encoder, json.loads(json.dumps(document)), arrays)
    for detector in (leaks, restored):
        observe(encoder, detector, events[30:60], classes[30:60])
    assert restored.suspects() == leaks.suspects() == [("leak", 1.0)]
    document, arrays = leaks.to_state()
    other_document, other_arrays = restored.to_state()
    assert document == other_document
    np.testing.assert_array_equal(arrays["rows"], other_arrays["rows"])
    np.testing.assert_array_equal(arrays["classes"], other_arrays["classes"])
