"""Every case of a label has a rule, a counter and a test."""

import numpy as np
import pytest

from streamssl.engine.live_accuracy.requests import Status
from tests.engine.world import NOW, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "pending", pending={"label_wait_seconds": 10, "max_waiting_labels": 3})


def learnt(world):
    return world.state.learner.n_labelled


def test_a_late_label_is_joined_and_learnt_once(world):
    world.settle(world.event("a", {"x": 1.0}), world.event("b", {"x": 2.0}))
    emitted = world.settle(world.label("a", "spam"))
    [example] = world.of("examples", emitted)
    assert (example["event_id"], example["label"], example["features"]) == ("a", "spam", {"x": 1.0})
    assert world.labels("joined") == 1
    assert learnt(world) == 1
    assert world.state.classes == ["spam"]


def test_a_label_with_its_event(world):
    emitted = world.settle(world.event("a", {"x": 1.0}, label="spam"))
    assert world.of("predictions", emitted)[0]["label"] is None, "the prediction came before the label"
    assert world.labels("joined") == 1
    assert learnt(world) == 1


def test_a_label_before_its_event_waits(world):
    world.settle(world.label("a", "spam"))
    assert world.labels("early") == 1
    assert learnt(world) == 0
    world.settle(world.event("a", {"x": 1.0}))
    assert world.labels("joined") == 1
    assert learnt(world) == 1
    assert len(world.state.waiting) == 0


def test_a_label_that_comes_twice_counts_once(world):
    world.settle(world.event("a", {"x": 1.0}))
    world.settle(world.label("a", "spam"), world.label("a", "spam"))
    world.settle(world.label("a", "spam"))
    assert world.labels("joined") == 1
    assert world.labels("duplicate") == 2
    assert learnt(world) == 1


def test_a_different_label_corrects(world):
    world.settle(world.event("a", {"x": 1.0}))
    world.settle(world.label("a", "spam"))
    [example] = world.of("examples", world.settle(world.label("a", "ham")))
    assert example["label"] == "ham"
    assert world.labels("corrected") == 1
    assert world.state.counts["examples", "corrected"] == 1
    assert [answer.label for answer in world.state.book.get(0)] == ["ham"]


def test_a_correction_replaces_the_score(world):
    world.settle(world.event("x", {"x": 0.0}))
    world.settle(world.label("x", "ham"))
    world.settle(world.event("a", {"x": 1.0}))
    world.settle(world.label("a", "spam"))
    assert world.state.scores.accuracy()[0] == 0.0
    world.settle(world.label("a", "ham"))
    assert world.state.scores.accuracy()[::3] == (1.0, 1)


@pytest.mark.parametrize("form", ["null label", "null record"])
def test_a_retraction_takes_the_label_back(world, form):
    world.settle(world.event("a", {"x": 1.0}))
    world.settle(world.label("a", "spam"))
    retraction = world.label("a", None) if form == "null label" else world.record("labels", None, "a")
    emitted = world.settle(retraction)
    assert [(m.topic, m.key, m.value) for m in emitted] == [("examples", b"a", None)]
    assert world.labels("retracted") == 1
    assert world.state.counts["examples", "retracted"] == 1
    assert world.state.book.get(0) == ()
    world.settle(world.label("a", "ham"))
    assert world.labels("joined") == 2, "an unlabelled event can be labelled again"


def test_retracting_what_was_never_labelled_changes_nothing(world):
    world.settle(world.event("a", {"x": 1.0}))
    [answer] = world.settle(world.label("a", None))
    assert (answer.topic, answer.key, answer.value) == ("examples", b"labels/0/0", None)
    assert world.labels("duplicate") == 1
    assert world.state.counts["examples", "retracted"] == 0


def test_not_this_class_moves_the_prediction_away_from_it(world):
    for i, name in enumerate(["ham", "spam", "offer"] * 5):
        world.settle(world.event(f"e{i}", {"x": float(i % 3)}, label=name))
    world.settle(world.event("a", {"x": 1.0}))
    before = world.of("predictions")[-1]["probabilities"]["spam"]
    for i in range(5):
        world.settle(world.event(f"n{i}", {"x": 1.0}))
        world.settle(world.record("labels", {"event_id": f"n{i}", "not": ["spam"]}, f"n{i}"))
    world.settle(world.event("b", {"x": 1.0}))
    assert world.of("predictions")[-1]["probabilities"]["spam"] < before
    assert world.labels("joined") == 20


