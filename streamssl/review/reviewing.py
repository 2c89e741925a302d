"""The page on which people answer: one question at a time, and what follows from a key.

Each thing that changes something is one post, which returns what is to be shown next: a part of the page to its
script, the whole page (by a redirect) to a browser without scripts. Sent twice, it is done once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from starlette.responses import HTMLResponse, RedirectResponse, Response

from streamssl.review import looks
from streamssl.review.decisions import Decision, Said
from streamssl.review.desk import Item, Refused, Unknown
from streamssl.review.guideline import Guideline
from streamssl.review.presentation import Presentation, named_values, picture, present
from streamssl.review.questions import Guess
from streamssl.review.site import Site, midnight
from streamssl.review.unusual import Usual, values_of
from streamssl.review.visits import Visit

DIGITS = "123456789"
WHY = {
    "random": "it was drawn by chance",
    "uncertain": "the two likeliest classes were close",
    "cold-start": "there were hardly any labels yet",
    "rare-class": "it may be of a class that has few labels",
    "new-class": "a class had turned up for the first time",
    "vanished-class": "a class was no longer predicted",
    "drift": "the model was unsure or wrong more often than usual",
}
"""Reasons in words; one that is not in here is shown as it came."""
COUNTED_EVERY_MS = 3_000
MOST_GUESSES = 1_000
"""That are kept at hand."""


class Class(NamedTuple):
    """A class that may be chosen."""

    name: str
    key: str
    """Empty beyond the ninth."""


class Past(NamedTuple):
    """One of the last decisions, as it stays in sight."""

    decision: Decision
    guess: Guess | None
    """What the model had guessed; None: not to be shown."""
    ago: str


class Reviewing:
    """The page on which people answer.

    Parameters
    ----------
    site
        What it works with.
    """

    def __init__(self, site: Site) -> None:
        self._desk = site.desk
        self._settings = site.settings
        self._usual = Usual(self._latest_values)
        self.guideline = Guideline(self._settings.guideline)
        self._guesses: dict[str, Guess] = {}
        self._waiting: tuple[int, int] | None = None
        self._one_at_a_time = threading.Lock()

    # What is looked at ----------------------------------------------------------------------------------------

    def look(self, visit: Visit) -> Response:
        """Show the next question, or the one that was chosen (``?request=``)."""
        chosen = visit.request.query_params.get("request")
        if chosen is None:
            item = self._desk.next(visit.person.name, visit.now)
            if item is None and "wait" in visit.request.query_params:
                return Response(status_code=204)
            return self._show(visit, item)
        try:
            return self._show(visit, self._desk.open(visit.person.name, chosen, visit.now))
        except Unknown as error:
            return self._next(visit, f"{_sentence(error)}", 404)

    def picture(self, visit: Visit) -> Response:
        """Serve a picture of an event: ``?request=`` which one's, ``field=`` the number of its field."""
        number = visit.number("field")
        try:
            question = self._desk.question(visit.request.query_params.get("request", ""))
        except Unknown:
            return looks.problem(404, "There is no such question.")
        found = None if number is None else picture(question.features, self._settings, number)
        if found is None:
            return looks.problem(404, "There is no such picture.")
        return Response(found.data, media_type=found.media_type)

    def help(self, visit: Visit) -> Response:
        """Show the keys and the guideline."""
        values = {"guideline": self.guideline.text(), "session": visit.session, "here": "help", "problem": ""}
        return HTMLResponse(looks.fragment("help_body.html" if visit.wants_fragment else "help.html", **values))

    # What is sent ---------------------------------------------------------------------------------------------

    def answer(self, visit: Visit) -> Response:
        """Keep an answer; show what comes next."""
        person, request_id = visit.person.name, visit.form.get("request_id", "")
        said = said_of(visit.form, self._desk.classes)
        if said is None:
            return self._again(visit, "Say a class first.", 422)
        try:
            self._desk.answer(person, request_id, said, visit.now, visit.number("knows"))
        except Unknown as error:
            return self._next(visit, _sentence(error), 404)
        except Refused as error:
            return self._again(visit, _sentence(error), 409)
        return self._next(visit, spoken=f"Saved: {said.text()}.")

    def skip(self, visit: Visit) -> Response:
        """Put a question at the end; show what comes next."""
        self._desk.skip(visit.person.name, visit.form.get("request_id", ""))
        return self._next(visit, spoken="Skipped.")

    def undo(self, visit: Visit) -> Response:
        """Take a decision back; show its question again."""
        person = visit.person.name
        try:
            held = self._desk.take_back(person, visit.number("number") or 0, visit.now)
            words = f"Taken back: {held.said.text()}, of {held.event_id}."
        except Unknown:
            # Sent once more after the connection was lost, or from another window.
            words = "Taken back."
        except Refused as error:
            words = _sentence(error)
        try:
            item = self._desk.open(person, visit.form.get("request_id", ""), visit.now)
        except Unknown:
            return self._next(visit, words)
        if not item.expires and item.decision is None:
            return self._next(visit, f"{words} Nobody is asked about it any more.")
        return self._show(visit, item, words)

    def renew(self, visit: Visit) -> Response:
        """Keep a question for who is looking at it; 409 when it is somebody else's by now."""
        try:
            item = self._desk.open(visit.person.name, visit.form.get("request_id", ""), visit.now)
        except Unknown:
            return Response(status_code=409)
        return Response(status_code=204 if item.expires or item.decision is not None else 409)

    # How it is shown ------------------------------------------------------------------------------------------

    def classes(self) -> list[Class]:
        """Return the classes, with their keys."""
        names = self._desk.classes()
        return [Class(name, DIGITS[n] if n < len(DIGITS) else "") for n, name in enumerate(names)]

    def recent(self, visit: Visit) -> Iterator[Past]:
        """Yield the last decisions of who looks, the newest first."""
        name = visit.person.name
        for each in self._desk.recent(name):
            shows_guess = each.request_id is not None and self._desk.shows_guess(each.request_id, name)
            guess = self._guess(each.request_id) if shows_guess and each.request_id is not None else None
            yield Past(each, guess, looks.ago(visit.now - each.time))

    def event_link(self, event_id: str) -> str | None:
        """Return where an event can be looked at elsewhere."""
        template = self._settings.event_link
        return None if template is None else template.replace("{id}", quote(event_id, safe=""))

    def waiting(self, now: int, *, as_of_now: bool = False) -> int:
        """Return how many questions are open, some seconds old unless it is to stay in sight for long."""
        with self._one_at_a_time:
            if as_of_now or self._waiting is None or not 0 <= now - self._waiting[0] < COUNTED_EVERY_MS:
                self._waiting = now, self._desk.counts(now).standing.open
            return self._waiting[1]

    def _next(self, visit: Visit, notice: str = "", status: int = 200, spoken: str = "") -> Response:
        if not visit.wants_fragment and not notice:
            return RedirectResponse("/", 303)
        return self._show(visit, self._desk.next(visit.person.name, visit.now), notice, status, spoken)

    def _again(self, visit: Visit, notice: str, status: int) -> Response:
        """Show the question of a form once more, as far as it is still theirs; else the next one."""
        try:
            item = self._desk.open(visit.person.name, visit.form.get("request_id", ""), visit.now)
        except Unknown:
            return self._next(visit, notice, status)
        if not item.expires and item.decision is None:
            return self._next(visit, notice, status)
        return self._show(visit, item, notice, status)

    def _show(
        self, visit: Visit, item: Item | None, notice: str = "", status: int = 200, spoken: str = ""
    ) -> Response:
        values = {
            "session": visit.session,
            "here": "review",
            "problem": "",
            "item": item,
            "shown": None if item is None else self._present(item, visit.now),
            "link": None if item is None else self.event_link(item.question.event_id),
            "classes": self.classes(),
            "new_classes": self._settings.new_classes,
            "recent": list(self.recent(visit)),
            "today": self._desk.answered_since(visit.person.name, midnight(visit.now)),
            "waiting": self.waiting(visit.now, as_of_now=item is None),
            "why": WHY,
            "notice": notice,
            "spoken": spoken or notice,
        }
        template = "stage.html" if visit.wants_fragment else "review.html"
        return HTMLResponse(looks.fragment(template, **values), status)

    def _present(self, item: Item, now: int) -> Presentation:
        return present(item.question.features, self._settings, self._usual, now)

    def _guess(self, request_id: str) -> Guess | None:
        """Return what the model had guessed, which stays the same; a question may hold a picture, and is long."""
        guess = self._guesses.get(request_id)
        if guess is None:
            try:
                guess = self._desk.question(request_id).guess
            except Unknown:  # of more than 30 days ago
                return None
            if len(self._guesses) >= MOST_GUESSES:
                self._guesses.clear()
            self._guesses[request_id] = guess
        return guess

    def _latest_values(self, n: int) -> Iterator[dict[str, float | str]]:
        for question in self._desk.latest(n):
            yield values_of(named_values(question.features, self._settings))


def said_of(form: dict[str, str], classes: Callable[[], Sequence[str]]) -> Said | None:
    """Return what a form says of an event; None: nothing.

    A class that was typed is the one that there is, where they differ in capitals only.

    Examples
    --------
    >>> def classes():
    ...     return ["spam"]
    >>> said_of({"label": "Ham"}, classes).label, said_of({"abstain": "1"}, classes).abstain
    ('Ham', True)
    >>> said_of({"other": " Spam"}, classes).label, said_of({"other": "x"}, classes).label
    ('spam', 'x')
    >>> said_of({"other": "  "}, classes)
    """
    if form.get("abstain"):
        return Said(abstain=True)
    label = form.get("label") or _as_it_is_called(form.get("other", "").strip(), classes)
    return Said(label) if label else None


def _as_it_is_called(typed: str, classes: Callable[[], Sequence[str]]) -> str:
    known = classes() if typed else ()
    if typed in known:
        return typed
    return next((name for name in known if name.casefold() == typed.casefold()), typed)


def _sentence(error: Exception) -> str:
    words = str(error)
    return f"{words[:1].upper()}{words[1:]}."
