from collections import Counter

import orjson
import pytest

from streamssl.config import MappingSettings
from streamssl.demo.reviewer import NAME, Answer, Habits, Reviewer
from streamssl.messages import decode_label
from streamssl.messages.mapping import Mapper
from streamssl.transport.base import Record

CLASSES = ["path", "sky", "grass"]
TRUTH = {f"e{number}": CLASSES[number % 3] for number in range(3_000)}
FLAWLESS = Habits(seconds=4.0, mistakes=0, repetitions=0, abstentions=0)


USUAL = Habits(seconds=4.0)


def all_answers(order, seed=0, habits=USUAL):
    reviewer = Reviewer(TRUTH, CLASSES, habits, seed)
    for event_id in order:
        reviewer.ask(event_id, f"r-{event_id}", now=100.0)
    return reviewer.answers(now=1_000.0)


def test_the_order_of_requests_changes_nothing():
    assert sorted(all_answers(TRUTH)) == sorted(all_answers(reversed(TRUTH)))


def test_another_seed_gives_other_answers():
    assert sorted(all_answers(TRUTH, seed=0)) != sorted(all_answers(TRUTH, seed=1))


def test_answers_come_late_and_in_order():
    answers = all_answers(TRUTH)
    assert answers == sorted(answers, key=lambda answer: answer.due)
    first = {}
    for answer in answers:
        first.setdefault(answer.event_id, answer.due)
    assert all(102.0 <= due <= 106.0 for due in first.values())


def test_nothing_is_answered_before_its_time():
    reviewer = Reviewer(TRUTH, CLASSES, FLAWLESS, seed=0)
    reviewer.ask("e1", "r1", now=100.0)
    assert reviewer.answers(now=101.9) == []
    assert reviewer.waiting == 1
    assert [answer.label for answer in reviewer.answers(now=106.0)] == [TRUTH["e1"]]
    assert reviewer.waiting == 0
    assert reviewer.asked == 1


def test_shares_are_those_of_the_habits():
    kinds = Counter(answer.kind for answer in all_answers(TRUTH, habits=Habits(4.0, 0.1, 0.5, 0.2, 0.05)))
    assert kinds["mistake"] == pytest.approx(300, abs=60)
    assert kinds["correction"] == pytest.approx(kinds["mistake"] / 2, abs=40)
    assert kinds["abstention"] == pytest.approx(150, abs=45)
    assert kinds["repetition"] == pytest.approx(0.2 * kinds["right"], abs=90)
    assert kinds["right"] + kinds["mistake"] + kinds["abstention"] == len(TRUTH)


def test_each_kind_is_what_its_name_says():
    given = {}
    for answer in all_answers(TRUTH, habits=Habits(4.0, 0.2, 0.5, 0.2, 0.1)):
        truth = TRUTH[answer.event_id]
        match answer.kind:
            case "right":
                assert answer.label == truth
            case "mistake":
                assert answer.label in CLASSES
                assert answer.label != truth
            case "abstention":
                assert answer.label is None
            case "correction":
                assert given[answer.event_id].kind == "mistake"
                assert answer.label == truth
            case "repetition":
                assert given[answer.event_id].label == answer.label
        given[answer.event_id] = answer


@pytest.mark.parametrize("label", ["sky", None])
def test_the_service_understands_the_record(label):
    answer = Answer(0.0, "e1", "r1", "right", label)
    record = Record("labels", 0, 0, 0, b"e1", orjson.dumps(answer.record()))
    understood = decode_label(record, Mapper(MappingSettings()))
    assert (understood.event_id, understood.label, understood.abstain) == ("e1", label, label is None)
    assert (understood.request_id, understood.annotator) == ("r1", NAME)
