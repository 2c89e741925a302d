"""Who is shown which question next."""

from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamssl.review.decisions import Said
from streamssl.review.desk import Conflict, Unknown
from streamssl.review.queue import TIDIED_AT_ONCE
from tests.review.desks import HOUR, NOW, asked, make_desk, request, take, undo

SPAM, HAM, UNSURE = Said("spam"), Said("ham"), Said(abstain=True)


def test_the_smallest_key_first_whatever_came_first(tmp_path):
    desk = make_desk(tmp_path, request(1, key=0.9), request(2, key=0.1), request(3, key=0.5))
    order = []
    while (request_id := asked(desk, "ann")) is not None:
        order.append(request_id)
        desk.answer("ann", request_id, SPAM, NOW)
    assert order == ["r2", "r3", "r1"]


def test_requests_without_a_key_come_in_their_order(tmp_path):
    records = [request(number, key=0) for number in (1, 2)]
    without = [each._replace(value=each.value.replace(b'"key":0,', b"")) for each in records]
    desk = make_desk(tmp_path, *reversed(without))
    assert asked(desk, "ann") == "r1"


def test_nobody_gets_what_somebody_looks_at_until_the_lease_ends(tmp_path):
    desk = make_desk(tmp_path, request(1), request(2), lease_seconds=600)
    assert (asked(desk, "ann"), asked(desk, "bob"), asked(desk, "eve")) == ("r1", "r2", None)
    assert asked(desk, "ann", NOW + 500_000) == "r1", "looking again keeps it"
    assert asked(desk, "eve", NOW + 700_000) == "r2", "bob has gone home"
    assert asked(desk, "bob", NOW + 700_001) is None


def test_a_blind_double_goes_to_two_people_and_no_more(tmp_path):
    desk = make_desk(tmp_path, request(1, answers=2))
    assert (asked(desk, "ann"), asked(desk, "bob"), asked(desk, "eve")) == ("r1", "r1", None)
    desk.answer("ann", "r1", SPAM, NOW)
    assert (asked(desk, "ann"), asked(desk, "bob"), asked(desk, "eve")) == (None, "r1", None)
    assert desk.open("bob", "r1", NOW).decision is None, "it is blind"
    desk.answer("bob", "r1", HAM, NOW)
    assert (asked(desk, "bob"), asked(desk, "eve")) == (None, None)


def test_what_was_skipped_comes_last_and_comes_again(tmp_path):
    desk = make_desk(tmp_path, request(1), request(2))
    assert asked(desk, "ann") == "r1"
    desk.skip("ann", "r1")
    assert asked(desk, "ann") == "r2"
    assert asked(desk, "bob") == "r1", "others are not kept from it"
    desk.answer("bob", "r1", SPAM, NOW)
    desk.skip("ann", "r2")
    assert asked(desk, "ann") == "r2", "nothing else is left"


def test_dont_know_asks_one_other_person(tmp_path):
    desk = make_desk(tmp_path, request(1))
    desk.answer("ann", "r1", UNSURE, NOW)
    assert (asked(desk, "ann"), asked(desk, "bob")) == (None, "r1")
    desk.answer("bob", "r1", UNSURE, NOW)
    assert asked(desk, "eve") is None


def test_of_a_double_one_may_not_know(tmp_path):
    desk = make_desk(tmp_path, request(1, answers=2))
    desk.answer("ann", "r1", UNSURE, NOW)
    desk.answer("bob", "r1", SPAM, NOW)
    assert asked(desk, "eve") is None, "two have looked"


@pytest.mark.parametrize(("said", "answers"), [(UNSURE, 1), (SPAM, 2)])
def test_looking_back_at_ones_answer_keeps_the_question_from_nobody(tmp_path, said, answers):
    desk = make_desk(tmp_path, request(1, answers=answers), request(2))
    desk.answer("ann", "r1", said, NOW)
    item = desk.open("ann", "r1", NOW)
    assert (item.decision.said, item.expires) == (said, 0)
    assert asked(desk, "bob") == "r1"
    assert asked(desk, "ann") == "r2", "the one that she has answered does not come again"


def test_what_is_skipped_must_be_a_question(tmp_path):
    desk = make_desk(tmp_path)
    desk.skip("ann", 60_000 * "x")
    with desk.database() as database:
        assert database.rows("SELECT count(*) FROM skips") == [(0,)]


def test_tidying_after_a_long_absence_lets_others_in_between(tmp_path):
    n = 2 * TIDIED_AT_ONCE + 1
    desk = make_desk(tmp_path, *(request(number, expires_ms=HOUR) for number in range(n)))
    desk.skip("ann", "r0")
    assert [desk.tidy(NOW + HOUR) for _ in range(4)] == [TIDIED_AT_ONCE, TIDIED_AT_ONCE, 1, 0]
    old = NOW + 31 * 24 * HOUR
    left = []
    for _ in range(3):
        desk.tidy(old)
        with desk.database() as database:
            left += [database.rows("SELECT (SELECT count(*) FROM questions), (SELECT count(*) FROM skips)")[0]]
    assert left == [(TIDIED_AT_ONCE + 1, 0), (1, 0), (0, 0)]


