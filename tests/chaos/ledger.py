"""What became of every record: an account that must balance after each batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from streamssl.engine.outcome import Outcome
from streamssl.engine.state import EngineState
from streamssl.messages import Invalid, decode_event, decode_label, is_answer_alone
from streamssl.messages.answers import HEADER as ANSWERS
from streamssl.transport.base import Message, Record

Name = tuple[str, int, int]
"""Topic, partition, offset."""


class Ledger:
    """Records that came in against messages that went out and the state's counters, batch by batch."""

    def __init__(self, state: EngineState) -> None:
        self.state = state
        self._open: dict[Name, Record] = {}
        """Labels that nothing has been said about yet."""
        self._counts: Counter[tuple[str, ...]] = Counter()

    def check(self, records: Sequence[Record], outcome: Outcome) -> dict[int, str]:
        """Check one batch; return what became of each of its events records, by offset."""
        of = {topic: [r for r in records if r.topic == topic] for topic in ("events", "labels", "examples")}
        delta = Counter(self.state.counts)
        delta.subtract(self._counts)
        self._counts = Counter(self.state.counts)
        self._open |= {record[:3]: record for record in of["labels"]}
        inputs = self._open | {record[:3]: record for record in records}
        dead = self._dead_letters(outcome.messages, inputs)
        fates = self._check_events(of["events"], outcome, dead, delta)
        self._check_labels(of["events"], of["labels"], outcome, dead, delta)
        self._check_examples(of["examples"], dead, delta)
        _check_probabilities(outcome)
        return fates

    def _dead_letters(self, messages: Sequence[Message], inputs: dict[Name, Record]) -> set[Name]:
        """Return the records that are dead letters, each once and as it came."""
        dead: set[Name] = set()
        for message in messages:
            if message.topic == "dead-letters":
                added = {name.rsplit(".", 1)[-1]: value.decode() for name, value in message.headers[-6:]}
                name = added["topic"], int(added["partition"]), int(added["offset"])
                assert name not in dead, f"{name} is a dead letter twice"
                record = inputs[name]
                assert (message.key, message.value, message.headers[:-6]) == (
                    record.key,
                    record.value,
                    record.headers,
                )
                dead.add(name)
        return dead

    def _check_events(
        self, events: list[Record], outcome: Outcome, dead: set[Name], delta: Counter[tuple[str, ...]]
    ) -> dict[int, str]:
        came: Counter[str] = Counter()
        without_id: Counter[str] = Counter()
        fates = {}
        for record in events:
            try:
                event = decode_event(record, self.state.mapper)
            except Invalid as error:
                assert record[:3] in dead, f"no dead letter of {record}"
                fates[record.offset] = f"invalid: {error.field or 'not JSON'}"
            else:
                assert record[:3] not in dead, f"{record} is readable and a dead letter"
                came[event.id] += 1
                without_id[event.id] += not event.has_own_id
                fates[record.offset] = "read"
        predicted = Counter((m.key or b"").decode() for m in outcome.messages if m.topic == "predictions")
        assert predicted <= came, f"predicted without an event: {predicted - came}"
        assert without_id <= predicted, f"not predicted: {without_id - predicted}"
        assert (came - predicted).total() == delta["events", "repeated"]
        assert predicted.total() == delta["events", "predicted"] == sum(map(len, outcome.probabilities))
        assert len(events) - came.total() == delta["events", "invalid"]
        return fates

    def _check_labels(
        self,
        events: list[Record],
        labels: list[Record],
        outcome: Outcome,
        dead: set[Name],
        delta: Counter[tuple[str, ...]],
    ) -> None:
        # What cannot be read is decided after the older labels that still wait.
        undecided = {name for name in self.state.undecided.names() if name.topic == "labels"}
        waiting = self.state.waiting.names() | undecided
        for message in outcome.messages:
            if message.topic == "examples":
                for header, value in message.headers:
                    assert header == ANSWERS
                    topic, partition, offset = value.decode().split("/")
                    answered = self._open.pop((topic, int(partition), int(offset)), None)
                    assert answered is not None, f"answered twice, or never asked: {value!r}"
        for name in dead:
            if name[0] == "labels":
                assert self._open.pop(name, None) is not None, f"answered and a dead letter: {name}"
        settled = [name for name in self._open if name not in waiting]
        assert len(settled) == delta["labels", "settled"], f"nothing was said of some of {settled[:5]}"
        unread = sum(self._is_unreadable(self._open.pop(name)) for name in settled)
        assert waiting == self._open.keys()
        brought = sum(self._brings_label(record) for record in events)
        # An early label is counted when it comes, and for what becomes of it in the end.
        are_early = len(waiting) - sum(self._is_unreadable(self._open[name]) for name in undecided)
        ended = delta["labels", "early"] - (are_early - self._were_early)
        counted = sum(count for names, count in delta.items() if names[0] == "labels")
        assert counted == len(labels) + brought + ended + unread
        self._were_early = are_early

    _were_early = 0

    def _is_unreadable(self, label: Record) -> bool:
        try:
            decode_label(label, self.state.mapper)
        except Invalid:
            return True
        return False

    def _brings_label(self, record: Record) -> bool:
        try:
            return decode_event(record, self.state.mapper).label is not None
        except Invalid:
            return False

    def _check_examples(self, examples: list[Record], dead: set[Name], delta: Counter[tuple[str, ...]]) -> None:
        counted = sum(count for names, count in delta.items() if names[0] == "examples")
        assert counted == len(examples) - sum(map(is_answer_alone, examples))
        letters = sum(name[0] == "examples" for name in dead)
        assert letters == delta["examples", "invalid"]


def _check_probabilities(outcome: Outcome) -> None:
    for probabilities in outcome.probabilities:
        assert np.isfinite(probabilities).all(), "NaN or infinity was predicted"
        totals = probabilities.sum(axis=1)
        assert (np.isclose(totals, 1, atol=1e-3) | (totals == 0)).all(), f"probabilities sum to {totals.min()}"
