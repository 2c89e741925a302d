"""Labels that are given, and labels that wait."""

import orjson

from streamssl.engine.label_book import GivenLabel, LabelBook, WaitingLabels
from streamssl.transport.base import Record


def record(offset, value=b"\xff\x00"):
    return Record("labels", 0, offset, 10 * offset, None, value, (("h", b"\x80"),))


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


def test_waiting_labels_are_taken_by_event_in_their_order():
    waiting = WaitingLabels()
    for offset, event in enumerate(["a", "b", "a"]):
        waiting.add(event, record(offset))
    assert "a" in waiting
    assert [r.offset for r in waiting.take("a")] == [0, 2]
    assert "a" not in waiting
    assert waiting.take("a") == []
    assert len(waiting) == 1


def test_the_oldest_goes_first():
    waiting = WaitingLabels()
    for offset, event in enumerate(["a", "a", "b"]):
        waiting.add(event, record(offset))
    assert waiting.oldest_timestamp() == 0
    assert [waiting.take_oldest().offset for _ in range(3)] == [0, 1, 2]
    assert waiting.oldest_timestamp() is None
    assert "a" not in waiting


def test_waiting_labels_survive_a_snapshot_byte_for_byte():
    waiting = WaitingLabels()
    waiting.add("a", record(1))
    waiting.add("a", record(2, value=None))
    again = WaitingLabels.from_document(orjson.loads(orjson.dumps(waiting.to_document())))
    assert again.take("a") == [record(1), record(2, value=None)]
