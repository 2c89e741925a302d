"""The JSON API, called as a script would."""

from pathlib import Path

import orjson
import pytest
from openapi_spec_validator import validate
from starlette.applications import Starlette
from starlette.testclient import TestClient

from streamssl.review.api import ENDPOINTS, Api
from streamssl.review.openapi import description
from streamssl.review.people import People
from tests.review.desks import HOUR, NOW, make_desk, outgoing, request, waiting


@pytest.fixture
def desk(tmp_path):
    return make_desk(tmp_path, request(1), request(2))


@pytest.fixture
def people(tmp_path):
    return People(tmp_path / "people.json")


@pytest.fixture
def client(desk, people):
    token = people.add("ann", is_lead=False, expires=NOW + HOUR)
    app = Starlette(routes=Api(desk, people, clock=lambda: NOW).routes())
    return TestClient(app, headers={"Authorization": f"Bearer {token}"})


def test_next_answer_correct_take_back(client, desk):
    question = client.get("/api/questions/next").json()
    assert (question["request_id"], question["features"]["text"]) == ("r1", "text 1")
    assert question["guess"] is None
    assert question["reason"] is None, "it would tell what the model is unsure of"
    entered = client.post("/api/questions/r1/answer", json={"label": "spam", "knows": 0}).json()
    assert entered["decision"]["label"] == "spam"
    assert entered["guess"]["label"] == "spam"
    stale = client.post("/api/questions/r1/answer", json={"label": "ham", "knows": 0})
    assert stale.status_code == 409
    number = entered["decision"]["number"]
    assert client.post("/api/questions/r1/answer", json={"label": "ham", "knows": number}).status_code == 200
    [decision] = client.get("/api/decisions").json()["decisions"]
    assert decision["label"] == "ham"
    assert client.delete(f"/api/decisions/{decision['number']}").json() == decision
    assert client.delete(f"/api/decisions/{decision['number']}").status_code == 404
    assert [each["label"] for each in outgoing(desk)] == ["spam", "ham", None]


def test_skip_until_there_is_nothing_else(client, desk):
    assert client.post("/api/questions/r1/skip").status_code == 204
    assert client.get("/api/questions/next").json()["request_id"] == "r2"
    for number in (1, 2):
        client.post(f"/api/questions/r{number}/answer", json={"abstain": True})
    nothing = client.get("/api/questions/next")
    assert (nothing.status_code, nothing.content) == (204, b"")


def test_events_with_odd_ids_and_volunteered_labels(client, desk):
    assert client.get("/api/events/e1").json()["questions"][0]["request_id"] == "r1"
    assert client.get("/api/events/a/b%20c?").json() == {"questions": []}
    assert client.post("/api/labels", json={"event_id": "a/b c", "not": ["spam"]}).json()["not"] == ["spam"]
    assert "request_id" not in outgoing(desk)[0]
    assert client.get("/api/classes").json() == {"classes": ["spam", "ham"]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{}", "exactly one"),
        ('{"label": "spam", "abstain": true}', "exactly one"),
        ('{"label": ""}', "label"),
        ('{"label": 7}', "label"),
        ('{"label": "spam", "knows": -1}', "knows"),
        ('{"label": "spam", "confidence": 1.5}', "confidence"),
        ('{"lable": "spam"}', "lable"),
        ("nonsense", "JSON"),
        ("", "JSON"),
    ],
)
def test_bodies_that_cannot_be_used_name_what_is_wrong(client, desk, body, field):
    refused = client.post("/api/questions/r1/answer", content=body)
    assert refused.status_code == 422
    assert field in refused.json()["error"]
    assert "Value error" not in refused.json()["error"]
    assert waiting(desk) == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/questions/r9"),
        ("DELETE", "/api/decisions/9"),
        ("DELETE", "/api/decisions/nine"),
        ("DELETE", f"/api/decisions/{'9' * 30}"),
    ],
)
def test_what_there_is_not(client, method, path):
    assert client.request(method, path).status_code == 404


def test_answering_a_question_that_there_is_not(client):
    assert client.post("/api/questions/r9/answer", json={"label": "spam"}).status_code == 404


def test_ten_megabytes(client, desk):
    refused = client.post("/api/questions/r1/answer", content=b"x" * 10_000_000)
    assert refused.status_code == 413
    assert waiting(desk) == 0


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic YW5uOmFubg=="])
def test_without_a_token_nothing_is_said(client, desk, header):
    client.headers.pop("Authorization")
    for endpoint in ENDPOINTS:
        path = endpoint.path.format(request_id="r1", number=1, event_id="e1")
        refused = client.request(
            endpoint.method, path, json={"label": "x"}, headers={} if header is None else {"Authorization": header}
        )
        assert refused.status_code == 401
        assert refused.json().keys() == {"error"}
        assert refused.headers["www-authenticate"] == "Bearer"
    assert waiting(desk) == 0


def test_a_token_that_was_taken_away_or_has_ended(desk, people, client):
    assert client.get("/api/classes").status_code == 200
    people.remove("ann")
    assert client.get("/api/classes").status_code == 401
    token = people.add("bob", is_lead=False, expires=NOW)
    assert client.get("/api/classes", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_the_description_is_valid_and_is_served(client):
    validate(description())
    assert client.get("/api/openapi.json", headers={"Authorization": ""}).json() == description()


def test_the_committed_description_is_this_one():
    committed = Path(__file__).parents[2] / "docs/reference/review-api.json"
    assert orjson.loads(committed.read_bytes()) == description(), "make docs"


def test_answers_are_as_described(client):
    """Every field that comes is described, and every described one comes."""
    schemas = description()["components"]["schemas"]
    question = client.get("/api/questions/next").json()
    assert question.keys() == schemas["QuestionModel"]["properties"].keys()
    entered = client.post("/api/questions/r1/answer", json={"label": "spam"}).json()
    assert entered.keys() == schemas["Entered"]["properties"].keys()
    assert entered["decision"].keys() == schemas["DecisionModel"]["properties"].keys()
