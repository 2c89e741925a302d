"""What people say, and the labels that follow from it."""

import random
import threading
from collections import Counter
from contextlib import closing, suppress

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamssl.config import Config
from streamssl.connectors.database import Database
from streamssl.review.decisions import Said
from streamssl.review.desk import Conflict, Refused, Unknown
from streamssl.review.people import Person
from streamssl.review.uploads import Uploads
from tests.review.desks import NOW, asked, make_desk, outgoing, request, undo, waiting

SPAM, HAM, UNSURE = Said("spam"), Said("ham"), Said(abstain=True)


def short(label):
    """Return a label without what is the same in all."""
    return {name: value for name, value in label.items() if name not in ("event_id", "annotator", "time")}


def test_an_answer_is_a_label_by_its_annotator(tmp_path):
    desk = make_desk(tmp_path, request(1))
    desk.answer("ann", "r1", SPAM, NOW + 5)
    assert outgoing(desk) == [
        {"event_id": "e1", "label": "spam", "time": NOW + 5, "annotator": "ann", "request_id": "r1"}
    ]


@pytest.mark.parametrize(
    ("said", "label"),
    [
        (UNSURE, {"abstain": True, "request_id": "r1"}),
        (Said(excluded=("spam", "ad")), {"not": ["spam", "ad"], "request_id": "r1"}),
        (Said("ham", confidence=0.6), {"label": "ham", "confidence": 0.6, "request_id": "r1"}),
    ],
)
def test_other_answers(tmp_path, said, label):
    desk = make_desk(tmp_path, request(1))
    desk.answer("ann", "r1", said, NOW)
    assert [short(each) for each in outgoing(desk)] == [label]


def test_the_same_answer_once_more_changes_nothing(tmp_path):
    desk = make_desk(tmp_path, request(1))
    first = desk.answer("ann", "r1", SPAM, NOW, 0)
    again = desk.answer("ann", "r1", SPAM, NOW + 9, 0)
    assert again.decision == first.decision
    assert waiting(desk) == 1


def test_another_answer_corrects_and_only_one_holds(tmp_path):
    desk = make_desk(tmp_path, request(1), show_guess="never")
    first = desk.answer("ann", "r1", SPAM, NOW).decision
    desk.answer("ann", "r1", HAM, NOW, first.number)
    assert [short(each) for each in outgoing(desk)] == [
        {"label": "spam", "request_id": "r1"},
        {"label": "ham", "request_id": "r1"},
    ]
    assert [each.said for each in desk.recent("ann")] == [HAM]


def test_an_answer_by_a_page_that_is_out_of_date_is_refused(tmp_path):
    desk = make_desk(tmp_path, request(1))
    desk.answer("ann", "r1", SPAM, NOW, 0)
    with pytest.raises(Conflict, match="another window"):
        desk.answer("ann", "r1", HAM, NOW, 0)
    assert waiting(desk) == 1


def test_undo_is_a_retraction_and_the_question_comes_again(tmp_path):
    desk = make_desk(tmp_path, request(1), request(2))
    desk.answer("ann", "r1", SPAM, NOW)
    assert asked(desk, "ann") == "r2"
    assert undo(desk, "ann", NOW).request_id == "r1"
    assert short(outgoing(desk)[-1]) == {"label": None, "request_id": "r1"}
    assert desk.open("ann", "r1", NOW).decision is None
    assert asked(desk, "ann") == "r1", "the smaller key of the two that are hers"
    assert asked(desk, "bob") is None


def test_undo_goes_further_back_each_time_and_then_has_nothing_left(tmp_path):
    desk = make_desk(tmp_path, request(1), request(2))
    for number in (1, 2):
        desk.answer("ann", f"r{number}", SPAM, NOW)
    assert [undo(desk, "ann", NOW).request_id for _ in range(2)] == ["r2", "r1"]
    with pytest.raises(Unknown):
        undo(desk, "ann", NOW)


def test_nobody_takes_back_what_somebody_else_said_nor_twice(tmp_path):
    desk = make_desk(tmp_path, request(1))
    number = desk.answer("ann", "r1", SPAM, NOW).decision.number
    with pytest.raises(Unknown):
        desk.take_back("bob", number, NOW)
    desk.take_back("ann", number, NOW)
    with pytest.raises(Unknown):
        desk.take_back("ann", number, NOW)
    assert waiting(desk) == 2


