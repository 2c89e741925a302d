"""Nothing that anybody can write into the input topics makes the engine raise, or lose or double a record."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.config import MappingSettings
from streamssl.messages import Invalid, decode_event, decode_example, decode_label
from streamssl.messages.mapping import Mapper
from streamssl.transport.base import Record
from tests.chaos.fuzz import BEGIN, Source, run
from tests.chaos.mutations import MUTATIONS, ODD_HEADERS, ODD_KEYS, ODD_TIMES, ODD_VALUES, widen
from tests.engine.world import NOW, World

MAPPER = Mapper(MappingSettings())
MEMORY = {"classes": [], "experts": {}, "context": "AACAPwAAgD8=", "decision": None, "confidence": 0}
EXAMPLE = {"event_id": "e", "features": {"x": 1.0}, "label": "a", "memory": MEMORY}


def test_twenty_thousand_mutated_records_are_each_accounted_for(tmp_path):
    report = run(tmp_path, records=20_000, seed=20_261)
    assert report.counts["events", "predicted"] > 8_000
    for topic in ("events", "labels", "examples"):
        assert report.counts[topic, "invalid"] > 100, "the mutations are too mild"
    assert report.counts["examples", "learnt"] > 1_000
    assert len(report.outcomes) > 10, f"some mutations never came: {report.outcomes.keys()}"


def test_a_seed_gives_the_same_records_again():
    one, other = Source(7), Source(7)
    assert [one.next() for _ in range(2_000)] == [other.next() for _ in range(2_000)]


@st.composite
def odd_records(draw):
    """Records of all topics as this project writes them, mutated once or twice."""
    rng = draw(st.randoms(use_true_random=False))
    event = {"id": "e", "time": BEGIN, "features": {"x": 1.5, "in": {"y": "b"}, "v": [1, 2]}, "label": "a"}
    label = {"event_id": "e", "label": "a", "not": ["b"], "confidence": 0.5, "time": "2020-01-01T00:00:00Z"}
    values = [orjson.dumps(each) for each in (event, label, EXAMPLE)]
    value = draw(st.sampled_from(values))
    for mutation in draw(st.lists(st.sampled_from([*MUTATIONS, widen]), min_size=1, max_size=2)):
        value = mutation(rng, value or b"{}", draw(st.sampled_from(values)))
    headers = draw(st.lists(st.sampled_from(ODD_HEADERS), max_size=2))
    time = draw(st.sampled_from([BEGIN, *ODD_TIMES]))
    return Record("events", 0, 0, time, draw(st.sampled_from([b"e", *ODD_KEYS])), value, tuple(headers))


@given(odd_records())
def test_a_decoder_reads_a_record_or_refuses_it(record):
    for decode in (decode_event, decode_label):
        _read(lambda decode=decode: decode(record, MAPPER))
    _read(lambda: decode_example(record))


@given(
    st.sampled_from(ODD_VALUES), st.sampled_from(["event_id", "features", "label", "not", "confidence", "memory"])
)
def test_a_decoder_takes_any_value_for_any_member_or_refuses_it(odd, name):
    members = {each: orjson.dumps(value) for each, value in EXAMPLE.items()} | {"id": b'"e"', name: odd}
    value = b"{" + b",".join(b'"%s":%s' % (each.encode(), text) for each, text in members.items()) + b"}"
    record = Record("events", 0, 0, BEGIN, b"e", value)
    for decode in (decode_event, decode_label):
        _read(lambda decode=decode: decode(record, MAPPER))
    _read(lambda: decode_example(record))


def _read(decode):
    try:
        decode()
    except Invalid as error:
        assert error.stage == "decode"
        assert str(error).encode(), "it fits into a header"


@pytest.mark.parametrize(
    ("changes", "headers"),
    [
        pytest.param({"features": {"\\": 1.0}, "memory": None}, (), id="a column that nothing is called"),
        pytest.param({"features": {f"x[{'9' * 5_000}]": 1.0}, "memory": None}, (), id="a place of 5,000 digits"),
        pytest.param({"memory": MEMORY | {"position": 2**63}}, (), id="a position beyond 64 bits"),
        pytest.param({}, (("__streamssl.answers", b"labels/0/" + b"9" * 5_000),), id="an answer of 5,000 digits"),
        pytest.param({}, (("__streamssl.answers", b"labels/0/5"),), id="an answer before its label"),
        pytest.param({}, (("__streamssl.answers", b"labels/0/" + b"9" * 25),), id="an answer beyond 64 bits"),
    ],
)
def test_an_example_that_cannot_be_used_stops_nobody(tmp_path, changes, headers):
    """Every worker reads every example, again and again after each restart: one that raises ends them all."""
    world = World(tmp_path)
    experts = dict.fromkeys(world.state.learner.expert_names, "")
    example = EXAMPLE | {"memory": MEMORY | {"experts": experts}} | changes
    if example["memory"]:
        example["memory"] = example["memory"] | {"experts": experts}
    world.step(world.record("examples", example, key="e", headers=headers))
    world.step(world.event("e1", {"x": 1.0}))
    assert len(world.of("predictions")) == 1
    orjson.dumps(world.state.to_state()[0])  # a snapshot can be written


def test_an_example_of_a_peer_that_has_met_more_categories_is_learnt(tmp_path):
    """The averages name the category that the event itself has not."""
    peer, world = World(tmp_path / "peer"), World(tmp_path / "own")
    peer.settle(*[peer.event(f"e{i}", {"colour": colour}) for i, colour in enumerate("rgr")])
    [example] = [m for m in peer.step(peer.label("e2", "x")) if m.topic == "examples"]
    world.step(world.record("examples", example.value, example.key, example.headers))
    assert world.state.counts["examples", "learnt"] == 1


def test_the_largest_numbers_leave_the_learner_finite(tmp_path):
    world = World(tmp_path)
    for i in range(6):
        world.settle(world.event(f"e{i}", {"x": 3.4e38 * (-1) ** i}, label="ab"[i % 2]))
    for prediction in world.of("predictions")[1:]:
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-3)


def test_a_label_from_the_future_does_not_keep_the_others_waiting(tmp_path):
    world = World(tmp_path)
    world.step(
        world.record("labels", {"event_id": "far", "label": "a", "time": 1}, "far", timestamp=2**62),
        world.label("near", "a"),
    )
    world.horizon = NOW + 10**9 + 10_000  # when the batch was polled, and how long a label waits
    world.step()
    assert len(world.state.waiting) == 0


def test_long_names_do_not_make_every_example_as_long(tmp_path):
    """Some twenty such events, and no example fits into a record: no commit succeeds, before or after a restart."""
    world = World(tmp_path)
    world.step(*[world.event(f"e{i}", {f"{i}" * 500_000: 1.0, "x": 1.0}) for i in range(2)])
    [example] = [
        m for m in world.step(world.event("e", {"x": 1.0}), world.label("e", "a")) if m.topic == "examples"
    ]
    assert len(example.value) < 10_000
