"""Records that wait are found by event and by name, and survive a snapshot."""

import orjson
import pytest

from streamssl.engine.waiting import RecordName, WaitingRecords
from streamssl.transport.base import Record


def record(offset, value=b"\xff\x00", partition=0):
    return Record("labels", partition, offset, 10 * offset, None, value, (("h", b"\x80"),))


def test_they_are_taken_by_event_in_their_order():
    waiting = WaitingRecords()
    for offset, event in enumerate(["a", "b", "a"]):
        waiting.add(event, record(offset))
    assert "a" in waiting
    assert [r.offset for r in waiting.take("a")] == [0, 2]
    assert "a" not in waiting
    assert waiting.take("a") == []
    assert len(waiting) == 1


def test_one_is_taken_by_its_name():
    waiting = WaitingRecords()
    waiting.add("a", record(0))
    waiting.add("a", record(1))
    assert waiting.take_one(RecordName("labels", 0, 0)) == ("a", record(0))
    with pytest.raises(KeyError):
        waiting.take_one(RecordName("labels", 0, 0))
    assert [r.offset for r in waiting.take("a")] == [1]


def test_the_oldest_and_the_first_of_each_partition():
    waiting = WaitingRecords()
    for offset, partition in [(5, 1), (7, 0), (4, 1)]:
        waiting.add("a", record(offset, partition=partition))
    assert waiting.oldest() == (RecordName("labels", 1, 5), record(5, partition=1))
    assert [name.offset for name, _ in waiting.by_offset()] == [7, 4, 5]
    assert (waiting.first_offset("labels", 0), waiting.first_offset("labels", 1)) == (7, 4)
    waiting.take_one(RecordName("labels", 1, 4))
    assert waiting.first_offset("labels", 1) == 5
    waiting.take("a")
    assert waiting.oldest() is None
    assert waiting.first_offset("labels", 1) is None


def test_they_survive_a_snapshot_byte_for_byte():
    waiting = WaitingRecords()
    waiting.add("a", record(1))
    waiting.add("a", record(2, value=None))
    again = WaitingRecords.from_document(orjson.loads(orjson.dumps(waiting.to_document())))
    assert again.take("a") == [record(1), record(2, value=None)]