class TestGuess:
    def test_hidden_until_answered_and_who_has_seen_it_says_so(self, tmp_path):
        desk = make_desk(tmp_path, request(1))
        assert not desk.next("ann", NOW).shows_guess
        entered = desk.answer("ann", "r1", SPAM, NOW)
        assert entered.guess.label == "spam"
        desk.answer("ann", "r1", HAM, NOW)
        assert [each.get("seen_prediction", False) for each in outgoing(desk)] == [False, True]

    def test_also_after_undo(self, tmp_path):
        desk = make_desk(tmp_path, request(1))
        desk.answer("ann", "r1", SPAM, NOW)
        undo(desk, "ann", NOW)
        assert desk.next("ann", NOW).shows_guess
        desk.answer("ann", "r1", HAM, NOW)
        assert outgoing(desk)[-1]["seen_prediction"] is True

    def test_others_have_not_seen_it(self, tmp_path):
        desk = make_desk(tmp_path, request(1, answers=2))
        desk.answer("ann", "r1", SPAM, NOW)
        assert not desk.next("bob", NOW).shows_guess
        desk.answer("bob", "r1", SPAM, NOW)
        assert "seen_prediction" not in outgoing(desk)[-1]

    def test_never(self, tmp_path):
        desk = make_desk(tmp_path, request(1), show_guess="never")
        assert desk.answer("ann", "r1", SPAM, NOW).guess is None
        desk.answer("ann", "r1", HAM, NOW)
        assert all("seen_prediction" not in each for each in outgoing(desk))

    def test_never_also_where_it_was_shown_under_another_configuration(self, tmp_path):
        desk = make_desk(tmp_path, request(1))
        desk.answer("ann", "r1", SPAM, NOW)
        desk.close()
        again = make_desk(tmp_path, show_guess="never")
        assert not again.open("ann", "r1", NOW).shows_guess
        again.answer("ann", "r1", HAM, NOW)
        assert outgoing(again)[-1]["seen_prediction"] is True

    def test_it_is_of_the_event_whatever_is_asked_about_it(self, tmp_path):
        desk = make_desk(tmp_path, request(1, event_id="e"), request(2, event_id="e"))
        desk.answer("ann", "r1", SPAM, NOW)
        assert not desk.open("ann", "r2", NOW).shows_guess
        desk.answer("ann", "r2", HAM, NOW)
        desk.volunteer("ann", "e", SPAM, NOW)
        assert [each.get("seen_prediction", False) for each in outgoing(desk)] == [False, True, True]

    def test_before(self, tmp_path):
        desk = make_desk(tmp_path, request(1), show_guess="before")
        assert desk.next("ann", NOW).shows_guess
        desk.answer("ann", "r1", SPAM, NOW)
        assert outgoing(desk)[-1]["seen_prediction"] is True


def test_volunteered_labels_answer_no_request(tmp_path):
    desk = make_desk(tmp_path, request(1))
    desk.volunteer("ann", "e1", SPAM, NOW)
    desk.volunteer("ann", "e1", SPAM, NOW)
    desk.volunteer("ann", "elsewhere", HAM, NOW)
    assert [short(each) for each in outgoing(desk)] == [{"label": "spam"}, {"label": "ham"}]
    assert asked(desk, "ann") == "r1", "it is still asked"


def heard(labels):
    """Return what a learner makes of labels: one answer of each annotator to an event, the last."""
    answers = {}
    for each in labels:
        said = "?" if each.get("abstain") else each.get("label")
        answers[each["event_id"], each["annotator"]] = said
    return {who: said for who, said in answers.items() if said is not None}


def held(desk, people):
    """Return the last of what each person says of each event, in a file or not, as the desk has it."""
    with desk.database() as database:
        rows = database.rows("SELECT event_id, person, said FROM decisions WHERE holds ORDER BY number")
    said = [(event_id, person, orjson.loads(said)) for event_id, person, said in rows if person in people]
    return {(event_id, person): "?" if each["abstain"] else each["label"] for event_id, person, each in said}


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whatever_people_say_and_take_back_the_learner_hears_what_holds(tmp_path_factory, data):
    questions = [request(1, event_id="e1", answers=2), request(2, event_id="e1"), request(3, event_id="e3")]
    desk = make_desk(tmp_path_factory.mktemp("desk"), *questions)
    uploads, people = Uploads(desk, Config()), ("ann", "bob")
    for step in range(data.draw(st.integers(1, 20))):
        person, said = data.draw(st.sampled_from(people)), data.draw(st.sampled_from([SPAM, HAM, UNSURE]))
        request_id, event_id = data.draw(st.sampled_from([("r1", "e1"), ("r2", "e1"), ("r3", "e3")]))
        with suppress(Refused):
            match data.draw(st.sampled_from(["answer", "volunteer", "take back", "upload"])):
                case "answer":
                    desk.answer(person, request_id, said, NOW + step)
                case "volunteer":
                    desk.volunteer(person, event_id, said, NOW + step)
                case "take back":
                    of = data.draw(st.sampled_from([each.number for each in desk.recent(person)] or [0]))
                    desk.take_back(person, of, NOW + step)
                case "upload":
                    label = data.draw(st.sampled_from(["spam", "ham", ""]))
                    asked = data.draw(st.sampled_from([request_id, ""]))
                    lines = f"event_id,label,request_id\n{event_id},{label},{asked}\n".encode()
                    uploads.enter(Person(name=person, token="0" * 64), lines, "x.csv", NOW + step)
    assert heard(outgoing(desk)) == held(desk, people)
    desk.close()


