"""Who is logged in: a token is exchanged for a cookie, which ends when nothing is done for some hours.

A session is no more than its token: when that is taken away or ends, the session does too. The file holds digests.
"""

from __future__ import annotations

import hmac
import secrets
from typing import NamedTuple

from streamssl.review.desk import Desk
from streamssl.review.people import People, Person, digest

RENEWED_EVERY_MS = 60_000
"""How exactly it is known when a session was last used: not every page need write to the disk."""


class Session(NamedTuple):
    """Somebody who is logged in."""

    person: Person
    form_token: str
    """What every form that changes something must hold: another site cannot know it."""


class Sessions:
    """Begins, finds and ends sessions.

    Parameters
    ----------
    desk
        Keeps them in its file.
    people
        Who may enter.
    idle_ms
        How long a session lasts without being used.
    """

    def __init__(self, desk: Desk, people: People, idle_ms: int) -> None:
        self._desk = desk
        self._people = people
        self._idle_ms = idle_ms

    def begin(self, token: str, now: int) -> str | None:
        """Exchange a token for the value of a cookie; None: it is nobody's."""
        person = self._people.by_token(token, now)
        if person is None:
            return None
        cookie = secrets.token_urlsafe(32)
        with self._desk.database() as database:
            database.rows("DELETE FROM sessions WHERE abs(? - used) > ?", now, self._idle_ms)
            database.rows(
                "INSERT INTO sessions VALUES (?, ?, ?, ?)", digest(cookie), person.name, person.token, now
            )
        return cookie

    def find(self, cookie: str, now: int) -> Session | None:
        """Return whose cookie this is; None: nobody's, or its time is over."""
        key = digest(cookie)
        with self._desk.database() as database:
            rows = database.rows("SELECT token, used FROM sessions WHERE digest = ?", key)
            # On either side: a clock that was ahead must not keep a session alive until it gets there again.
            if not rows or abs(now - rows[0][1]) > self._idle_ms:
                return None
            if abs(now - rows[0][1]) > RENEWED_EVERY_MS:
                database.rows("UPDATE sessions SET used = ? WHERE digest = ?", now, key)
        person = self._people.by_digest(rows[0][0], now)
        return None if person is None else Session(person, form_token(cookie))

    def end(self, cookie: str) -> None:
        """Log out."""
        with self._desk.database() as database:
            database.rows("DELETE FROM sessions WHERE digest = ?", digest(cookie))


def form_token(cookie: str) -> str:
    """Return the token of a session's forms: made from the cookie, which no page can read."""
    return hmac.new(cookie.encode(), b"form", "sha256").hexdigest()
