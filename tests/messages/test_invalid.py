"""A dead letter keeps everything, byte for byte."""

from hypothesis import given
from hypothesis import strategies as st

from streamssl.messages import Invalid, dead_letter
from streamssl.messages.invalid import HEADER, LONGEST_HEADER
from streamssl.transport.base import Record

HEADERS = st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=3).map(tuple)


@given(st.none() | st.binary(), st.none() | st.binary(), HEADERS)
def test_the_record_stays_as_it_came(key, value, headers):
    letter = dead_letter(Record("events", 1, 2, 3, key, value, headers), Invalid("decode", "id", "bad"), "dead")
    assert (letter.topic, letter.key, letter.value) == ("dead", key, value)
    assert letter.headers[: len(headers)] == headers
    assert dict(letter.headers[len(headers) :]) == {
        HEADER + "exception": b"Invalid",
        HEADER + "message": b"id: bad",
        HEADER + "topic": b"events",
        HEADER + "partition": b"1",
        HEADER + "offset": b"2",
        HEADER + "stage": b"decode",
    }


def test_a_field_name_of_megabytes_does_not_make_the_letter_too_large():
    letter = dead_letter(Record("t", 0, 0, 0, None, b""), Invalid("decode", "ä" * 1_000_000, "bad"), "dead")
    assert max(len(value) for _, value in letter.headers) == LONGEST_HEADER
