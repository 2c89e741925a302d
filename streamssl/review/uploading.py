"""The page for files of labels, with a word on every line."""

from __future__ import annotations

from starlette.responses import Response

from streamssl.review import looks
from streamssl.review.desk import Refused
from streamssl.review.uploads import Report
from streamssl.review.visits import Visit


def upload_page(visit: Visit) -> Response:
    """Show the form."""
    return _page(visit)


def upload(visit: Visit) -> Response:
    """Enter a file's labels; say what became of each line."""
    if visit.site.upload is None:
        return _page(visit, problem="Files cannot be uploaded here.", status=404)
    name, data = visit.file or ("", b"")
    if not data:
        return _page(visit, problem="Choose a file first: what came was empty.", status=422)
    if len(data) > visit.site.settings.max_upload_bytes:
        return _page(visit, problem="The file is too long.", status=413)
    try:
        report = visit.site.upload(visit.person, data, name, visit.now)
    except Refused as error:
        return _page(visit, problem=f"Not kept: {error}.", status=409)
    return _page(visit, report=report, name=name)


def _page(
    visit: Visit, problem: str = "", status: int = 200, report: Report | None = None, name: str = ""
) -> Response:
    return looks.page(
        "upload.html",
        status,
        session=visit.session,
        here="upload",
        problem=problem,
        report=report,
        name=name,
        most=visit.site.settings.max_upload_bytes,
    )
