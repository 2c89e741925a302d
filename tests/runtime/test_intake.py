"""A burst of labels is taken bit by bit; in a backlog labels keep up with the events in time."""

from __future__ import annotations

from streamssl.runtime.intake import Intake
from streamssl.transport.base import Record


def records(topic, *times):
    return [Record(topic, 0, i, time, None, b"") for i, time in enumerate(times)]


def worked_off(n_events, labels_an_event):
    """Work off a backlog, an event a ms; return by how many ms labels were behind the events, round by round."""
    intake = Intake(few=100, many=5_000, events=["events"])
    events, labels = list(range(n_events)), [i / labels_an_event for i in range(int(n_events * labels_an_event))]
    behind = []
    while events:
        polled = records("events", *events[:5_000]) + records("labels", *labels[: intake.most])
        del events[:5_000], labels[: intake.most]
        intake.took(polled)
        behind.append(polled[min(len(polled), 5_000) - 1].timestamp - (labels[0] if labels else n_events))
    return behind


def test_a_burst_of_labels_is_taken_bit_by_bit():
    intake = Intake(few=100, many=5_000, events=["events"])
    for now in range(1_000, 2_000, 100):
        intake.took(records("events", now - 50, now) + records("labels", *[now + 1] * 100))
        assert intake.most == 100


def test_events_that_pile_up_behind_a_burst_do_not_make_it_worse():
    intake = Intake(few=100, many=5_000, events=["events"])
    intake.took(records("events", *range(5_000)) + records("labels", *[9_000] * 100))
    assert intake.most == 100


def test_labels_of_a_backlog_are_never_left_behind():
    for share in (0.01, 0.5, 1.0):
        assert max(worked_off(100_000, share)[1:]) <= 5_000, "at most one round"


def test_examples_are_looked_at_beside_labels():
    intake = Intake(few=100, many=5_000, events=["events"])
    intake.took(records("events", 5_000) + records("labels", 9_000) + records("examples", 10))
    assert intake.most == 5_000


def test_without_events_there_is_nothing_to_be_behind_of():
    intake = Intake(few=100, many=5_000, events=["events"])
    intake.took(records("labels", 1, 2, 3))
    assert intake.most == 100
