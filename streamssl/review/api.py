"""The JSON API beside the pages, for scripts: what a page can do, by ``Authorization: Bearer TOKEN``.

Its description, as OpenAPI, is at ``/api/openapi.json``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Literal, NamedTuple

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamssl.connectors.listening import TooLarge, TooSlow, read_body
from streamssl.messages import iso_times
from streamssl.review.decisions import Decision
from streamssl.review.desk import Conflict, Desk, Item, Refused, Unknown
from streamssl.review.models import (
    Answer,
    Classes,
    DecisionModel,
    Decisions,
    Entered,
    GuessModel,
    Model,
    QuestionModel,
    Questions,
    VolunteeredLabel,
)
from streamssl.review.people import People, Person
from streamssl.review.site import milliseconds

MOST_BYTES = 65_536
"""Of a body."""


Method = Literal["GET", "POST", "DELETE"]


class Endpoint(NamedTuple):
    """One path and method, as it is served and described."""

    method: Method
    path: str
    summary: str
    call: str
    """Name of the method of `Api`."""
    takes: type[Model] | None = None
    gives: type[Model] | None = None
    """None: 204 without a body."""
    refuses: tuple[int, ...] = ()


QUESTION = "/api/questions/{request_id}"
ENDPOINTS = (
    Endpoint("GET", "/api/questions/next", "The next question; 204: there is none.", "next", gives=QuestionModel),
    Endpoint("GET", QUESTION, "One question.", "question", gives=QuestionModel, refuses=(404,)),
    Endpoint(
        "POST",
        f"{QUESTION}/answer",
        "Answer it, or correct what one said of it.",
        "answer",
        takes=Answer,
        gives=Entered,
        refuses=(404, 409, 422),
    ),
    Endpoint("POST", f"{QUESTION}/skip", "See others first.", "skip"),
    Endpoint("GET", "/api/decisions", "One's own last ten decisions.", "decisions", gives=Decisions),
    Endpoint(
        "DELETE",
        "/api/decisions/{number}",
        "Take a decision back.",
        "take_back",
        gives=DecisionModel,
        refuses=(404,),
    ),
    Endpoint("GET", "/api/events/{event_id}", "The questions about an event.", "event", gives=Questions),
    Endpoint(
        "POST",
        "/api/labels",
        "Label an event that nobody asked about.",
        "volunteer",
        takes=VolunteeredLabel,
        gives=DecisionModel,
        refuses=(422,),
    ),
    Endpoint("GET", "/api/classes", "The classes that there are.", "classes", gives=Classes),
)


class Api:
    """Answers the API's calls.

    Parameters
    ----------
    desk
        What they are about.
    people
        Whose tokens are taken.
    clock
        Ms since the epoch.
    """

    def __init__(self, desk: Desk, people: People, clock: Callable[[], int] = milliseconds) -> None:
        self._desk = desk
        self._people = people
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return the routes of all calls, and of their description."""
        from streamssl.review.openapi import description

        described = description()
        routes = [
            Route(each.path.replace("{event_id}", "{event_id:path}"), self._served(each), methods=[each.method])
            for each in ENDPOINTS
        ]
        return [*routes, Route("/api/openapi.json", lambda request: JSONResponse(described))]

    def next(self, person: Person, body: None, path: dict[str, str], now: int) -> QuestionModel | None:
        """Give the next question."""
        item = self._desk.next(person.name, now)
        return None if item is None else _question(item)

    def question(self, person: Person, body: None, path: dict[str, str], now: int) -> QuestionModel:
        """Give a question by its id."""
        return _question(self._desk.open(person.name, path["request_id"], now))

    def answer(self, person: Person, body: Answer, path: dict[str, str], now: int) -> Entered:
        """Keep an answer."""
        entered = self._desk.answer(person.name, path["request_id"], body.said(), now, body.knows)
        guess = None if entered.guess is None else GuessModel(**entered.guess._asdict())
        return Entered(decision=_decision(entered.decision), guess=guess)

    def skip(self, person: Person, body: None, path: dict[str, str], now: int) -> None:
        """Put a question at the end."""
        self._desk.skip(person.name, path["request_id"])

    def decisions(self, person: Person, body: None, path: dict[str, str], now: int) -> Decisions:
        """Give what the person has said lately."""
        return Decisions(decisions=[_decision(each) for each in self._desk.recent(person.name)])

    def take_back(self, person: Person, body: None, path: dict[str, str], now: int) -> DecisionModel:
        """Retract a decision."""
        number = path["number"]
        if not (number.isascii() and number.isdecimal() and len(number) < 19):
            raise Unknown(f"decisions have whole numbers, not {number[:40]}")
        return _decision(self._desk.take_back(person.name, int(number), now))

    def event(self, person: Person, body: None, path: dict[str, str], now: int) -> Questions:
        """Give the questions about an event."""
        items = self._desk.search(person.name, path["event_id"], now)
        return Questions(questions=[_question(each) for each in items])

    def volunteer(self, person: Person, body: VolunteeredLabel, path: dict[str, str], now: int) -> DecisionModel:
        """Keep a label that nobody asked for."""
        return _decision(self._desk.volunteer(person.name, body.event_id, body.said(), now))

    def classes(self, person: Person, body: None, path: dict[str, str], now: int) -> Classes:
        """Give the classes."""
        return Classes(classes=self._desk.classes())

    def _served(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        call = getattr(self, endpoint.call)

        @wraps(call)
        async def serve(request: Request) -> Response:
            now = self._clock()
            person = await run_in_threadpool(self._person, request, now)
            if person is None:
                return _problem(401, "the header must say Authorization: Bearer TOKEN, with a token that is valid")
            try:
                body = await read_body(request, MOST_BYTES)
                taken = None if endpoint.takes is None else endpoint.takes.model_validate_json(body)
                given = await run_in_threadpool(call, person, taken, dict(request.path_params), now)
            except TooLarge:
                return _problem(413, f"longer than {MOST_BYTES:,} bytes")
            except TooSlow:
                return _problem(408, "the body did not arrive in time")
            except ValidationError as error:
                return _problem(422, _words(error))
            except Unknown as error:
                return _problem(404, str(error))
            except Conflict as error:
                return _problem(409, str(error))
            except Refused as error:
                return _problem(422, str(error))
            return Response(status_code=204) if given is None else JSONResponse(given.model_dump(mode="json"))

        return serve

    def _person(self, request: Request, now: int) -> Person | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._people.by_token(token.strip(), now) if scheme.lower() == "bearer" else None


def _problem(status: int, text: str) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": text}, status, headers)


def _words(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where, message = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _question(item: Item) -> QuestionModel:
    question = item.question
    return QuestionModel(
        request_id=question.request_id,
        event_id=question.event_id,
        event_time=question.event_time,
        features=question.features,
        expires=_iso(question.expires),
        leased_until=_iso(item.expires) if item.expires else None,
        decision=None if item.decision is None else _decision(item.decision),
        guess=GuessModel(**question.guess._asdict()) if item.shows_guess else None,
        reason=question.reason if item.shows_guess else None,
    )


def _decision(decision: Decision) -> DecisionModel:
    said = decision.said
    return DecisionModel(
        number=decision.number,
        request_id=decision.request_id,
        event_id=decision.event_id,
        label=said.label,
        excluded=list(said.excluded),
        abstain=said.abstain,
        confidence=said.confidence,
        time=_iso(decision.time),
    )


def _iso(milliseconds: int) -> str:
    return str(iso_times([milliseconds])[0])
