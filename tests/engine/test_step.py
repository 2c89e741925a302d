"""The same records give the same bits, however they are cut into batches, and across snapshots."""

import re
import tempfile
from pathlib import Path

import numpy as np
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from streamssl.engine.batch import Batch, merge
from streamssl.engine.state import EngineState
from streamssl.engine.step import step
from tests.engine.world import NOW, World

SECTIONS = {
    "review": {
        "share": 0.3,
        "max_per_hour": 200,
        "max_per_day": 300,
        "per_hour": 20_000,
        "doubles": 0.3,
        "expires_after_seconds": 1,
    },
    "pending": {"capacity": 2_048, "label_wait_seconds": 10},
    "features": {"max_columns": 12, "max_categories": 3},
    "learner": {"twin": "all"},
}


def stream(seed, n):
    """Events with everything that can go on, their labels, and the examples that a first run made of them."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory), **SECTIONS)
        records = []
        for i in range(n):
            kind = int(rng.integers(2))
            features = {"x": float(rng.normal(3 * kind)), "y": float(rng.normal())}
            if rng.random() < 0.3:
                features["colour"] = str(rng.choice(["red", "green", "blue", "grey", "white"]))
            if i > n // 3 and rng.random() < 0.5:
                features["late"] = [float(v) for v in rng.normal(size=2)]
            if rng.random() < 0.1:
                features["x"] = None
            own = {"label": "odd" if kind else "even"} if rng.random() < 0.05 else {}
            batch = [world.event(f"e{i}", features, **own)]
            chance = rng.random()
            if chance < 0.1:
                named = {} if rng.random() < 0.3 else {"annotator": str(rng.choice(["ann", "bob"]))}
                if rng.random() < 0.7:
                    named["request_id"] = "asked"
                about = int(rng.integers(i // 20 * 20, i + 1))
                batch.append(world.label(f"e{about}", str(rng.choice(["odd", "even"])), **named))
            elif chance < 0.12:
                batch.append(world.label(f"e{i + 3}", "odd"))
            elif chance < 0.125:
                batch.append(world.label(f"e{i}", None, abstain=True, annotator="ann", request_id="asked"))
            elif chance < 0.13:
                batch.append(world.label(f"e{int(rng.integers(i + 1))}", None))
            elif chance < 0.15:
                batch.append(world.record("events", b"\xff garbage"))
            elif chance < 0.17:
                batch.append(world.event(f"e{int(rng.integers(i + 1))}", features))
            elif chance < 0.18 and i > n // 2:
                batch.append(world.label(f"e{i}", "third"))
            emitted = world.step(*batch)
            records += batch
            back = [world.record("examples", m.value, m.key) for m in emitted if m.topic == "examples"]
            if back:
                world.step(*back)
                records += back
        return merge(records)


def run(records, cuts, directory, through_snapshots=False):
    """Step through the records cut into batches; return the state and all that was emitted."""
    state, emitted, begin = EngineState(World(directory, **SECTIONS).settings, directory), [], 0
    for end in [*sorted(cuts), len(records)]:
        outcome = step(state, Batch(records[begin:end], NOW + 10**9, 0))
        emitted += map(without_batch_number, outcome.messages)
        begin = end
        if through_snapshots:
            state.pending.flush()
            document, arrays = state.to_state()
            copied = {name: array.copy() for name, array in arrays.items()}
            state = EngineState.from_state(orjson.loads(orjson.dumps(document)), copied, directory)
    return state, by_topic(emitted)


def by_topic(messages):
    """Group messages by topic: in which order topics are written within a transaction says nothing."""
    topics = {}
    for message in messages:
        topics.setdefault(message.topic, []).append(message)
    return topics


def without_batch_number(message):
    """Blank what says in which batch an event was: the one thing that cutting may change."""
    return message._replace(value=message.value and re.sub(rb'"batch":\d+', b'"batch":0', message.value))


def assert_same_state(one, other):
    document_one, arrays_one = one.to_state()
    document_two, arrays_two = other.to_state()
    for name in ("sequence", "digest"):  # these count and chain batches, whose cuts differ
        del document_one[name], document_two[name]
    assert document_one == document_two
    assert arrays_one.keys() == arrays_two.keys()
    for name, array in arrays_one.items():
        np.testing.assert_array_equal(array, arrays_two[name], err_msg=name)


RECORDS = stream(seed=1, n=1_500)


@settings(max_examples=6, deadline=None)
@given(st.sets(st.integers(0, len(RECORDS)), max_size=12))
def test_cutting_into_batches_changes_nothing(cuts):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole, emitted_whole = run(RECORDS, [], Path(one))
        parts, emitted_parts = run(RECORDS, cuts, Path(other))
        assert emitted_parts == emitted_whole
        assert_same_state(parts, whole)


def test_batches_of_one_equal_one_batch(tmp_path):
    whole, emitted_whole = run(RECORDS, [], tmp_path / "whole")
    single, emitted_single = run(RECORDS, range(1, len(RECORDS)), tmp_path / "single")
    assert emitted_single == emitted_whole
    assert_same_state(single, whole)
    assert whole.counts["events", "predicted"] == 1_500
    for case in ("joined", "corrected", "combined", "duplicate", "retracted", "early"):
        assert whole.counts["labels", case] > 0, "the stream is meant to contain everything"
    for count in ("labels", "abstained"), ("review_requests", "asked"), ("review_capped", "hour"):
        assert whole.counts[count] > 0
    assert min(whole.sampler.expired, whole.sampler.returned) > 0
    assert any("soft" in (message.value or b"").decode() for message in emitted_whole["examples"])


@settings(max_examples=4, deadline=None)
@given(st.sets(st.integers(1, len(RECORDS) - 1), min_size=1, max_size=6))
def test_snapshots_in_between_change_nothing(cuts):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        straight, emitted = run(RECORDS, cuts, Path(one))
        stopped, emitted_stopped = run(RECORDS, cuts, Path(other), through_snapshots=True)
        assert emitted_stopped == emitted
        assert stopped.digest == straight.digest
        assert_same_state(stopped, straight)


def test_the_digest_shows_one_missing_example(tmp_path):
    examples = [i for i, record in enumerate(RECORDS) if record.topic == "examples"]
    without = RECORDS[: examples[3]] + RECORDS[examples[3] + 1 :]
    whole, _ = run(RECORDS, [], tmp_path / "whole")
    lacking, _ = run(without, [], tmp_path / "lacking")
    assert whole.digest != lacking.digest
