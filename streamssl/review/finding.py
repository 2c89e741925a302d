"""Looking for an event by its id, and saying something of it without having been asked."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from streamssl.review import looks
from streamssl.review.desk import Refused
from streamssl.review.reviewing import Reviewing, said_of
from streamssl.review.visits import Visit


def search(reviewing: Reviewing, visit: Visit, problem: str = "") -> Response:
    """Show every question about an event, with what the one who looks said of it: never what others did."""
    event_id = (visit.form.get("event_id") or visit.request.query_params.get("id", "")).strip()
    desk, name = visit.site.desk, visit.person.name
    return looks.page(
        "search.html",
        409 if problem else 200,
        session=visit.session,
        here="search",
        event_id=event_id,
        found=desk.search(name, event_id, visit.now) if event_id else [],
        volunteered=desk.volunteered(name, event_id) if event_id else None,
        classes=reviewing.classes(),
        link=reviewing.event_link(event_id) if event_id else None,
        now=visit.now,
        problem=problem,
    )


def volunteer(reviewing: Reviewing, visit: Visit) -> Response:
    """Keep what somebody says of an event that nobody asked about, or take it back."""
    event_id, name = visit.form.get("event_id", "").strip(), visit.person.name
    desk, said = visit.site.desk, said_of(visit.form, visit.site.desk.classes)
    try:
        if "number" in visit.form:
            desk.take_back(name, visit.number("number") or 0, visit.now)
        elif said is None or not event_id:
            return search(reviewing, visit, "Say of which event, and a class.")
        else:
            desk.volunteer(name, event_id, said, visit.now)
    except Refused as error:
        return search(reviewing, visit, f"Not kept: {error}.")
    return RedirectResponse(f"/search?{urlencode({'id': event_id})}", 303)
