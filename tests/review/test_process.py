"""The review service as a process, between real topics: killed anywhere, no answer is lost and none is doubled."""

import signal
import uuid

import httpx
import pytest

from tests.connectors.topics import labels, request, said, send
from tests.integration.service import until
from tests.review.page import Page

KILLED = -signal.SIGKILL


@pytest.fixture(params=["sqlite", "kafka"])
def transport(request, tmp_path):
    if request.param == "sqlite":
        return {"sqlite": {"path": str(tmp_path / "topics.db")}}
    broker = request.getfixturevalue("kafka_broker")
    name = uuid.uuid4().hex[:8]
    roles = ("events", "labels", "predictions", "review_requests", "examples", "dead_letters", "journal")
    return {
        "transport": "kafka",
        "kafka": {"bootstrap_servers": broker, "group_id": name},
        "topics": {role: f"{name}-{role}" for role in roles},
    }


@pytest.fixture
def page(tmp_path, transport):
    with Page(tmp_path, **transport) as page:
        page.create_topics()
        yield page


def ask(page, numbers):
    send(page.config, page.config.topics.review_requests, [request(n, key=n) for n in numbers])


def next_question(client):
    """Wait for a question."""

    def look():
        answer = client.get("/api/questions/next")
        return answer.json() if answer.status_code == 200 else None

    return until(look, 30, "a question")


def persistently(page, call):
    """Call until it is answered; start the page again when it has ended."""

    def attempt():
        try:
            return call()
        except httpx.TransportError:
            is_up_again(page)
            return None

    return until(attempt, 60, "an answer")


def answer_one(page, client, label):
    """Answer the next question, and return which it was."""
    question = persistently(page, lambda: next_question(client))
    path, body = f"/api/questions/{question['request_id']}/answer", {"label": label, "knows": 0}
    answer = persistently(page, lambda: client.post(path, json=body))
    assert answer.status_code == 200, answer.text
    return question["request_id"]


def is_up_again(page):
    """Start the page again when it was killed."""
    if page.process.poll() is not None:
        assert page.process.returncode == KILLED
        page.kills += 1
        page.start()
    return True


SQLITE_ONLY = pytest.mark.parametrize("transport", ["sqlite"], indirect=True)


def test_there_and_back_and_an_end_as_asked(page):
    ask(page, [2, 1])
    page.start()
    with page.client("ann") as ann:
        question = next_question(ann)
        until(lambda: len(ann.get("/api/events/event-2").json()["questions"]) == 1, 30, "both")
        assert question["request_id"] in ("request-1", "request-2")
        ann.post(f"/api/questions/{question['request_id']}/answer", json={"label": "spam"})
        [label] = until(lambda: labels(page.config), 30, "the label")
        assert (label["request_id"], label["label"], label["annotator"]) == (question["request_id"], "spam", "ann")
        text = httpx.get(f"{page.metrics_url}/metrics", trust_env=False).text
        assert 'streamssl_review_http_requests_total{status="2xx"}' in text
        until(
            lambda: (
                "streamssl_review_decisions 1.0" in httpx.get(f"{page.metrics_url}/metrics", trust_env=False).text
            ),
            20,
            "the gauge",
        )
    assert page.stop() == 0


@pytest.mark.parametrize(
    ("transport", "point"),
    [
        *(
            ("sqlite", point)
            for point in ("answer-1-kept", "answer-2-committed", "commit-2-sent", "round-3-committed")
        ),
        ("kafka", "answer-1-kept"),
        ("kafka", "commit-3-journalled"),
        ("kafka", "round-3-committed"),
    ],
    indirect=["transport"],
)
def test_killed_in_mid_answer(page, point):
    """Whoever asks again until there is an answer has said it once, wherever the process was killed."""
    ask(page, range(3))
    page.start(fail_point=f"{point}:2" if point.startswith("answer") else point)
    with page.client("ann") as ann:
        given = {}
        for label in ("spam", "ham", "spam"):
            given[answer_one(page, ann, label)] = label
        until(lambda: is_up_again(page) and page.kills == 1, 30, "the kill")
        ask(page, [3])
        given[answer_one(page, ann, "ham")] = "ham"  # the last: what comes before it has been sent
        until(lambda: len(labels(page.config)) >= 4, 60, "all labels")
        assert page.stop() == 0
    found = labels(page.config)
    assert len(given) == 4
    assert sorted((each["request_id"], said(each)) for each in found) == sorted(given.items()), "once each"


def test_labels_given_while_the_topics_are_away_are_sent_later(tmp_path):
    """The page takes answers although nobody can take the labels."""
    sections = {"sqlite": {"path": str(tmp_path / "topics.db")}}
    with Page(tmp_path, **sections) as page:
        page.create_topics()
        ask(page, [1])
        page.start()
        with page.client("ann") as ann:
            next_question(ann)
            away = tmp_path / "away.db"
            (tmp_path / "topics.db").rename(away)
            page.kill()
            page.start()
            answer = ann.post("/api/questions/request-1/answer", json={"label": "spam"})
            assert answer.status_code == 200
            page.kill()
            for beside in tmp_path.glob("topics.db*"):
                beside.unlink()
            away.rename(tmp_path / "topics.db")
            page.start()
            [label] = until(lambda: labels(page.config), 30, "the label")
            assert label["label"] == "spam"


@SQLITE_ONLY
def test_a_second_process_on_the_same_file_does_not_start(page):
    page.start()
    second = Page.__new__(Page)
    second.__dict__ |= page.__dict__
    second.log = page.log.with_name("second.log")
    second.start(wait=False)
    assert second.process.wait(60) == 1
    assert "in use by another process" in second.log.read_text()


@SQLITE_ONLY
def test_a_state_directory_that_cannot_be_made_is_said_in_a_line(tmp_path, transport):
    (tmp_path / "file").touch()
    with Page(tmp_path, **transport, state={"directory": str(tmp_path / "file/state")}) as page:
        page.start(wait=False)
        assert page.process.wait(60) == 1
        assert "Not a directory" in page.log.read_text()
        assert "Traceback" not in page.log.read_text()


@SQLITE_ONLY
def test_a_guideline_that_cannot_be_read_is_said_at_the_start(tmp_path, transport):
    with Page(tmp_path, **transport, review_service={"guideline": str(tmp_path / "none.txt")}) as page:
        page.create_topics()
        page.start()
        assert "the guideline cannot be read" in page.log.read_text()


@SQLITE_ONLY
def test_without_anybody_it_says_how_to_let_somebody_in(page):
    page.start()
    assert "streamssl reviewers add" in page.log.read_text()
    assert httpx.get(f"{page.url}/api/classes", trust_env=False).status_code == 401
