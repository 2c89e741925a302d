"""Answers that are given."""

import orjson

from streamssl.engine.label_book import MOST_ANSWERS, LabelBook
from streamssl.messages import Label


def said(label, annotator=None, **more):
    return Label("e", label, 7, annotator, **more)


def test_the_book_forgets_only_events_that_have_expired():
    book = LabelBook()
    for sequence in range(5_000):
        book.put(sequence, said("a"), first_pending=sequence - 10)
    assert book.get(4_995) == (said("a"),)
    assert len(book) < 2_000


def test_the_book_goes_on_from_its_document():
    book = LabelBook()
    book.put(3, said("a"), 0)
    book.put(4, said(None, "ann", excluded=("b", "c")), 0)
    book.put(4, said("a", "bob", confidence=0.7, request_id="r", seen_prediction=True), 0)
    book.remove(3, None)
    again = LabelBook.from_document(orjson.loads(orjson.dumps(book.to_document())))
    assert again.get(3) == ()
    assert again.get(4) == book.get(4)
    assert len(again.get(4)) == 2


def test_each_annotator_has_one_answer_and_the_newest_comes_last():
    book = LabelBook()
    for label, annotator in (("a", "ann"), ("b", "bob"), ("c", "ann"), ("d", None), ("e", None)):
        book.put(1, said(label, annotator), 0)
    assert [(each.annotator, each.label) for each in book.get(1)] == [("bob", "b"), ("ann", "c"), (None, "e")]


def test_an_annotator_takes_back_their_own_answer_and_nobody_takes_back_all():
    book = LabelBook()
    for annotator in ("ann", "bob", None):
        book.put(1, said("a", annotator), 0)
    book.remove(1, "ann")
    book.remove(1, "cyd")
    assert [each.annotator for each in book.get(1)] == ["bob", None]
    book.remove(1, None)
    assert book.get(1) == ()
    assert len(book) == 0


def test_an_event_keeps_the_newest_answers_without_their_features():
    book = LabelBook()
    for i in range(MOST_ANSWERS + 3):
        book.put(1, said("a", f"annotator {i}", features={"x": 1.0}), 0)
    assert len(book.get(1)) == MOST_ANSWERS
    assert book.get(1)[0] == said("a", "annotator 3")