def test_many_at_once_and_the_pump_beside_them(tmp_path):
    n, people = 40, [f"p{number}" for number in range(6)]
    desk = make_desk(tmp_path, *(request(number, answers=1 + number % 2) for number in range(n)))
    broken, stop = [], threading.Event()

    def work(number):
        chosen = random.Random(number)
        person = people[number % len(people)]  # two windows each
        try:
            while (item := desk.next(person, NOW)) is not None:
                with suppress(Refused):
                    match chosen.randrange(8):
                        case 0:
                            desk.skip(person, item.question.request_id)
                        case 1:
                            undo(desk, person, NOW)
                        case 2:
                            desk.volunteer(person, item.question.event_id, HAM, NOW)
                        case _:
                            desk.answer(person, item.question.request_id, chosen.choice([SPAM, HAM]), NOW, 0)
        except BaseException as error:
            broken.append(error)

    def pump():
        with closing(Database(tmp_path / "review.db")) as database:
            while not stop.wait(0.001):
                with database.transaction():
                    database.remember("a", 1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2 * len(people))]
    beside = threading.Thread(target=pump)
    for each in (beside, *threads):
        each.start()
    for each in threads:
        each.join(60)
    stop.set()
    beside.join()
    assert broken == []
    answered = Counter(
        each.request_id for person in people for each in desk.recent(person, 1_000) if each.request_id
    )
    assert answered == {f"r{number}": 1 + number % 2 for number in range(n)}
    assert heard(outgoing(desk)) == held(desk, people)


class TestAskedAndUnasked:
    """What one person says of one event twice over: the learner goes by what they said last."""

    def test_saying_again_what_was_said_before_something_else_is_not_lost(self, tmp_path):
        desk = make_desk(tmp_path, request(1))
        desk.answer("ann", "r1", SPAM, NOW)
        desk.volunteer("ann", "e1", HAM, NOW)
        desk.answer("ann", "r1", SPAM, NOW)
        desk.volunteer("ann", "e1", HAM, NOW)
        assert [each["label"] for each in outgoing(desk)] == ["spam", "ham", "spam", "ham"]

    def test_the_same_both_ways_is_said_once_each(self, tmp_path):
        desk = make_desk(tmp_path, request(1))
        for _ in range(2):
            desk.volunteer("ann", "e1", SPAM, NOW)
            desk.answer("ann", "r1", SPAM, NOW)
        assert waiting(desk) == 2

    def test_what_is_taken_back_leaves_what_else_holds(self, tmp_path):
        desk = make_desk(tmp_path, request(1))
        desk.volunteer("ann", "e1", SPAM, NOW)
        number = desk.answer("ann", "r1", HAM, NOW).decision.number
        desk.volunteer("bob", "e1", HAM, NOW)
        desk.take_back("ann", number, NOW)
        assert desk.volunteered("ann", "e1").said == SPAM
        assert [(each["annotator"], each["label"], each.get("request_id")) for each in outgoing(desk)[-2:]] == [
            ("ann", None, "r1"),
            ("ann", "spam", None),
        ], "a retraction takes back all that somebody has said of an event"


@pytest.mark.parametrize("said", [Said(), Said("spam", abstain=True), Said("spam", ("ham",))])
def test_saying_nothing_or_two_things_is_refused(tmp_path, said):
    desk = make_desk(tmp_path, request(1))
    with pytest.raises(Refused, match="one thing"):
        desk.answer("ann", "r1", said, NOW)
    assert waiting(desk) == 0


