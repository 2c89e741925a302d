"""A desk with questions, people who may enter, and the pages in front of it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import orjson
import pytest
from starlette.testclient import TestClient

from streamssl.config import load_config
from streamssl.review.app import review_app
from streamssl.review.desk import Desk, take_requests
from streamssl.review.people import People
from streamssl.review.sessions import Sessions
from streamssl.review.site import Site
from streamssl.transport.base import Record

NOW = 1_800_000_000_000
HOST = "http://127.0.0.1:9465"
FROM_HERE = {"sec-fetch-site": "same-origin"}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


def request_record(number, **given):
    """Return a review request as the learner writes it; ``given`` replaces its parts."""
    features = given.get("features", {"amount": 10.0 * number, "country": "de", "note": f"note {number}"})
    guess = given.get("guess", ("spam", 0.7, {"spam": 0.7, "ham": 0.3}))
    value = {
        "request_id": given.get("request_id", f"r{number}"),
        "event": {
            "id": given.get("event_id", f"e{number}"),
            "time": "2027-01-01T08:00:00Z",
            "features": features,
        },
        "prediction": {"label": guess[0], "confidence": guess[1], "probabilities": guess[2]},
        "reason": given.get("reason", "random"),
        "propensity": 0.01,
        "key": given.get("key", float(number)),
        "answers": given.get("answers", 1),
        "expires": datetime.fromtimestamp(given.get("expires", NOW + 86_400_000) / 1_000, UTC).isoformat(),
    }
    return Record("review-requests", 0, number, given.get("came", NOW), b"", orjson.dumps(value))


class World:
    """Everything that a test of the pages needs."""

    def __init__(self, folder, sections=None):
        self.folder = folder
        self.config = load_config(None, {"state": {"directory": str(folder)}, **(sections or {})})
        self.clock = Clock()
        self.has_labels = threading.Event()
        self.desk = Desk(self.config, folder / "review.db", self.has_labels)
        self.people = People(folder / "people.json")
        self.tokens = {
            name: self.people.add(name, is_lead=name == "lea", expires=None) for name in ("ann", "bob", "lea")
        }
        hours = self.config.review_service.session_hours
        self.sessions = Sessions(self.desk, self.people, int(hours * 3_600_000))
        self.site = Site(self.config, self.desk, self.people, self.sessions, clock=self.clock)

    def ask(self, *records):
        with self.desk.database() as database:
            take_requests(database, records)

    def app(self, **more):
        return review_app(self.site._replace(**more))

    def client(self, name=None, **more):
        """Return a client; of somebody who is logged in, when they are named."""
        client = TestClient(self.app(**more), base_url=HOST, headers=FROM_HERE, follow_redirects=False)
        if name is not None:
            answer = client.post("/login", data={"token": self.tokens[name]})
            assert answer.status_code == 303, answer.text
        return client

    def labels(self):
        """Return what waits in the outbox."""
        with self.desk.database() as database:
            rows = database.rows("SELECT key, value FROM outbox ORDER BY number")
        return [(key.decode(), orjson.loads(value)) for key, value in rows]

    def close(self):
        self.desk.close()


@pytest.fixture
def make_world(tmp_path):
    made = []

    def make(**review_service):
        made.append(World(tmp_path / f"world-{len(made)}", {"review_service": review_service}))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def world(make_world):
    return make_world()
