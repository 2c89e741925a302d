"""The review service's application: where each page lies, behind the same doors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from streamssl.review import finding, looks, reports, uploading, visits
from streamssl.review.doors import Doors
from streamssl.review.reviewing import Reviewing
from streamssl.review.site import Site
from streamssl.review.status import Watch, status
from streamssl.review.visits import Visit, visiting

API = "/api/"
"""Paths below are not for browsers: no cookies, no forms, errors in JSON."""


def review_app(site: Site, extra_routes: Sequence[BaseRoute] = (), watch: Watch | None = None) -> Starlette:
    """Return the application.

    Parameters
    ----------
    site
        What it works with.
    extra_routes
        Further routes, below `API`; they pass the same doors (host, sizes, headers), and see to it themselves who
        asks.
    watch
        What the status page shows; None: made here.
    """
    reviewing = Reviewing(site)
    watching = watch or Watch(site.config, site.desk)

    def get(path: str, answer: Callable[[Visit], Response], *, leads_only: bool = False) -> Route:
        return Route(path, visiting(site, answer, leads_only=leads_only), methods=["GET"])

    def post(path: str, answer: Callable[[Visit], Response]) -> Route:
        return Route(path, visiting(site, answer), methods=["POST"])

    routes = [
        Route("/static/{name}", looks.static, methods=["GET"]),
        Route("/login", visits.login_page(site), methods=["GET"]),
        Route("/login", visits.login(site), methods=["POST"]),
        post("/logout", visits.logout),
        get("/here", visits.here),
        get("/", reviewing.look),
        get("/picture", reviewing.picture),
        get("/help", reviewing.help),
        post("/answer", reviewing.answer),
        post("/skip", reviewing.skip),
        post("/undo", reviewing.undo),
        post("/renew", reviewing.renew),
        get("/search", partial(finding.search, reviewing)),
        post("/volunteer", partial(finding.volunteer, reviewing)),
        get("/upload", uploading.upload_page),
        post("/upload", uploading.upload),
        get("/me", partial(reports.own_report, watching)),
        get("/people", partial(reports.everybody, watching), leads_only=True),
        get("/status", partial(status, watching)),
        *extra_routes,
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Doors, settings=site.settings, uploads=frozenset({"/upload"}))],
        exception_handlers={HTTPException: _http_error},
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith(API):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    words = {404: "There is nothing here.", 405: "This cannot be done here."}.get(error.status_code, error.detail)
    return looks.problem(error.status_code, words)
