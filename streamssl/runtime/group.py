"""The worker among the others of its group: what it asks them, what it tells them, and whether it is the judge.

What this is for: `streamssl.engine.verdicts`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from streamssl.engine.state import EngineState
from streamssl.engine.verdicts import marks
from streamssl.engine.view import View
from streamssl.transport.base import Marks, Positions, TransportError, Worker

log = logging.getLogger(__name__)

TELL_EVERY = 1.0
RENEW_EVERY = 3_600.0
"""Seconds after which marks that have not changed are told again: the broker forgets old ones."""


class Group:
    """See the module's docstring.

    Parameters
    ----------
    worker
        The transactional session.
    first_topic
        Of the events: whoever owns its first partition is the judge.
    """

    def __init__(self, worker: Worker, first_topic: str) -> None:
        self._worker = worker
        self._first_partition = (first_topic, 0)
        self._owned: frozenset[tuple[str, int]] = frozenset()
        self._decided: Positions | None = None
        """What the judge before has decided; None: not known yet."""
        self._seen: View | None = None
        self._view: View | None = None
        self._told: Marks | None = None
        self._told_at = -RENEW_EVERY

    @property
    def is_judge(self) -> bool:
        """Whether this worker decides what nobody can use."""
        return self._first_partition in self._owned

    def has_moved(self) -> bool:
        """Tell whether partitions have moved since this was asked: what was seen before is then worth nothing."""
        owned = self._worker.assignment()
        if owned == self._owned:
            return False
        self._owned = owned
        self._decided = self._seen = self._view = None
        return True

    def look_around(self, state: EngineState) -> None:
        """Ask what the others have told, where something is to be decided."""
        is_new_judge = self.is_judge and self._decided is None
        if not is_new_judge and not state.undecided:
            return
        try:
            neighbours = self._worker.neighbours()
        except TransportError as error:
            log.warning("cannot look at the group: %s", error)
            return
        self._decided = neighbours.decided
        if not state.undecided:
            return
        given_up = _least(neighbours.given_up)
        self._seen = View(self.is_judge, given_up, neighbours.decided)
        if len(state.undecided) > state.settings.pending.max_waiting_labels:
            # There is no waiting any longer; what the others may still answer is held back but for the excess.
            self._view = View(self.is_judge, None if given_up is None else {}, neighbours.decided)

    def is_caught_up(self) -> None:
        """Let the next batch decide by what was seen: all answers that the others had given by then are read."""
        self._view, self._seen = self._seen or self._view, None

    def take_view(self) -> View | None:
        """Return what the next batch is to decide by, once."""
        view, self._view = self._view, None
        return view

    def can_decide(self, state: EngineState) -> bool:
        """Tell whether a batch without records would decide something."""
        return self._view is not None and bool(state.undecided)

    def news(self, state: EngineState, at_once: bool = False) -> Marks | None:
        """Return what the others do not know yet, every now and then; None otherwise.

        Parameters
        ----------
        at_once
            Something was decided: what says so belongs into the same transaction.
        """
        now = time.monotonic()
        if not at_once and now < self._told_at + TELL_EVERY:
            return None
        current = marks(state, self.is_judge and self._decided is not None)
        before = self._decided or {}
        # A judge that came lately may itself have read less than its predecessor has decided.
        further = {each: at for each, at in current.decided.items() if at > before.get(each, 0)}
        is_known = self._told is not None and current.given_up == self._told.given_up
        is_old = now >= self._told_at + RENEW_EVERY
        if is_known and not further and not is_old:
            return None
        if is_old:
            further = {each: at for each, at in current.decided.items() if at >= before.get(each, 0)}
        return Marks(current.given_up, further) if current.given_up or further else None

    def has_told(self, news: Marks | None) -> None:
        """Note that the others have been told."""
        if news is not None:
            self._told, self._told_at = news, time.monotonic()
            self._decided = {**(self._decided or {}), **news.decided} if news.decided else self._decided


def _least(given_up: Mapping[str, Positions]) -> Positions | None:
    """Return the offsets below which all have given up; None without anyone."""
    if not given_up:
        return None
    partitions = {partition for positions in given_up.values() for partition in positions}
    return {
        partition: min(positions.get(partition, 0) for positions in given_up.values()) for partition in partitions
    }