def test_expired_questions_are_not_shown_and_late_answers_are_taken(tmp_path):
    desk = make_desk(tmp_path, request(1, expires_ms=HOUR), request(2, expires_ms=2 * HOUR))
    assert asked(desk, "ann", NOW + HOUR - 1) == "r1"
    assert desk.tidy(NOW + HOUR) == 1
    assert asked(desk, "ann", NOW + HOUR) == "r2"
    desk.answer("ann", "r1", SPAM, NOW + HOUR + 1)
    assert desk.counts(NOW + HOUR + 1).standing.expired == 0


def test_a_request_that_comes_again_is_not_asked_again(tmp_path):
    desk = make_desk(tmp_path, request(1))
    desk.answer("ann", "r1", SPAM, NOW)
    take(desk, request(1))
    assert asked(desk, "bob") is None


def test_what_cannot_be_read_is_left_out(tmp_path, caplog):
    record = request(1)
    desk = make_desk(tmp_path, record._replace(value=b"{}"), record._replace(value=None), request(2))
    assert asked(desk, "ann") == "r2"
    assert "not a review request" in caplog.text


@pytest.mark.parametrize(
    ("part", "other"),
    [
        (b'"answers":1', b'"answers":1e300'),
        (b'"answers":1', b'"answers":18446744073709551615'),
        (b'"amount":0.5', b'"amount":' + 300 * b"[" + 300 * b"]"),
    ],
)
def test_a_record_that_the_file_cannot_hold_stops_nothing(tmp_path, part, other):
    """Else the process would end at it, and again after every start."""
    record = request(1)
    assert part in record.value
    desk = make_desk(tmp_path, record._replace(value=record.value.replace(part, other)), request(2))
    desk.answer("ann", "r2", SPAM, NOW)
    assert asked(desk, "ann") in ("r1", None)


def test_somebody_elses_answer_closes_it(tmp_path):
    desk = make_desk(tmp_path, request(1), lease_seconds=5)
    assert asked(desk, "ann") == "r1"
    assert asked(desk, "bob", NOW + 6_000) == "r1"
    desk.answer("bob", "r1", SPAM, NOW + 6_000)
    with pytest.raises(Conflict, match="somebody else"):
        desk.answer("ann", "r1", SPAM, NOW + 7_000)


def test_a_lease_that_ended_without_another_reader_does_no_harm(tmp_path):
    desk = make_desk(tmp_path, request(1), lease_seconds=5)
    asked(desk, "ann")
    assert desk.answer("ann", "r1", SPAM, NOW + HOUR).decision.said == SPAM


def test_old_questions_are_forgotten(tmp_path):
    desk = make_desk(tmp_path, request(1))
    desk.tidy(NOW + 31 * 24 * HOUR)
    with pytest.raises(Unknown):
        desk.question("r1")


def test_what_is_still_asked_is_not_forgotten(tmp_path):
    desk = make_desk(tmp_path, request(1, expires_ms=60 * 24 * HOUR))
    desk.tidy(NOW + 31 * 24 * HOUR)
    assert asked(desk, "ann", NOW + 31 * 24 * HOUR) == "r1"


def test_how_it_stands(tmp_path):
    desk = make_desk(tmp_path, *(request(number) for number in range(5)), request(9, expires_ms=1))
    asked(desk, "ann")
    desk.answer("bob", "r4", SPAM, NOW)
    counts = desk.counts(NOW + 1)
    assert counts.standing == (4, 1, NOW, 1)
    assert (counts.decisions, counts.outbox) == (1, 1)


def test_who_counts_keeps_nobody_waiting_and_waits_for_nobody(tmp_path):
    """Counting what a month has left takes a while."""
    desk = make_desk(tmp_path, request(1))
    desk.answer("ann", "r1", SPAM, NOW)
    found = []
    counting = Thread(
        target=lambda: found.extend([desk.counts(NOW).decisions, desk.tally("ann", NOW).answered, *desk.people()]),
        daemon=True,
    )
    with desk.database():
        counting.start()
        counting.join(10)
    assert found == [1, 1, "ann"]
    desk.close()


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_whatever_people_do_no_question_is_answered_by_more_than_wanted(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("desk")
    wanted = {f"r{number}": 1 + number % 2 for number in range(4)}
    desk = make_desk(folder, *(request(n, answers=1 + n % 2) for n in range(4)), lease_seconds=5)
    now, labelled = NOW, {}
    for _ in range(data.draw(st.integers(1, 25))):
        person = data.draw(st.sampled_from(["ann", "bob", "eve"]))
        now += data.draw(st.sampled_from([0, 1_000, 6_000]))
        match data.draw(st.sampled_from(["answer", "answer", "skip", "undo", "wander"])):
            case "answer":
                item = desk.next(person, now)
                if item is not None:
                    assert person not in labelled.get(item.question.request_id, ())
                    desk.answer(person, item.question.request_id, SPAM, now, 0)
                    labelled.setdefault(item.question.request_id, []).append(person)
            case "skip":
                item = desk.next(person, now)
                if item is not None:
                    desk.skip(person, item.question.request_id)
            case "undo":
                if desk.recent(person):
                    taken = undo(desk, person, now)
                    labelled[taken.request_id].remove(person)
            case "wander":
                desk.next(person, now)
    assert all(len(who) <= wanted[request_id] for request_id, who in labelled.items())
    assert desk.counts(now).decisions == sum(map(len, labelled.values()))
    desk.close()
