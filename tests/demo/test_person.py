"""A person in place of the simulated reviewer."""

import re
import signal
import subprocess
import sys
import time

import httpx
import pytest

from streamssl.demo.datasets import load
from streamssl.demo.person import Person
from streamssl.demo.stream import event_ids
from tests.integration.service import until


def test_what_a_person_says_is_told_apart():
    person = Person({"e1": "7", "e2": "1"})
    for number in (1, 2):
        person.ask(f"e{number}", f"r{number}", now=0.0)
    said = [
        {"event_id": "e1", "label": "1", "request_id": "r1"},
        {"event_id": "e1", "label": None, "request_id": "r1"},
        {"event_id": "e1", "label": "7", "request_id": "r1"},
        {"event_id": "e2", "abstain": True, "request_id": "r2"},
    ]
    kinds, waiting = zip(*((person.heard(each, 1.0).kind, person.waiting) for each in said), strict=True)
    assert kinds == ("mistake", "retraction", "correction", "abstention")
    assert waiting == (1, 2, 1, 0)
    assert person.answers(2.0) == []
    assert person.asked == 2


@pytest.fixture
def demo(tmp_path):
    """The demo on few digits, and a client that has the link's token."""
    log = tmp_path / "demo.log"
    command = [
        "demo",
        "--review",
        "--events",
        "120",
        "--rate",
        "60",
        "--no-live",
        "--output",
        str(tmp_path / "out"),
    ]
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "streamssl", *command], stdout=file, stderr=file)
    try:
        found = until(lambda: re.search(r"(http://\S+)/login#(\S+)", log.read_text()), 120, "the link")
        headers = {"Authorization": f"Bearer {found[2]}"}
        with httpx.Client(base_url=found[1], headers=headers, trust_env=False) as client:
            yield process, log, client
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(300)
def test_it_ends_when_everything_is_answered(demo):
    process, log, client = demo
    truth = load("digits", events=120, for_keys=True)
    right = dict(zip(event_ids(truth), (row.label for row in truth.rows), strict=True))
    answered = 0
    while process.poll() is None:
        try:
            question = client.get("/api/questions/next")
            if question.status_code == 200:
                event_id, request_id = question.json()["event_id"], question.json()["request_id"]
                client.post(f"/api/questions/{request_id}/answer", json={"label": right[event_id]})
                answered += 1
        except httpx.TransportError:
            break  # it has just ended
    assert process.wait(60) == 0, log.read_text()
    assert answered > 5
    text = log.read_text()
    assert "Events begin to come when you open it" in text
    assert re.search(rf"answers given +{answered} +0 wrong", text), text
    assert "accuracy of the twin" in text
    assert "next:           streamssl demo  " in text


@pytest.mark.timeout(300)
def test_ctrl_c_ends_it_with_the_table(demo):
    process, log, client = demo
    client.get("/login")
    until(lambda: "/120 events, " in log.read_text(), 60, "a line")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, log.read_text()
    assert "accuracy of the twin" in log.read_text()


@pytest.mark.timeout(300)
def test_no_event_comes_before_somebody_is_there(demo):
    process, log, _ = demo
    time.sleep(7)
    assert "/120 events, " not in log.read_text(), "a line is written every five seconds"
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, log.read_text()
    assert "it ended before the first event came" in log.read_text()
