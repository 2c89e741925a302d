"""The answer to a label: a header on ``examples`` that names the label record which led to the example.

Where a label leads to none (it came twice; "I don't know"), the answer stands alone: a null record under the
label's name, which compaction removes in time.
"""

from __future__ import annotations

import re

from streamssl.transport.base import Message, Record

HEADER = "__streamssl.answers"
_NUMBER = re.compile("[0-9]{1,18}")


def answers(label: Record, message: Message) -> Message:
    """Return the message, marked as what became of a label.

    Examples
    --------
    >>> label = Record("labels", 0, 17, 0, b"e1", b"...")
    >>> answers(label, Message("examples", b"e1", b"...")).headers
    (('__streamssl.answers', b'labels/0/17'),)
    """
    return message._replace(headers=(*message.headers, (HEADER, _name(label))))


def answer_alone(label: Record, topic: str) -> Message:
    """Return the answer to a label from which nothing is to be learnt."""
    return answers(label, Message(topic, _name(label), None))


def answered(record: Record) -> tuple[str, int, int] | None:
    """Return topic, partition and offset of the label that a record answers, None if it answers none.

    Examples
    --------
    >>> answered(Record("examples", 0, 3, 0, b"e1", b"...", (("__streamssl.answers", b"labels/0/17"),)))
    ('labels', 0, 17)
    """
    for header, value in record.headers:
        if header == HEADER:
            topic, *numbers = value.decode(errors="replace").split("/")
            if len(numbers) == 2 and all(_NUMBER.fullmatch(number) for number in numbers):
                return topic, int(numbers[0]), int(numbers[1])
    return None


def is_answer_alone(record: Record) -> bool:
    """Tell whether there is nothing in the record but an answer."""
    return record.value is None and (HEADER, record.key) in record.headers


def _name(label: Record) -> bytes:
    return f"{label.topic}/{label.partition}/{label.offset}".encode()