def test_a_class_that_the_mapping_would_make_another_one_of_is_refused(tmp_path):
    desk = make_desk(tmp_path, request(1), mapping={"labels": {"classes": {"mal": "malicious"}}})
    with pytest.raises(Refused, match="mapping"):
        desk.answer("ann", "r1", Said("mal"), NOW)
    with pytest.raises(Refused, match="mapping"):
        desk.volunteer("ann", "e1", Said("mal"), NOW)
    with pytest.raises(Refused, match=r"^label: 'mal' is called 'malicious' here \(mapping.labels.classes\)$"):
        desk.answer("ann", "r1", Said("mal"), NOW)
    with pytest.raises(Refused, match=r"^not: labels would read \('malicious',\) where \('mal',\) is meant"):
        desk.answer("ann", "r1", Said(excluded=("mal",)), NOW)
    assert (waiting(desk), desk.recent("ann")) == (0, [])


@pytest.mark.parametrize("name", ["x" * 257, ""])
def test_a_class_that_the_topic_would_refuse_is_refused_and_nothing_is_kept(tmp_path, name):
    desk = make_desk(tmp_path, request(1))
    with pytest.raises(Refused):
        desk.answer("ann", "r1", Said(name), NOW)
    assert (waiting(desk), desk.recent("ann"), asked(desk, "ann")) == (0, [], "r1")


@pytest.mark.parametrize("name", [" ", "spam ", "a\u0000b", "a\nb"])
def test_a_new_class_has_a_name_that_can_be_told_from_others(tmp_path, name):
    desk = make_desk(tmp_path, request(1))
    with pytest.raises(Refused, match="new class"):
        desk.answer("ann", "r1", Said(name), NOW)
    assert name not in desk.classes()
    odd = make_desk(tmp_path, request(2), classes=(name,))
    assert odd.answer("ann", "r2", Said(name), NOW).decision.said == Said(name), "theirs are as they are"


def test_classes_keep_their_keys(tmp_path):
    desk = make_desk(tmp_path, request(1))
    assert desk.classes() == ["spam", "ham"]
    desk.answer("ann", "r1", Said("ad"), NOW)
    assert desk.classes() == ["spam", "ham", "ad"]
    desk.close()
    assert make_desk(tmp_path, classes=("ham", "spam")).classes() == ["ham", "spam", "ad"]


def test_where_no_new_classes_are_wanted_those_of_the_configuration_are_all_there_are(tmp_path):
    desk = make_desk(tmp_path, request(1), request(2), classes=("ham", "ad"), new_classes=False)
    assert desk.classes() == ["ham", "ad"], "the model knows spam, and people are not to say so"
    with pytest.raises(Refused, match="no class 'spam'"):
        desk.answer("ann", "r1", Said("spam"), NOW)
    with pytest.raises(Refused, match="no class 'hamm'"):
        desk.volunteer("ann", "e1", Said("hamm"), NOW)
    assert desk.answer("ann", "r1", Said("ham"), NOW).decision.said.label == "ham"
    assert desk.classes() == ["ham", "ad"]


def test_tally(tmp_path):
    desk = make_desk(tmp_path, *(request(number, answers=2) for number in range(4)))
    for number, said in enumerate([SPAM, HAM, UNSURE]):
        desk.answer("ann", f"r{number}", said, NOW)
    for number in range(3):
        desk.answer("bob", f"r{number}", SPAM, NOW + 1)
    desk.answer("bob", "r3", SPAM, NOW)
    undo(desk, "bob", NOW)
    assert desk.tally("ann", NOW)._asdict() == {
        "answered": 3, "abstained": 1, "today": 3, "taken_back": 0, "doubles": 2, "agreed": 1,
    }  # fmt: skip
    assert desk.tally("ann", NOW + 1).today == 0
    assert desk.tally("bob", NOW).taken_back == 1
    assert desk.people() == ["ann", "bob"]


def test_everything_is_there_after_a_restart(tmp_path):
    desk = make_desk(tmp_path, request(1), request(2))
    desk.answer("ann", "r1", SPAM, NOW)
    desk.close()
    again = make_desk(tmp_path)
    assert (waiting(again), asked(again, "ann"), again.recent("ann")[0].said) == (1, "r2", SPAM)


def test_labels_are_written_as_the_topic_has_them(tmp_path):
    mapping = {"labels": {"event_id": "uid", "label": "verdict.final", "annotator": "who"}}
    desk = make_desk(tmp_path, request(1), mapping=mapping)
    desk.answer("ann", "r1", SPAM, NOW)
    assert outgoing(desk)[0]["verdict"] == {"final": "spam"}