def test_i_do_not_know_teaches_nothing(world):
    world.settle(world.event("a", {"x": 1.0}))
    [answer] = world.settle(world.record("labels", {"event_id": "a", "abstain": True}, "a"))
    assert (answer.topic, answer.key, answer.value) == ("examples", b"labels/0/0", None)
    assert world.labels("abstained") == 1
    assert learnt(world) == 0


def test_who_does_not_know_any_more_takes_their_label_back_and_nobody_elses(world):
    world.settle(world.event("a", {"x": 1.0}))
    unsure = [world.record("labels", {"event_id": "a", "abstain": True, "annotator": who}, "a") for who in "ab"]
    for who, label in (("a", "spam"), ("b", "ham")):
        world.settle(world.label("a", label, annotator=who))
    world.settle(unsure[0])
    assert world.of("examples")[-1]["label"] == "ham"
    emitted = world.settle(unsure[1])
    assert ("examples", b"a", None) in [(each.topic, each.key, each.value) for each in emitted]
    assert world.labels("abstained") == 2


def test_who_does_not_know_takes_no_label_back_that_nobody_signed(world):
    """It may be somebody else's."""
    world.settle(world.event("a", {"x": 1.0}))
    world.settle(world.label("a", "spam"))
    emitted = world.settle(world.record("labels", {"event_id": "a", "abstain": True}, "a"))
    assert [each.key for each in emitted] == [b"labels/0/1"]


def test_a_label_for_an_unknown_event_goes_to_the_dead_letters_byte_for_byte(world):
    label = world.label("ghost", "spam")._replace(headers=(("origin", b"\xff"),))
    assert world.settle(label) == []
    world.horizon = label.timestamp + 9_999
    assert world.settle() == [], "it still waits"
    world.horizon = label.timestamp + 10_000
    [dead] = world.settle()
    assert (dead.topic, dead.key, dead.value) == ("dead-letters", label.key, label.value)
    assert dead.headers[0] == ("origin", b"\xff")
    assert dict(dead.headers)["__streamssl.errors.offset"] == b"0"
    assert world.labels("unmatched") == 1
    assert world.settle() == [], "once"


def test_too_many_waiting_labels_push_the_oldest_out(world):
    for name in "abcd":
        world.settle(world.label(name, "spam"))
    assert [m.key for m in world.emitted] == [b"a"]
    assert world.labels("unmatched") == 1
    assert len(world.state.waiting) == 3


def test_a_label_for_an_expired_event_is_unmatched(tmp_path):
    world = World(tmp_path, pending={"capacity": 1_024, "label_wait_seconds": 1})
    world.settle(*[world.event(f"e{i}", {"x": float(i)}) for i in range(4_096)])
    world.settle(world.label("e0", "spam"))
    world.horizon = NOW + 10**6
    world.settle()
    assert world.labels("unmatched") == 1
    world.settle(world.label("e4000", "spam"))
    assert world.labels("joined") == 1


def test_a_label_that_brings_the_features_of_an_unknown_event_is_learnt(world):
    world.settle(world.label("ghost", "spam", features={"x": 3.0}))
    world.horizon = NOW + 10**6
    [example] = world.of("examples", world.settle())
    assert example["features"] == {"x": 3.0}
    assert world.labels("from_features") == 1
    assert learnt(world) == 1


def test_another_workers_example_settles_a_waiting_label(world):
    other = World(world.state.directory.parent / "other")
    other.settle(other.event("a", {"x": 1.0}))
    [example] = [m for m in other.settle(other.label("a", "spam")) if m.topic == "examples"]
    world.settle(world.label("a", "spam"))
    world.settle(world.record("examples", example.value, "a", example.headers))
    assert world.labels("settled") == 1
    assert learnt(world) == 1
    world.horizon = NOW + 10**6
    assert world.settle() == [], "nothing is left to give up on"


