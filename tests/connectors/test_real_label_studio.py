"""Against a real Label Studio: ``pytest -m long tests/connectors`` installs and starts one."""

import time

import pytest

from streamssl.config import load_config
from streamssl.runtime.topics import check_topics
from streamssl.transport import connect
from tests.connectors.connector import Connector
from tests.connectors.real_label_studio import LEAD, LabelStudio, Project, installed
from tests.connectors.topics import labels, repeats, request, send, standing
from tests.integration.service import free_port, until

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
ANN = LEAD[0]


@pytest.fixture(scope="module")
def studio(request, tmp_path_factory):
    studio = LabelStudio(installed(request.config.cache.mkdir("connectors")), tmp_path_factory.mktemp("studio"))
    yield studio.start()
    studio.kill()


@pytest.fixture(scope="module")
def token(studio):
    return studio.personal_token()


@pytest.fixture
def project(studio, token):
    return Project(studio, token)


@pytest.fixture
def connector_of(studio, token, project, tmp_path):
    started = []

    def make(**more):
        section = {"url": studio.url, "project": project.id, "token": token, "poll_seconds": 0.5}
        sections = {
            "sqlite": {"path": str(tmp_path / "topics.db")},
            "state": {"directory": str(tmp_path / "state")},
            "logging": {"format": "json"},
            "connectors": {"label_studio": section | more},
        }
        config = load_config(None, sections)
        check_topics(connect(config), config)
        started.append(Connector("label-studio", tmp_path, sections))
        return started[-1], config

    yield make
    for connector in started:
        if connector.process and connector.process.poll() is None:
            connector.kill()


def ask(config, numbers):
    send(config, "review-requests", [request(number, key=1 - number / 1_000) for number in numbers])


def named(numbers):
    return {f"request-{number}" for number in numbers}


def test_push_annotate_change_skip_and_delete(connector_of, project):
    connector, config = connector_of()
    ask(config, range(12))
    connector.start()
    until(lambda: project.tasks().keys() == named(range(12)), 60, "pushed")
    tasks = project.tasks()
    served = project.next_task()
    assert served["meta"]["streamssl"]["request_id"] == "request-11", "the smallest key comes first"
    assert served["data"]["text"] == "text 11"
    assert all(task["predictions"][0]["result"] == [] for task in tasks.values()), "no guess is there to be seen"

    spam = project.annotate(tasks["request-0"]["id"], "spam")
    project.annotate(tasks["request-1"]["id"])
    ham = project.annotate(tasks["request-2"]["id"], "ham")
    many = [tasks[name]["id"] for name in ("request-3", "request-4")]
    for task_id in many:
        project.annotate(task_id, "spam")
    expected = {"event-0": "spam", "event-1": "?", "event-2": "ham", "event-3": "spam", "event-4": "spam"}
    until(lambda: standing(labels(config)) == {(e, ANN): c for e, c in expected.items()}, 60, "labelled")
    assert {each["request_id"] for each in labels(config)} == named(range(5))

    project.change(spam, "ham")
    project.delete(ham)
    project.delete_all_of(many)
    until(lambda: standing(labels(config)) == {("event-0", ANN): "ham", ("event-1", ANN): "?"}, 60, "told")
    assert repeats(labels(config)) == []
    assert connector.stop() == 0


def test_a_webhook_is_a_hint_and_the_clock_is_the_rest(connector_of, project):
    port = free_port()
    connector, config = connector_of(poll_seconds=3600, hook_port=port, hook_secret="a secret")
    project.hook(f"http://127.0.0.1:{port}/", "a secret")
    ask(config, range(3))
    connector.start()
    until(lambda: project.tasks().keys() == named(range(3)), 60, "pushed")
    tasks = project.tasks()
    begun = time.monotonic()
    annotation = project.annotate(tasks["request-0"]["id"], "spam")
    until(lambda: standing(labels(config)) == {("event-0", ANN): "spam"}, 30, "labelled")
    print(f"annotated to labelled, by webhook: {time.monotonic() - begun:.2f} s")
    project.delete(annotation)
    until(lambda: standing(labels(config)) == {}, 30, "retracted")

    connector.kill()  # what is said now, no webhook will say again
    project.annotate(tasks["request-1"]["id"], "ham")
    connector.start()
    until(lambda: standing(labels(config)) == {("event-1", ANN): "ham"}, 60, "labelled")
    assert repeats(labels(config)) == []


def test_both_sides_are_killed_and_come_back(connector_of, project, studio):
    connector, config = connector_of()
    ask(config, range(5))
    connector.start()
    until(lambda: project.tasks().keys() == named(range(5)), 60, "pushed")
    tasks = project.tasks()
    project.annotate(tasks["request-0"]["id"], "spam")
    studio.kill()
    ask(config, range(5, 8))
    until(lambda: "waiting for Label Studio" in connector.log.read_text(), 60, "said")
    connector.kill()
    connector.start()
    studio.start()
    until(lambda: project.tasks().keys() == named(range(8)), 120, "pushed")
    for point in ("commit-2-sent", "round-3-committed"):
        connector.kill()
        project.annotate(tasks[{"c": "request-1", "r": "request-2"}[point[0]]]["id"], "ham")
        connector.start(fail_point=point)
        assert connector.ends() == -9
        connector.start()
    expected = {("event-0", ANN): "spam", ("event-1", ANN): "ham", ("event-2", ANN): "ham"}
    until(lambda: standing(labels(config)) == expected, 60, "labelled")
    assert len(labels(config)) == 3


def test_a_thousand_requests_and_killed_while_they_are_pushed(connector_of, project):
    connector, config = connector_of()
    ask(config, range(1_000))
    begun = time.monotonic()
    connector.start()
    for least in (1, 300, 600):
        until(lambda least=least: project.count() >= least, 120, "pushing")
        connector.kill()
        connector.start()
    until(lambda: project.count() == 1_000, 300, "pushed")
    print(f"1,000 requests pushed, killed three times: {time.monotonic() - begun:.1f} s")
    assert project.tasks().keys() == named(range(1_000))
