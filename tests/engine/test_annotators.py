"""How often each annotator is right, and that what is taken back leaves no trace."""

import io

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamssl.engine.annotators import ENOUGH_DOUBLES, MOST_ANNOTATORS, Annotators, Pair
from streamssl.engine.learnt import Said
from streamssl.engine.table_of_mistakes import FORGET, KEPT, Answers, start

CLASSES = ["ham", "spam", "offer"]
number = CLASSES.index


def one(name, label, share):
    """One answer; the other classes share what is left."""
    others = [other for other in CLASSES if other != label]
    soft = ((label, share), *((other, (1 - share) / 2) for other in others))
    return Said(label, (), soft, ((name, label),))


def state_of(annotators):
    document, arrays = annotators.to_state()
    return orjson.dumps(document), {name: array.tobytes() for name, array in arrays.items()}


def restored(annotators):
    """Through JSON and a file, as a snapshot goes."""
    document, arrays = annotators.to_state()
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    file.seek(0)
    with np.load(file, allow_pickle=False) as loaded:
        return Annotators.from_state(orjson.loads(orjson.dumps(document)), dict(loaded))


def test_a_label_counts_under_each_class_with_its_share_and_the_earlier_ones_fade():
    annotators = Annotators()
    annotators.replace(1, None, one("ann", "spam", 0.9), number)
    annotators.replace(2, None, one("ann", "ham", 0.5), number)
    expected = start(3)
    expected[:, number("spam")] += FORGET * np.array([0.05, 0.9, 0.05])
    expected[:, number("ham")] += [0.5, 0.25, 0.25]
    shares = annotators.confusion("ann", 3)
    np.testing.assert_allclose(shares, expected / expected.sum(axis=1, keepdims=True), rtol=1e-12)


def test_answers_beyond_the_kept_ones_go_on_counting_and_fading():
    answers, random = Answers(), np.random.default_rng(0)
    expected = np.zeros((3, 3))
    for key in range(KEPT + 500):
        said, share = int(random.integers(3)), float(random.random())
        answers.put(key, said, [(said, share), ((said + 1) % 3, 1 - share)])
        expected *= FORGET
        expected[said, said] += share
        expected[(said + 1) % 3, said] += 1 - share
    np.testing.assert_allclose(answers.counts(3), start(3) + expected, rtol=1e-9)
    answers.remove(3)
    np.testing.assert_allclose(answers.counts(3), start(3) + expected, rtol=1e-9, err_msg="3 is too old")


def test_one_annotator_whose_label_is_just_believed_is_not_found_right_by_their_own_word():
    annotators = Annotators()
    for key in range(100):
        annotators.replace(key, None, Said("spam", (), None, (("ann", "spam"),)), number)
    assert (annotators.confusion("ann", 3) == Annotators().confusion("ann", 3)).all()
    assert annotators.report(3)[0].labels == 100


def test_nobody_is_held_to_be_wrong_more_often_than_right_without_doubles():
    annotators = Annotators()
    for key in range(200):
        annotators.replace(key, None, one("ann", "spam", 0.05), number)
    assert annotators.confusion("ann", 3)[0, 0] == 0.5
    assert annotators.confusion("ann", 3).sum(axis=1) == pytest.approx(1)
    for key in range(200, 200 + ENOUGH_DOUBLES):
        said = Said("ham", (), (("ham", 1.0),), (("ann", "spam"), ("bob", "ham")))
        annotators.replace(key, None, said, number)
    assert annotators.confusion("ann", 3)[0, 0] < 0.1, "now somebody else says so, too"


def test_in_a_young_class_everyone_counts_as_a_newcomer():
    annotators = Annotators()
    for key in range(200):
        annotators.replace(key, None, one("ann", "spam", 0.3), number)
    known = annotators.confusion("ann", 3)
    young = annotators.confusion("ann", 3, young=[0])
    assert young[0].tolist() == pytest.approx([0.85, 0.075, 0.075])
    assert (young[1:] == known[1:]).all()


