"""How people do: everybody sees their own report, leads see everybody's.

What was answered is counted here; how often somebody is right is the learner's estimate, from its metrics.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from starlette.responses import Response

from streamssl.review import looks
from streamssl.review.decisions import Tally
from streamssl.review.people import Person
from streamssl.review.site import midnight
from streamssl.review.status import Watch
from streamssl.review.visits import Visit

FEWEST_DOUBLES = 20
"""Doubles below which a share of them says little."""


class Row(NamedTuple):
    """One person, in the leads' table."""

    name: str
    tally: Tally
    right: float | None
    """Share of their labels that the learner takes to be right; None where it does not say."""
    person: Person | None
    """None: may not enter (any more)."""


def own_report(watch: Watch, visit: Visit) -> Response:
    """Show somebody how they do."""
    tally = visit.site.desk.tally(visit.person.name, midnight(visit.now))
    return looks.page(
        "me.html",
        session=visit.session,
        here="me",
        tally=tally,
        right=_known(watch.reliability(visit.person.name, visit.now)),
        fewest=FEWEST_DOUBLES,
    )


def everybody(watch: Watch, visit: Visit) -> Response:
    """Show a lead how everybody does."""
    may_enter = {each.name: each for each in visit.site.people.all()}
    names = sorted({*visit.site.desk.people(), *may_enter}, key=str.casefold)
    since = midnight(visit.now)
    tally, now = visit.site.desk.tally, visit.now
    rows = [
        Row(name, tally(name, since), _known(watch.reliability(name, now)), may_enter.get(name)) for name in names
    ]
    return looks.page(
        "people.html", session=visit.session, here="people", rows=rows, now=visit.now, fewest=FEWEST_DOUBLES
    )


def _known(share: float) -> float | None:
    return None if math.isnan(share) else share