def test_what_cannot_be_read_is_a_dead_letter(world):
    for value in (b"", b"{", b"[]", b'{"label": "spam"}', b'{"event_id": 1.5, "label": "spam"}'):
        [dead] = world.settle(world.record("labels", value))
        assert (dead.topic, dead.value) == ("dead-letters", value)
    assert world.labels("invalid") == 5


def test_a_label_from_someone_who_was_not_asked_is_learnt_from_but_not_an_estimate(tmp_path):
    world = World(tmp_path, review={"share": 1.0})
    for name in "abc":
        world.settle(world.event(name, {"x": 1.0}))
    requests = {r["event"]["id"]: r["request_id"] for r in world.of("review-requests")}
    world.settle(world.label("a", "ham", request_id=requests["a"]))
    world.settle(world.event("d", {"x": 1.0}), world.event("e", {"x": 1.0}), world.event("f", {"x": 1.0}))
    requests = {r["event"]["id"]: r["request_id"] for r in world.of("review-requests")}
    world.settle(world.label("d", "ham", request_id=requests["d"]))
    world.settle(world.label("e", "ham"))
    world.settle(world.label("f", "ham", request_id=requests["f"], seen_prediction=True))
    assert learnt(world) == 4
    assert world.state.scores.accuracy().labels == 3, "all but the first, which met no known class"
    answered = world.state.live_accuracy.requests["status"] == Status.ANSWERED
    assert answered.sum() == 1


def test_labels_that_are_no_classes_do_not_grow_the_learner_without_end(tmp_path):
    world = World(tmp_path, learner={"max_classes": 3})
    for i in range(6):
        world.settle(world.event(f"e{i}", {"x": 1.0}), world.label(f"e{i}", f"free text {i}"))
    assert len(world.state.classes) == 3
    assert world.state.counts["examples", "invalid"] == 3
    assert [m.key for m in world.emitted if m.topic == "dead-letters"] == [b"e3", b"e4", b"e5"]


def grown_up(world):
    """Let a world know two classes well, and two annotators who are usually right."""
    for i in range(60):
        name = "ham" if i % 3 else "spam"
        world.settle(world.event(f"g{i}", {"x": 3.0 * (i % 3)}))
        world.settle(world.label(f"g{i}", name, annotator="ann" if i % 2 else "bob"))
    world.settle(world.event("a", {"x": 3.0}))


def examples_of(world, *records):
    return world.of("examples", world.settle(*records))


def test_a_label_of_a_named_annotator_goes_out_with_what_it_is_worth(world):
    grown_up(world)
    before = learnt(world)
    [example] = examples_of(world, world.label("a", "ham", annotator="ann"))
    assert (example["label"], example["annotator"]) == ("ham", "ann")
    assert example["answers"] == [{"annotator": "ann", "label": "ham"}]
    assert 0.9 < example["soft"]["ham"] < 1
    assert sum(example["soft"].values()) == pytest.approx(1, abs=1e-5)
    assert learnt(world) == before + 1


def test_a_second_annotator_who_agrees_makes_it_surer(world):
    grown_up(world)
    [one] = examples_of(world, world.label("a", "ham", annotator="ann"))
    [both] = examples_of(world, world.label("a", "ham", annotator="bob"))
    assert both["soft"]["ham"] > one["soft"]["ham"]
    assert [each["annotator"] for each in both["answers"]] == ["ann", "bob"]
    assert world.labels("combined") == 1
    assert world.labels("corrected") == 0


def test_an_annotator_corrects_their_own_answer_and_nobody_elses(world):
    grown_up(world)
    examples_of(world, world.label("a", "ham", annotator="ann"), world.label("a", "ham", annotator="bob"))
    [example] = examples_of(world, world.label("a", "spam", annotator="ann"))
    assert example["answers"] == [{"annotator": "bob", "label": "ham"}, {"annotator": "ann", "label": "spam"}]
    assert (world.labels("combined"), world.labels("corrected")) == (1, 1)
    world.settle(world.label("a", "ham", annotator="bob"))
    assert world.labels("duplicate") == 1


