"""A burst of labels is taken bit by bit; in a backlog labels keep up with the events in time."""

from __future__ import annotations

from streamssl.runtime.intake import BUDGET, Intake
from streamssl.transport.base import Record

A_LABEL, AN_EVENT = 0.002, 0.00005
"""Seconds that they cost here."""


def records(topic, times):
    return [Record(topic, 0, i, time, None, b"") for i, time in enumerate(times)]


class Queues:
    """Events and labels that wait, by the time at which they were produced (ms), and a clock."""

    def __init__(self, events, labels, now=0.0):
        self.intake = Intake(few=100, many=5_000, events=["events"])
        self.events, self.labels, self.now = list(events), list(labels), now
        self.rounds = []

    def round(self):
        there = [time for time in self.events[:5_000] if time <= 1_000 * self.now]
        labels = [time for time in self.labels[: self.intake.most] if time <= 1_000 * self.now]
        del self.events[: len(there)], self.labels[: len(labels)]
        seconds = A_LABEL * len(labels) + AN_EVENT * len(there)
        self.intake.took(records("events", there) + records("labels", labels), seconds)
        self.now += max(seconds, 0.01)
        self.rounds.append((len(labels), seconds))
        return there, labels


def test_a_burst_of_labels_delays_events_by_no_more_than_the_budget():
    queues = Queues(range(120_000), [1_000] * 20_000, now=1.0)
    while queues.labels:
        queues.round()
    assert max(seconds for _, seconds in queues.rounds) < 1.5 * BUDGET
    assert sum(n for n, _ in queues.rounds) == 20_000
    assert queues.now < 20_000 * A_LABEL * 2, "and it is worked off while events come"


def test_labels_of_a_backlog_are_behind_the_events_by_few_rounds():
    """Five labels to a hundred events, all produced long ago."""
    n = 100_000
    queues = Queues(range(n), range(0, n, 20), now=1_000.0)
    while queues.events:
        there, _ = queues.round()
        behind = there[-1] - (queues.labels[0] if queues.labels else n)
        assert behind <= 4 * 5_000


def test_cheap_labels_are_taken_as_many_as_events():
    intake = Intake(few=100, many=5_000, events=["events"])
    intake.took(records("events", [9_000]) + records("labels", [10] * 100), seconds=0.001)
    assert intake.most == 5_000


def test_examples_are_looked_at_beside_labels():
    intake = Intake(few=100, many=5_000, events=["events"])
    intake.took(records("events", [5_000]) + records("labels", [9_000]) + records("examples", [10] * 99), 0.5)
    assert intake.most == 200


def test_dear_labels_are_taken_few_at_a_time_however_far_they_are_behind():
    intake = Intake(few=100, many=5_000, events=["events"])
    intake.took(records("events", [9_000]) + records("labels", [10] * 100), seconds=1.6)
    assert intake.most == 100


def test_without_events_there_is_nothing_to_be_behind_of():
    intake = Intake(few=100, many=5_000, events=["events"])
    intake.took(records("labels", [1, 2, 3]), 0.1)
    assert intake.most == 100
