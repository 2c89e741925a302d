"""What several answers about one event come to."""

import numpy as np
import pytest

from streamssl.config import AnnotatorSettings
from streamssl.engine.annotators import Annotators
from streamssl.engine.consensus import FEW, consensus
from streamssl.engine.learnt import LearntExamples, Said
from streamssl.messages import Label

CLASSES = ["ham", "spam"]


def learnt(**labels):
    """So many labels of each class."""
    examples = LearntExamples()
    for label, n in labels.items():
        for _ in range(n):
            examples.put(len(examples.to_document()) + 1, Said(label))
    return examples


GROWN_UP = learnt(ham=300, spam=100)


def answer(label, annotator="ann", **more):
    return Label("e", label, 0, annotator, **more)


def agree(*answers, model=(0.5, 0.5), labelled=GROWN_UP, key=0, annotators=None, **settings):
    return consensus(
        key, answers, np.array(model), CLASSES, labelled, annotators or Annotators(), AnnotatorSettings(**settings)
    )


def someone(name, *, right):
    """Annotators of whom one has answered so often that all is known of them."""
    annotators = Annotators()
    for key in range(400):
        says, other = CLASSES[key % 2], CLASSES[1 - key % 2]
        said = Said(says, (), ((says, right), (other, 1 - right)), ((name, says),))
        annotators.replace(key, None, said, CLASSES.index)
    return annotators


def test_the_rule_by_hand():
    agreed = agree(answer("spam"), model=(0.9, 0.1))
    prior = 0.8 * np.array([0.9, 0.1]) + 0.2 * np.array([301, 101]) / 402
    likely = prior * [0.15, 0.85]
    assert dict(agreed.soft) == pytest.approx(dict(zip(CLASSES, likely / likely.sum(), strict=True)), abs=1e-6)
    assert agreed.label == "spam", "the label that holds is one that somebody gave, whatever the model thinks"
    assert agreed.answers == (("ann", "spam"),)


def test_a_label_without_an_annotator_is_taken_as_it_is():
    assert agree(answer("spam", None), model=(0.99, 0.01)) == ("spam", (), None, ())
    weighed = agree(answer("spam", None), model=(0.99, 0.01), unnamed="weighed")
    assert dict(weighed.soft)["spam"] < 0.5
    assert weighed.answers == ((None, "spam"),)


def test_a_label_without_an_annotator_holds_against_earlier_ones_and_measures_them():
    agreed = agree(answer("ham", "ann"), answer("spam", None), model=(0.99, 0.01))
    assert (agreed.label, agreed.soft) == ("spam", None)
    assert agreed.answers == (("ann", "ham"), (None, "spam"))


def test_an_annotator_after_a_label_without_one_is_combined_with_it():
    agreed = agree(answer("spam", None), answer("ham", "ann"))
    assert dict(agreed.soft)["spam"] == pytest.approx(0.4, abs=0.1)
    assert agreed.label == "ham", "equally likely: the newest"


def test_two_answers_that_agree_are_surer_than_one():
    alone = dict(agree(answer("spam")).soft)["spam"]
    both = dict(agree(answer("spam"), answer("spam", "bob")).soft)["spam"]
    assert both > alone > 0.7


def test_of_two_that_disagree_the_more_reliable_one_holds_whoever_came_last():
    annotators = someone("bob", right=0.6)
    answers = [answer("ham", "ann"), answer("spam", "bob")]
    assert agree(*answers, annotators=annotators).label == "ham"
    assert agree(*answers[::-1], annotators=annotators).label == "ham"
    assert agree(*answers).label == "spam", "of newcomers the newest"


def test_who_errs_often_moves_the_model_less():
    steady = dict(agree(answer("spam", "bob"), annotators=someone("bob", right=0.99)).soft)["spam"]
    shaky = dict(agree(answer("spam", "bob"), annotators=someone("bob", right=0.6)).soft)["spam"]
    assert steady > 0.9
    assert shaky < 0.7


def test_how_sure_an_annotator_is_counts():
    sure, unsure, guess = (dict(agree(answer("spam", confidence=c)).soft)["spam"] for c in (1.0, 0.6, 0.0))
    assert sure > unsure > guess
    assert guess == pytest.approx(0.8 * 0.5 + 0.2 * 101 / 402, abs=1e-6), "nothing but the prior"


@pytest.mark.parametrize("labelled", [learnt(ham=300, spam=FEW - 1), learnt(ham=300)], ids=["few", "none"])
def test_where_all_say_a_young_class_it_is_taken_as_it_is(labelled):
    agreed = agree(answer("spam"), model=(0.999, 0.001), labelled=labelled)
    assert (agreed.label, agreed.soft) == ("spam", None)
    both = agree(answer("spam"), answer("spam", "bob"), model=(0.999, 0.001), labelled=labelled)
    assert (both.label, both.soft) == ("spam", None)
    assert agree(answer("spam"), model=(0.999, 0.001)).soft is not None


def test_in_a_young_class_the_model_has_no_say():
    young = learnt(ham=300, spam=3)
    said = agree(answer("spam"), answer("ham", "bob"), model=(0.999, 0.001), labelled=young)
    assert dict(said.soft)["spam"] == pytest.approx(0.5, abs=0.01)


def test_a_class_that_nobody_has_met_yet():
    agreed = agree(answer("offer"), answer("ham", "bob"), answer("offer", "cyd"))
    assert agreed.label == "offer"
    assert dict(agreed.soft)["offer"] > 0.8


def test_equal_trust():
    lone = agree(answer("spam"), model=(0.99, 0.01), rule="equal")
    assert (lone.label, lone.soft) == ("spam", None)
    three = agree(answer("spam", "a"), answer("spam", "b"), answer("ham", "c"), rule="equal")
    assert three.label == "spam"
    assert dict(three.soft) == pytest.approx({"spam": 2 / 3, "ham": 1 / 3}, abs=1e-6)
    assert agree(answer("spam", "a"), answer("ham", "b"), rule="equal").label == "ham", "of equals the newest"
    assert agree(answer("spam", "a"), answer("spam", "b"), rule="equal").soft is None


def test_classes_that_it_is_not():
    assert agree(answer(None, excluded=("spam",))) == (None, ("spam",), None, ())
    both = agree(answer(None, "ann", excluded=("spam",)), answer(None, "bob", excluded=("offer", "spam")))
    assert both == (None, ("spam", "offer"), None, ())
    with_a_label = agree(answer("spam", "ann"), answer(None, "bob", excluded=("spam",)))
    assert dict(with_a_label.soft)["spam"] < dict(agree(answer("spam", "ann")).soft)["spam"]
    assert with_a_label.answers == (("ann", "spam"),)


def test_before_anything_was_predicted_the_classes_shares_are_all_that_is_known():
    agreed = agree(answer("spam"), model=(0.0, 0.0))
    likely = np.array([301, 101]) * [0.15, 0.85]
    assert dict(agreed.soft)["spam"] == pytest.approx(likely[1] / likely.sum(), abs=1e-6)


def test_what_was_said_of_the_event_before_does_not_speak_for_itself():
    examples, annotators = learnt(ham=300, spam=FEW), Annotators()
    first = agree(answer("spam"), labelled=examples, annotators=annotators, key=-1)
    said = Said(*first)
    examples.put(-1, said)
    annotators.replace(-1, None, said, CLASSES.index)
    assert agree(answer("spam"), labelled=examples, annotators=annotators, key=-1) == first
    assert agree(answer("spam"), labelled=examples, annotators=annotators, key=-2) != first
