"""What cannot be read or used, and the dead letter that keeps it."""

from __future__ import annotations

from streamssl.transport.base import Message, Record

HEADER = "__streamssl.errors."
"""What the headers that a dead letter adds begin with."""
LONGEST_HEADER = 1_024
"""Bytes of such a header: a message may name a field, and a field's name may be as long as the record."""


class Invalid(ValueError):
    """A record that cannot be used.

    Parameters
    ----------
    stage
        Where that was found: ``"decode"`` or ``"join"``.
    field
        What is wrong, as a dotted path; empty for the record as a whole.
    problem
        What is wrong with it. Never contains values of features.
    """

    def __init__(self, stage: str, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.stage = stage
        self.field = field


def dead_letter(record: Record, error: Invalid, topic: str) -> Message:
    """Return a record as it came, byte for byte, with the error in further headers.

    Examples
    --------
    >>> record = Record("events", 2, 17, 0, b"k", b"{", (("origin", b"x"),))
    >>> letter = dead_letter(record, Invalid("decode", "", "not JSON"), "dead-letters")
    >>> letter.key, letter.value, letter.headers[0]
    (b'k', b'{', ('origin', b'x'))
    >>> {name.removeprefix(HEADER): value.decode() for name, value in letter.headers[1:]}
    {'exception': 'Invalid', 'message': 'not JSON', 'topic': 'events', 'partition': '2', 'offset': '17',
     'stage': 'decode'}
    """
    context = {
        "exception": type(error).__name__,
        "message": str(error),
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "stage": error.stage,
    }
    added = tuple((f"{HEADER}{name}", text.encode()[:LONGEST_HEADER]) for name, text in context.items())
    return Message(topic, record.key, record.value, (*record.headers, *added))
