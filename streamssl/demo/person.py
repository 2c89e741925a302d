"""A person in place of the simulated reviewer: answers on the review service's page, and is watched from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamssl.demo.reviewer import Answer, Kind


class Person:
    """Whoever answers on the page. Takes what the simulated reviewer takes, and plans nothing.

    Parameters
    ----------
    truth
        Event id -> class, to see how right they are.

    Examples
    --------
    >>> person = Person({"e1": "sky", "e2": "path"})
    >>> for event_id, request_id in (("e1", "r1"), ("e2", "r2")):
    ...     person.ask(event_id, request_id, now=0.0)
    >>> answer = person.heard({"event_id": "e1", "label": "path", "request_id": "r1"}, now=3.0)
    >>> answer.kind, person.waiting
    ('mistake', 1)
    >>> person.heard({"event_id": "e1", "label": "sky", "request_id": "r1"}, now=4.0).kind
    'correction'
    """

    def __init__(self, truth: Mapping[str, str]) -> None:
        self.asked = 0
        self._truth = truth
        self._open: set[str] = set()
        self._labelled: set[str] = set()

    @property
    def waiting(self) -> int:
        """Questions that are not answered yet."""
        return len(self._open)

    def ask(self, event_id: str, request_id: str, now: float) -> None:
        """Take note of a review request."""
        self.asked += 1
        self._open.add(request_id)

    def answers(self, now: float) -> list[Answer]:
        """Return nothing: what people say is in the labels topic already."""
        return []

    def heard(self, label: Mapping[str, Any], now: float) -> Answer:
        """Take one record of the labels topic, and return it as an answer."""
        event_id, request_id, said = label["event_id"], label.get("request_id") or "", label.get("label")
        is_answer = said is not None or bool(label.get("abstain")) or bool(label.get("not"))
        if is_answer:
            self._open.discard(request_id)
        elif request_id:
            self._open.add(request_id)
        kind = self._kind(event_id, said, is_answer=is_answer)
        if said is not None:
            self._labelled.add(event_id)
        return Answer(now, event_id, request_id, kind, said)

    def _kind(self, event_id: str, said: str | None, *, is_answer: bool) -> Kind:
        if said is None:
            return "abstention" if is_answer else "retraction"
        if said != self._truth.get(event_id):
            return "mistake"
        return "correction" if event_id in self._labelled else "right"
