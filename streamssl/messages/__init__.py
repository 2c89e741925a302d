"""Every record on the wire: how it is read, how it is written, its model and its JSON Schema."""

from streamssl.messages.answers import answer_alone, answered, answers, is_answer_alone
from streamssl.messages.examples import Example, ExampleMemory, decode_example, encode_example
from streamssl.messages.incoming import Event, Label, decode_event, decode_label, label_of_event
from streamssl.messages.invalid import Invalid, dead_letter
from streamssl.messages.outgoing import encode_prediction, encode_review_request, iso_times

__all__ = [
    "Event",
    "Example",
    "ExampleMemory",
    "Invalid",
    "Label",
    "answer_alone",
    "answered",
    "answers",
    "dead_letter",
    "decode_event",
    "decode_example",
    "decode_label",
    "encode_example",
    "encode_prediction",
    "encode_review_request",
    "is_answer_alone",
    "iso_times",
    "label_of_event",
]
