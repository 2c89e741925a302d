"""What goes out fits the published models, and is the same bytes for the same numbers."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.messages import Event, encode_prediction, encode_review_request
from streamssl.messages.incoming import EARLIEST, LATEST
from streamssl.messages.outgoing import iso_times
from streamssl.messages.records import PredictionRecord, ReviewRequestRecord

EVENT = Event("e-1", True, 1_700_000_000_123, {"amount": 3.5, "tags": [1, 2]}, None, ())
TIME = "2023-11-14T22:13:20.123Z"


def prediction(**changes):
    said = {
        "time": TIME,
        "classes": ["ham", "späm"],
        "probabilities": [0.25, 0.75],
        "decision": 1,
        "confidence": 0.75,
        "pseudo_label": None,
        "review": None,
        "twin": -1,
        "batch": 7,
        "labelled": 40,
    }
    return encode_prediction(EVENT, **said | changes)


def test_a_prediction():
    assert orjson.loads(prediction()) == {
        "event_id": "e-1",
        "time": TIME,
        "label": "späm",
        "probabilities": {"ham": 0.25, "späm": 0.75},
        "confidence": 0.75,
        "pseudo_label": None,
        "review": None,
        "model": {"batch": 7, "labelled": 40},
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"classes": [], "probabilities": [], "decision": -1, "confidence": 0.0},
            {"label": None, "probabilities": {}},
        ),
        ({"pseudo_label": 0.97}, {"pseudo_label": {"label": "späm", "precision": 0.97}}),
        ({"review": ("random", 0.01)}, {"review": {"reason": "random", "propensity": 0.01}}),
        ({"twin": 0}, {"twin": "ham"}),
    ],
)
def test_parts_of_a_prediction(changes, expected):
    value = orjson.loads(prediction(**changes))
    assert value | expected == value
    PredictionRecord.model_validate(value)


def test_probabilities_must_be_as_many_as_classes():
    with pytest.raises(ValueError, match="shorter"):
        prediction(probabilities=[1.0])


def test_a_review_request_holds_the_event_as_it_came():
    value = encode_review_request(
        EVENT,
        time=TIME,
        request_id="r-1",
        prediction={"label": "ham", "confidence": 0.5, "probabilities": {"ham": 0.5}},
        reason="random",
        propensity=0.01,
        key=0.25,
        answers=2,
        expires="2023-11-15T22:13:20.123Z",
    )
    record = ReviewRequestRecord.model_validate_json(value)
    assert record.event.features == EVENT.features
    assert (record.request_id, record.propensity, record.key, record.answers) == ("r-1", 0.01, 0.25, 2)
    assert (record.expires - record.event.time).days == 1


@given(st.integers(EARLIEST, LATEST))
def test_times_read_back_to_the_millisecond(milliseconds):
    [text] = iso_times([milliseconds])
    moment = datetime.fromisoformat(text)
    assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == milliseconds
