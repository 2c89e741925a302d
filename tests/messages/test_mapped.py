"""Writing in the form that a mapping reads; that it is read as meant is tested where it is written."""

import orjson
import pytest

from streamssl.config import EventMapping, LabelMapping, MappingSettings, TopicMapping
from streamssl.messages.mapped import Unwritable, event_value, label_value


def test_a_null_label_is_written_only_to_take_back():
    said = {"event_id": "7", "label": None, "not": ["spam"]}
    mapping = LabelMapping(label="verdict.final", excluded="verdict.not")
    assert orjson.loads(label_value(mapping, said)) == {"event_id": "7", "verdict": {"not": ["spam"]}}
    taken_back = label_value(mapping, {"event_id": "7", "label": None}, retracts=True)
    assert orjson.loads(taken_back) == {"event_id": "7", "verdict": {"final": None}}


def test_a_path_through_a_value_is_refused_by_name():
    with pytest.raises(Unwritable, match="verdict.by: verdict holds a value"):
        label_value(LabelMapping(label="verdict", annotator="verdict.by"), {"label": "spam", "annotator": "ann"})
    with pytest.raises(Unwritable, match="amount.id: amount holds a value"):
        event_value(EventMapping(id="amount.id", features="."), "7", None, {"amount": 12})


def test_a_topic_of_its_own_mapping_takes_nothing_from_the_others():
    own = TopicMapping(labels=LabelMapping(label="verdict"))
    mapping = MappingSettings(labels=LabelMapping(label="said"), topics={"votes": own})
    assert mapping.labels_of("votes").label == "verdict"
    assert mapping.labels_of("labels").label == "said"
    assert mapping.events_of("votes") == mapping.events