def test_agreement_is_counted_per_annotator_and_per_pair():
    annotators = Annotators()
    for key, (ann, bob, holds) in enumerate(
        [("ham", "ham", "ham"), ("ham", "spam", "spam"), ("spam", "ham", "ham")]
    ):
        soft = ((holds, 0.8), ("offer", 0.2))
        annotators.replace(key, None, Said(holds, (), soft, (("bob", bob), ("ann", ann))), number)
    annotators.replace(9, None, one("ann", "ham", 0.9), number)
    bob, ann = annotators.report(3)
    assert (ann.name, ann.labels, ann.doubles, ann.agreed) == ("ann", 4, 3, 1)
    assert (bob.name, bob.labels, bob.doubles, bob.agreed) == ("bob", 3, 3, 3)
    assert annotators.pairs() == [Pair("ann", "bob", 3, 1)]


SHARES = st.sampled_from([0.0, 0.125, 0.3, 0.7, 0.95, 1.0])
ANSWERS = st.dictionaries(
    st.sampled_from(["ann", "bob", None]), st.sampled_from(CLASSES), min_size=1, max_size=3
).map(lambda answers: tuple(answers.items()))
SAID = st.builds(
    lambda answers, share, is_soft: Said(
        answers[0][1], (), ((answers[0][1], share), ("offer", 1 - share)) if is_soft else None, answers
    ),
    ANSWERS,
    SHARES,
    st.booleans(),
)


@settings(deadline=None)
@given(
    before=st.lists(SAID, max_size=12),
    detours=st.lists(st.tuples(st.integers(0, 14), st.lists(SAID, min_size=1, max_size=3)), max_size=6),
    after=st.lists(SAID, max_size=5),
)
def test_what_is_taken_back_leaves_no_trace(before, detours, after):
    straight, detoured = Annotators(), Annotators()
    for key, said in enumerate(before):
        straight.replace(key, None, said, number)
        detoured.replace(key, None, said, number)
    for key, others in detours:
        original = earlier = before[key] if key < len(before) else None
        if original is not None:  # others answer, too, and take it back
            others = [
                Said(other.label, (), ((other.label, 1.0),), (*dict(other.answers + original.answers).items(),))
                for other in others
            ]
        for other in others:
            detoured.replace(key, earlier, other, number)
            earlier = other
        detoured.replace(key, earlier, original, number)
    for key, said in enumerate(after, start=100):
        straight.replace(key, None, said, number)
        detoured.replace(key, None, said, number)
    for name in ("ann", "bob", None):
        assert (straight.confusion(name, 3) == detoured.confusion(name, 3)).all()
    assert sorted(map(repr, straight.report(3))) == sorted(map(repr, detoured.report(3)))
    assert sorted(map(repr, straight.pairs())) == sorted(map(repr, detoured.pairs()))


@settings(deadline=None)
@given(before=st.lists(SAID, max_size=8), after=st.lists(SAID, max_size=8))
def test_annotators_go_on_bit_for_bit_from_their_state(before, after):
    annotators = Annotators()
    for key, said in enumerate(before):
        annotators.replace(key, None, said, number)
    again = restored(annotators)
    assert state_of(again) == state_of(annotators)
    for key, said in enumerate(after):
        earlier = before[key] if key < len(before) else None
        annotators.replace(key, earlier, said, number)
        again.replace(key, earlier, said, number)
    assert state_of(again) == state_of(annotators)


def test_the_state_also_holds_what_is_older_than_the_kept_answers():
    annotators = Annotators()
    for key in range(KEPT + 10):
        annotators.replace(key, None, one("ann", CLASSES[key % 3], 0.9), number)
    annotators.replace(-1, None, one("bob", "ham", 0.9), number)
    again = restored(annotators)
    assert state_of(again) == state_of(annotators)
    assert (again.confusion("ann", 3) == annotators.confusion("ann", 3)).all()


def test_annotators_without_end_are_not_counted():
    annotators = Annotators()
    for key in range(MOST_ANNOTATORS + 5):
        annotators.replace(key, None, one(f"annotator {key}", "spam", 0.2), number)
    assert len(annotators.report(3)) == MOST_ANNOTATORS
    last = f"annotator {MOST_ANNOTATORS + 4}"
    assert (annotators.confusion(last, 3) == Annotators().confusion(last, 3)).all()


def test_who_has_taken_all_back_is_no_longer_in_the_report():
    annotators = Annotators()
    annotators.replace(1, None, one("ann", "spam", 0.9), number)
    annotators.replace(1, one("ann", "spam", 0.9), None, number)
    assert annotators.report(3) == []