def test_a_retraction_takes_back_that_annotators_answer_only(world):
    grown_up(world)
    [alone] = examples_of(world, world.label("a", "ham", annotator="ann"))
    table = world.state.annotators.confusion("ann", 2)
    report = world.state.annotators.report(2)
    examples_of(world, world.label("a", "spam", annotator="bob"))
    assert world.state.annotators.confusion("ann", 2).tolist() != table.tolist()
    [example] = examples_of(world, world.label("a", None, annotator="bob"))
    assert example["answers"] == [{"annotator": "ann", "label": "ham"}]
    assert example["soft"] == alone["soft"]
    assert world.labels("retracted") == 1
    assert world.state.annotators.confusion("ann", 2).tolist() == table.tolist(), "as if bob had never answered"
    assert world.state.annotators.report(2) == report
    assert world.state.annotators.pairs() == []
    world.settle(world.label("a", None, annotator="cyd"))
    assert world.labels("duplicate") == 1, "cyd had said nothing"
    assert world.state.book.get(60)[0].label == "ham"


def test_a_retraction_without_a_name_takes_back_all_answers(world):
    grown_up(world)
    before = world.state.annotators.report(2)
    examples_of(world, world.label("a", "ham", annotator="ann"), world.label("a", "spam", annotator="bob"))
    assert examples_of(world, world.label("a", None)) == [None]
    assert world.state.book.get(60) == ()
    assert world.state.annotators.report(2) == before
    assert world.state.counts["examples", "retracted"] == 1


def test_the_last_one_to_take_back_leaves_the_event_unlabelled(world):
    grown_up(world)
    examples_of(world, world.label("a", "ham", annotator="ann"), world.label("a", "spam", annotator="bob"))
    assert examples_of(world, world.label("a", None, annotator="ann"))[0]["label"] == "spam"
    assert examples_of(world, world.label("a", None, annotator="bob")) == [None]
    assert world.labels("retracted") == 2


def test_what_is_compared_with_the_prediction_is_what_people_say_not_what_the_model_makes_of_it(world):
    grown_up(world)
    assert world.of("predictions")[-1]["label"] == "ham"
    scored = world.state.scores.accuracy()
    [example] = examples_of(world, world.label("a", "spam", annotator="ann"))
    assert example["label"] == "spam"
    after = world.state.scores.accuracy()
    assert round(after.value * after.labels) == round(scored.value * scored.labels), "a wrong prediction"
    examples_of(world, world.label("a", "ham", annotator="bob"), world.label("a", "ham", annotator="cyd"))
    after = world.state.scores.accuracy()
    assert round(after.value * after.labels) == round(scored.value * scored.labels) + 1, "two against one"
    assert after.labels == scored.labels + 1


def test_someone_who_errs_is_found_out_by_the_model_and_the_others(world):
    rng = np.random.default_rng(0)
    for i in range(900):
        kind = int(rng.integers(2))
        who = ["ann", "bob", "cyd"][i % 3]
        said = kind ^ (who == "cyd" and rng.random() < 0.4)
        world.settle(world.event(f"e{i}", {"x": float(rng.normal(4 * kind))}))
        world.settle(world.label(f"e{i}", ["ham", "spam"][said], annotator=who))
    reliability = {each.name: each.reliability for each in world.state.annotators.report(2)}
    assert reliability["cyd"] < 0.8
    assert min(reliability["ann"], reliability["bob"]) > 0.9


def test_with_equal_trust_a_lone_label_is_learnt_as_it_is(tmp_path):
    world = World(tmp_path, annotators={"rule": "equal"})
    grown_up(world)
    [example] = examples_of(world, world.label("a", "spam", annotator="ann"))
    assert (example["label"], example["soft"]) == ("spam", None)
    [example] = examples_of(world, world.label("a", "spam", annotator="bob"))
    assert example["soft"] is None
    assert world.state.counts["examples", "duplicate"] == 1, "nothing new is to be learnt"
    assert world.state.annotators.report(2)[0].doubles == 1, "but that they agree counts"
