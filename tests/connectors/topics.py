"""What tests write to the topics and read from them."""

from contextlib import closing

import orjson

from streamssl.transport import connect
from streamssl.transport.base import Message


def request(number, key=None, expires="2099-01-01T00:00:00.000Z", **features):
    """Return the value of a review request."""
    value = {
        "request_id": f"request-{number}",
        "event": {
            "id": f"event-{number}",
            "time": "2026-11-23T17:00:00.000Z",
            "features": features or {"text": f"text {number}"},
        },
        "prediction": {"label": "spam", "confidence": 0.9, "probabilities": {"spam": 0.9, "ham": 0.1}},
        "reason": "random",
        "propensity": 0.01,
        "expires": expires,
    }
    return orjson.dumps(value if key is None else value | {"key": key})


def send(config, topic, values):
    with closing(connect(config)) as transport, transport.producer() as producer:
        for value in values:
            producer.send(Message(topic, None, value))
        producer.flush()


def labels(config):
    """Return every record of the labels topic, in order."""
    found = []
    with closing(connect(config)) as transport, transport.reader(config.topics.labels) as reader:
        while not reader.at_end():
            found += [orjson.loads(record.value) for record in reader.poll()]
    return found


def said(label):
    """Return what a label says, in short: a class, "?" for "I don't know", None for a retraction."""
    return "?" if label.get("abstain") else label.get("label")


def standing(records):
    """Return what stands after all records: (event, annotator) -> what was said."""
    found = {}
    for each in records:
        found[each["event_id"], each["annotator"]] = said(each)
    return {who: what for who, what in found.items() if what is not None}


def repeats(records):
    """Return the records that say what their annotator had said of the event just before."""
    last, again = {}, []
    for each in records:
        who = each["event_id"], each["annotator"]
        if last.get(who, object()) == said(each):
            again.append(each)
        last[who] = said(each)
    return again
