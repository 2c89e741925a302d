"""Who looks at a page: by their cookie; and whether what they send comes from a page of ours.

A form is taken when the browser says that a page of this site sent it, and when it holds the token that only pages
of this session hold. Another site can do neither.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from streamssl.config import ReviewServiceSettings
from streamssl.review import looks
from streamssl.review.doors import is_https, origin
from streamssl.review.people import Person
from streamssl.review.sessions import Session
from streamssl.review.site import Site

FRAGMENT = "x-fragment"
"""Header of what the page's script asks for: the part that changes, instead of the page."""
ATTEMPTS_A_MINUTE = 10
"""Tokens that are nobody's, from one address."""
MOST_ADDRESSES = 10_000


class Visit(NamedTuple):
    """A request by somebody who is logged in."""

    site: Site
    session: Session
    request: Request
    form: dict[str, str]
    """What was sent; empty for a page that is only looked at."""
    file: tuple[str, bytes] | None
    """Name and content of the file that was sent along."""
    now: int

    @property
    def person(self) -> Person:
        """Who it is."""
        return self.session.person

    def number(self, name: str) -> int | None:
        """Return a number that was sent, 0 or above; None: there is none of this name, or it is something else."""
        text = self.form.get(name) or self.request.query_params.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 16 else None

    @property
    def wants_fragment(self) -> bool:
        """Whether the page's script asks."""
        return FRAGMENT in self.request.headers


Endpoint = Callable[[Request], Awaitable[Response]]


def visiting(site: Site, answer: Callable[[Visit], Response], *, leads_only: bool = False) -> Endpoint:
    """Return an endpoint for those who are logged in; ``answer`` runs in a thread.

    Others are sent to log in. A form that did not come from a page of this session is refused with 403, as is
    everybody but the leads where the page is theirs.
    """

    async def endpoint(request: Request) -> Response:
        is_sent = request.method == "POST"
        if is_sent and not from_here(request, site.settings):
            return looks.problem(403, "This was not sent by a page of this site.")
        now = site.clock()
        session = await run_in_threadpool(_session, site, request, now)
        if session is None:
            if FRAGMENT in request.headers:
                return looks.problem(401, "You are logged out.")
            return RedirectResponse("/login", 303)
        if leads_only and not session.person.is_lead:
            return looks.problem(403, "This page is for leads only.", session)
        form, file = await _sent(request) if is_sent else ({}, None)
        if is_sent and not hmac.compare_digest(form.get("token", "").encode(), session.form_token.encode()):
            return looks.problem(403, "This page is of another session: load it again.", session)
        return await run_in_threadpool(answer, Visit(site, session, request, form, file, now))

    return endpoint


def from_here(request: Request, settings: ReviewServiceSettings) -> bool:
    """Tell whether a browser says that a page of this site sent this.

    Browsers that are asked over plain http from elsewhere say only the Origin.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("origin", "").lower() == origin(request.scope, settings)


def cookie_name(settings: ReviewServiceSettings) -> str:
    """Return the cookie's name. With https, browsers see to it that no other host has set it."""
    return "__Host-streamssl" if is_https(settings) else "streamssl"


# Logging in and out -------------------------------------------------------------------------------------------


class Attempts:
    """Counts tokens that were nobody's, by the address that sent them, a minute long."""

    def __init__(self) -> None:
        self._times: dict[str, list[int]] = {}

    def are_too_many(self, address: str, now: int) -> bool:
        """Tell whether an address has to wait."""
        recent = [time for time in self._times.get(address, ()) if now - time < 60_000]
        if recent:
            self._times[address] = recent
        else:
            self._times.pop(address, None)
        return len(recent) >= ATTEMPTS_A_MINUTE

    def failed(self, address: str, now: int) -> None:
        """Remember a failure."""
        if len(self._times) >= MOST_ADDRESSES:
            self._times.clear()
        self._times.setdefault(address, []).append(now)


def login_page(site: Site) -> Endpoint:
    """Return the endpoint of the page on which a token is entered."""

    async def endpoint(request: Request) -> Response:
        if await run_in_threadpool(_session, site, request, site.clock()):
            return RedirectResponse("/", 303)
        return looks.page("login.html")

    return endpoint


def login(site: Site) -> Endpoint:
    """Return the endpoint that exchanges a token for a cookie."""
    attempts = Attempts()

    async def endpoint(request: Request) -> Response:
        if not from_here(request, site.settings):
            return looks.problem(403, "This was not sent by a page of this site.")
        now, address = site.clock(), request.client.host if request.client else ""
        if attempts.are_too_many(address, now):
            words = "Too many tokens that are nobody's came from your address. Try again in a minute."
            return looks.page("login.html", 429, {"retry-after": "60"}, problem=words)
        form, _ = await _sent(request)
        cookie = await run_in_threadpool(site.sessions.begin, form.get("token", "").strip(), now)
        if cookie is None:
            attempts.failed(address, now)
            words = "This token is nobody's, or its time is over. Ask your lead for another one."
            return looks.page("login.html", 403, problem=words)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            cookie_name(site.settings),
            cookie,
            path="/",
            secure=is_https(site.settings),
            httponly=True,
            samesite="strict",
        )
        return answer

    return endpoint


def logout(visit: Visit) -> Response:
    """End the session."""
    name = cookie_name(visit.site.settings)
    visit.site.sessions.end(visit.request.cookies[name])
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(name, path="/", secure=is_https(visit.site.settings), httponly=True, samesite="strict")
    return answer


def here(visit: Visit) -> Response:
    """Say that they are logged in.

    A link from elsewhere comes without the cookie (SameSite=Strict): the page for logging in asks here once more.
    """
    return Response(status_code=204)


def _session(site: Site, request: Request, now: int) -> Session | None:
    cookie = request.cookies.get(cookie_name(site.settings))
    return None if not cookie else site.sessions.find(cookie, now)


async def _sent(request: Request) -> tuple[dict[str, str], tuple[str, bytes] | None]:
    form, file = {}, None
    async with request.form(max_files=1, max_fields=20) as sent:
        for name, value in sent.multi_items():
            if isinstance(value, UploadFile):
                file = (value.filename or "", await value.read())
            else:
                form[name] = value
    return form, file
