"""The review service as a process: which threads it has, what it says of itself, and how it ends."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamssl.config import Config
from streamssl.connectors.listening import listening
from streamssl.connectors.parts import EXIT_FAILED, CommitLimit, begin, run_parts
from streamssl.connectors.pump import Pump
from streamssl.monitoring.review_service import CONTENT_TYPE, ReviewMetrics
from streamssl.review.api import Api
from streamssl.review.app import review_app
from streamssl.review.desk import Desk, take_requests
from streamssl.review.guideline import Guideline
from streamssl.review.people import People, PeopleError, people_file, review_folder
from streamssl.review.sessions import Sessions
from streamssl.review.site import Site
from streamssl.review.status import Watch
from streamssl.review.tables import TABLES
from streamssl.review.uploads import Uploads

log = logging.getLogger(__name__)

NAME = "review-service"
"""Its worker id: it has no digits at its end, see `streamssl.connectors.outbox.recover`."""
TIDY_SECONDS = 5.0
ANSWERS = ("/answer", "/api/questions/")
"""Paths of requests that may enter an answer, for the metrics."""


def run_review(
    config: Config, stop: threading.Event, commit_limit: CommitLimit, ready: Callable[[str], None] | None = None
) -> int:
    """Serve pages and API, take requests in and send labels until told to stop; return the exit code.

    Parameters
    ----------
    ready
        Called with the address once pages are served.
    """
    settings = config.review_service
    path = review_folder(config) / f"{NAME}.db"
    people = People(people_file(config))
    try:
        known = people.all()
    except PeopleError as error:
        log.error("%s", error)
        return EXIT_FAILED
    if not known:
        log.warning("nobody may enter yet: streamssl reviewers add NAME", extra={"people": str(people.path)})
    Guideline(settings.guideline).text()  # says in the log, here and not with the first "?", if it cannot be read
    has_labels = threading.Event()
    pump = Pump(config, NAME, path, take_requests, commit_limit)
    metrics = ReviewMetrics()
    with ExitStack() as stack:
        if (code := begin(stack, path, TABLES)) is not None:
            return code
        desk = stack.enter_context(closing(Desk(config, path, has_labels)))
        sessions = Sessions(desk, people, int(3_600_000 * settings.session_hours))
        site = Site(config, desk, people, sessions, Uploads(desk, config).enter)
        watch = Watch(config, desk)
        app = Measured(review_app(site, extra_routes=Api(desk, people).routes(), watch=watch), metrics)
        try:
            inside = stack.enter_context(
                listening(inner_app(metrics), settings.metrics.host, settings.metrics.port)
            )
            port = stack.enter_context(listening(app, settings.host, settings.port))
        except OSError as error:
            log.error("review_service: cannot listen: %s", error)
            return EXIT_FAILED
        url = settings.public_url or f"http://{settings.host}:{port}"
        log.info("reviewing", extra={"url": url, "metrics": f"http://{settings.metrics.host}:{inside}/metrics"})
        if ready is not None:
            ready(url)
        parts = [lambda: pump.run(stop, has_labels), lambda: _keep_tidy(desk, metrics, watch, stop)]
        return run_parts(stop, [has_labels], parts)


class Measured:
    """Counts an application's answers, and how long they take."""

    def __init__(self, app: ASGIApp, metrics: ReviewMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.monotonic(), 500

        async def count(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, count)
        finally:
            enters = scope["method"] == "POST" and scope["path"].startswith(ANSWERS)
            kind = "answer" if enters else "other"
            self._metrics.answered(kind, status, time.monotonic() - begun)


def inner_app(metrics: ReviewMetrics) -> Starlette:
    """Return what machines ask: metrics and probes, on an address of their own."""

    def measured(request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    def alive(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    # It listens once it is up: there is nothing else to be waited for.
    probes = [Route(f"/health/{probe}", alive) for probe in ("startup", "live", "ready")]
    return Starlette(routes=[Route("/metrics", measured), *probes])


def _keep_tidy(desk: Desk, metrics: ReviewMetrics, watch: Watch, stop: threading.Event) -> None:
    """Close what expires, say how things stand and look at the learner, until told to stop."""
    while True:
        now = int(1_000 * time.time())
        try:
            if expired := desk.tidy(now):
                log.info("questions expired", extra={"questions": expired})
            counts = desk.counts(now)
            watch.look(now)
        except sqlite3.OperationalError as error:  # a full disk: pages say so themselves
            log.error("the file of the review service: %s", error)
        else:
            oldest = counts.standing.oldest
            metrics.show(
                n_open=counts.standing.open,
                leased=counts.standing.leased,
                expired=counts.standing.expired,
                oldest_seconds=0.0 if oldest is None else max(0.0, (now - oldest) / 1_000),
                decisions=counts.decisions,
                unsent=counts.outbox,
            )
        if stop.wait(TIDY_SECONDS):
            return
