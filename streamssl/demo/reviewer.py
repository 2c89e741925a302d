"""A simulated reviewer: answers review requests some seconds late, and not always well."""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

NAME = "simulated-reviewer"
SECOND_THOUGHT = 2.0
"""A correction or a repetition comes after as much time again as the answer took, times this at the most."""

Kind = Literal["right", "mistake", "abstention", "correction", "repetition", "retraction"]


class Habits(NamedTuple):
    """How often the reviewer does what people do; shares of the requests."""

    seconds: float = 3.0
    """Mean time to an answer; each takes between half and one and a half of it."""
    mistakes: float = 0.04
    corrected: float = 0.5
    """Share of the mistakes that are corrected later."""
    repetitions: float = 0.03
    abstentions: float = 0.03


class Answer(NamedTuple):
    """One record for the labels topic."""

    due: float
    """When it is sent, on the clock of `Reviewer.ask`."""
    event_id: str
    request_id: str
    kind: Kind
    label: str | None
    """None: I don't know."""

    def record(self) -> dict[str, Any]:
        """Return the value of the label record."""
        said: dict[str, Any] = {"abstain": True} if self.label is None else {"label": self.label}
        return {"event_id": self.event_id, **said, "annotator": NAME, "request_id": self.request_id}


class Reviewer:
    """Answers review requests. The only part of the demo, beside the scoreboard, that knows the truth.

    Parameters
    ----------
    truth
        Event id -> class.
    classes
        What a mistake can be.
    habits
        How well it answers.
    seed
        What becomes of a request depends on this and the event alone, not on the order of the requests.

    Examples
    --------
    >>> reviewer = Reviewer({"e1": "sky"}, ["path", "sky"], Habits(seconds=4.0), seed=0)
    >>> reviewer.ask("e1", "r1", now=100.0)
    >>> reviewer.answers(now=101.0)
    []
    >>> [(answer.kind, answer.label) for answer in reviewer.answers(now=110.0)]
    [('right', 'sky')]
    """

    def __init__(self, truth: Mapping[str, str], classes: Sequence[str], habits: Habits, seed: int) -> None:
        self.asked = 0
        self._truth = truth
        self._classes = classes
        self._habits = habits
        self._seed = seed
        self._planned: list[Answer] = []

    @property
    def waiting(self) -> int:
        """Answers that are planned and not yet given."""
        return len(self._planned)

    def ask(self, event_id: str, request_id: str, now: float) -> None:
        """Take one review request and plan what will be answered, and when."""
        self.asked += 1
        for answer in self._plan(event_id, request_id, now):
            heapq.heappush(self._planned, answer)

    def answers(self, now: float) -> list[Answer]:
        """Return the answers whose time has come, earliest first."""
        due = []
        while self._planned and self._planned[0].due <= now:
            due.append(heapq.heappop(self._planned))
        return due

    def _plan(self, event_id: str, request_id: str, now: float) -> list[Answer]:
        habits = self._habits
        chance = random.Random(f"{self._seed} {event_id}")
        right = self._truth[event_id]
        due = now + habits.seconds * chance.uniform(0.5, 1.5)
        later = due + habits.seconds * chance.uniform(0.5, SECOND_THOUGHT)
        draw = chance.random()
        if draw < habits.abstentions:
            return [Answer(due, event_id, request_id, "abstention", None)]
        if draw < habits.abstentions + habits.mistakes:
            wrong = chance.choice([name for name in self._classes if name != right])
            plan = [Answer(due, event_id, request_id, "mistake", wrong)]
            if chance.random() < habits.corrected:
                plan.append(Answer(later, event_id, request_id, "correction", right))
            return plan
        plan = [Answer(due, event_id, request_id, "right", right)]
        if chance.random() < habits.repetitions:
            plan.append(Answer(later, event_id, request_id, "repetition", right))
        return plan
