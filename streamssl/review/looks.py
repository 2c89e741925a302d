"""Templates, and what lies beside them: every page is made here, and escaped."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from streamssl.review.sessions import Session

_HERE = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FILES = {path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir()) if path.suffix in _TYPES}
_AS_OF = hashlib.sha256(b"".join(_FILES.values())).hexdigest()[:12]


def ago(milliseconds: float) -> str:
    """Return how long something is ago.

    Examples
    --------
    >>> [ago(1_000 * each) for each in (2, 80, 7_300, 200_000)]
    ['just now', '1 min ago', '2 h ago', '2 days ago']
    """
    seconds = milliseconds / 1_000
    if seconds < 60:
        return "just now"
    for unit, length, until in (("min", 60, 3_600), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{seconds // 86_400:.0f} days ago"


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals |= {"as_of": _AS_OF}


def fragment(template: str, **values: Any) -> str:
    """Return a part of a page."""
    return _ENVIRONMENT.get_template(template).render(values)


def page(
    template: str,
    status: int = 200,
    headers: dict[str, str] | None = None,
    session: Session | None = None,
    **values: Any,
) -> Response:
    """Return a page; without a session it has no menu."""
    values = {"session": session, "problem": "", "here": ""} | values
    return HTMLResponse(fragment(template, **values), status, headers)


def problem(status: int, words: str, session: Session | None = None) -> Response:
    """Return a page that says what is wrong."""
    return page("problem.html", status, session=session, words=words, code=status)


async def static(request: Request) -> Response:
    """Return a file of the pages' looks. Its address changes with it, so browsers may keep it."""
    name = request.path_params["name"]
    if name not in _FILES:
        return problem(404, "There is nothing here.")
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(_FILES[name], media_type=_TYPES[Path(name).suffix], headers=headers)
