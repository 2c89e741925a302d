"""Labels that are given."""

import orjson

from streamssl.engine.label_book import GivenLabel, LabelBook


def test_the_book_forgets_only_events_that_have_expired():
    book = LabelBook()
    for sequence in range(5_000):
        book.put(sequence, GivenLabel("a", ()), first_pending=sequence - 10)
    assert book.get(4_995) == GivenLabel("a", ())
    assert len(book) < 2_000


def test_the_book_goes_on_from_its_document():
    book = LabelBook()
    book.put(3, GivenLabel("a", ()), 0)
    book.put(4, GivenLabel(None, ("b", "c")), 0)
    book.remove(3)
    again = LabelBook.from_document(orjson.loads(orjson.dumps(book.to_document())))
    assert again.get(3) is None
    assert again.get(4) == GivenLabel(None, ("b", "c"))
