"""Requests become tasks once, annotations become labels once, whatever breaks on the way."""

import threading
from contextlib import closing, suppress

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamssl.config import load_config
from streamssl.connectors import outbox
from streamssl.connectors.database import Database
from streamssl.connectors.label_studio import client as client_module
from streamssl.connectors.label_studio import studio as studio_module
from streamssl.connectors.label_studio import tasks
from streamssl.connectors.label_studio.client import Away, Client, Refused
from streamssl.connectors.label_studio.studio import Studio, take_requests
from streamssl.connectors.label_studio.tables import TABLES
from streamssl.runtime.topics import check_topics
from streamssl.transport import connect
from streamssl.transport.base import Record, Subscription
from tests.connectors.stand_in import USERS, StandIn
from tests.connectors.topics import labels, repeats, request, said, standing


class Bench:
    """The connector's parts in this process; `reopen` is what a kill and a new start leave of them."""

    def __init__(self, config, stand_in, path):
        self.config, self.stand_in, self.path = config, stand_in, path
        self.transport = connect(config)
        self.offset = 0
        self.open()

    def open(self):
        label_studio = self.config.connectors.label_studio
        self.database = Database(self.path, TABLES)
        self.client = Client(label_studio.url, label_studio.token.get_secret_value(), label_studio.project)
        self.studio = Studio(self.config, self.client, self.database, threading.Event())
        tasks.try_refused_again(self.database)
        self.worker = self.transport.worker(Subscription("connector", "connectors", (), (), "journal"))
        outbox.recover(self.database, self.worker, self.transport, "journal")

    def close(self):
        self.worker.close()
        self.database.close()
        self.client.close()

    def reopen(self):
        self.close()
        self.open()

    def ask(self, number, **options):
        with self.database.transaction():
            record = Record("review-requests", 0, self.offset, 0, None, request(number, **options))
            take_requests(self.config, self.database, [record])
        self.offset += 1

    def publish(self):
        while outbox.publish(self.database, self.worker, "labels"):
            pass

    def turn(self):
        """Do what the connector's threads do, once."""
        self.studio.look()
        self.studio.push()
        self.publish()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """An import that was cut off is looked for at once; a slow answer is too slow after a moment."""
    monkeypatch.setattr(studio_module, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(client_module, "REQUEST_SECONDS", 0.3)


@pytest.fixture
def bench(config, stand_in, tmp_path):
    bench = Bench(config, stand_in, tmp_path / "connector.db")
    yield bench
    bench.close()
    bench.transport.close()


def test_an_answer_becomes_a_label(bench, stand_in, config):
    bench.ask(1)
    bench.turn()
    stand_in.annotate(stand_in.task_of("request-1"), "spam")
    bench.turn()
    [label] = labels(config)
    assert isinstance(label.pop("time"), int)
    assert label == {
        "event_id": "event-1",
        "label": "spam",
        "annotator": "ann@example.org",
        "request_id": "request-1",
    }
    bench.turn()
    assert len(labels(config)) == 1


def test_a_changed_mind_a_skip_and_a_deletion(bench, stand_in, config):
    bench.ask(1)
    bench.turn()
    annotation = stand_in.annotate(stand_in.task_of("request-1"), "spam")
    bench.turn()
    stand_in.change(annotation, "ham")
    bench.turn()
    stand_in.change(annotation, None)
    bench.turn()
    stand_in.delete(annotation)
    bench.turn()
    told = labels(config)
    assert [said(each) for each in told] == ["spam", "ham", "?", None]
    assert {each["annotator"] for each in told} == {"ann@example.org"}, "a retraction takes back only theirs"
    assert told[-1]["label"] is None


def test_what_happens_between_two_looks_is_told_by_its_end(bench, stand_in, config):
    bench.ask(1)
    bench.turn()
    task = stand_in.task_of("request-1")
    stand_in.change(stand_in.annotate(task, "spam"), "ham")
    stand_in.delete(stand_in.annotate(task, "spam", user=2))
    bench.turn()
    assert standing(labels(config)) == {("event-1", "ann@example.org"): "ham"}
    assert len(labels(config)) == 1


def test_of_two_annotations_by_one_person_the_newer_stands(bench, stand_in, config):
    bench.ask(1)
    bench.turn()
    task = stand_in.task_of("request-1")
    older = stand_in.annotate(task, "spam")
    newer = stand_in.annotate(task, "ham")
    bench.turn()
    stand_in.delete(newer)
    bench.turn()
    stand_in.delete(older)
    bench.turn()
    assert [said(each) for each in labels(config)] == ["ham", "spam", None]


def test_of_two_annotations_by_one_person_the_one_changed_last_stands(bench, stand_in, config):
    bench.ask(1)
    bench.turn()
    task = stand_in.task_of("request-1")
    first = stand_in.annotate(task, "spam")
    stand_in.annotate(task, "ham")
    bench.turn()
    stand_in.change(first, "spam")
    bench.turn()
    assert [said(each) for each in labels(config)] == ["ham", "spam"]


def test_two_people_are_two_annotators(bench, stand_in, config):
    bench.ask(1)
    bench.turn()
    for user, choice in ((1, "spam"), (2, "ham")):
        stand_in.annotate(stand_in.task_of("request-1"), choice, user)
    bench.turn()
    assert standing(labels(config)) == {("event-1", USERS[1]): "spam", ("event-1", USERS[2]): "ham"}


def test_an_event_asked_about_twice_keeps_the_answer_that_is_left(bench, stand_in, config):
    bench.ask(1)
    with bench.database.transaction():
        again = request(1).replace(b"request-1", b"request-2")
        take_requests(config, bench.database, [Record("review-requests", 0, 9, 0, None, again)])
    bench.turn()
    stand_in.annotate(stand_in.task_of("request-1"), "spam")
    second = stand_in.annotate(stand_in.task_of("request-2"), "ham")
    bench.turn()
    stand_in.delete(second)
    bench.turn()
    assert standing(labels(config)) == {("event-1", USERS[1]): "spam"}


@pytest.mark.parametrize("choices", [[], ["spam", "ham"], [["spam"]], [7], "spam", None])
def test_an_annotation_without_the_one_class_says_nothing_and_takes_back_what_was_said(
    bench, stand_in, config, choices
):
    bench.ask(1)
    bench.turn()
    annotation = stand_in.annotate(stand_in.task_of("request-1"), "spam")
    bench.turn()
    stand_in.change(annotation, "ham")
    [task] = stand_in.tasks.values()
    task["annotations"][0]["result"][0]["value"] = {"choices": choices} if choices is not None else None
    bench.turn()
    assert [said(each) for each in labels(config)] == ["spam", None]


def test_a_class_that_is_no_name_does_not_hold_up_the_others(bench, stand_in, config):
    for number in range(2):
        bench.ask(number)
    bench.turn()
    stand_in.annotate(stand_in.task_of("request-0"), "x" * 300)
    stand_in.annotate(stand_in.task_of("request-1"), "spam")
    bench.turn()
    assert standing(labels(config)) == {("event-1", USERS[1]): "spam"}


def test_a_task_of_others_is_left_alone(bench, stand_in, config):
    bench.ask(1)
    bench.turn()
    [task] = stand_in.tasks.values()
    stand_in.tasks[99] = task | {"id": 99, "meta": {}, "annotations": []}
    stand_in.annotate(99, "spam")
    bench.turn()
    assert labels(config) == []


def test_a_deleted_task_keeps_its_label(bench, stand_in, config):
    bench.ask(1)
    bench.turn()
    stand_in.annotate(stand_in.task_of("request-1"), "spam")
    bench.turn()
    stand_in.tasks.clear()
    bench.turn()
    assert [said(each) for each in labels(config)] == ["spam"]


def test_a_task_is_believed_by_its_number_not_by_a_meta_that_was_edited(bench, stand_in, config):
    bench.ask(1)
    bench.turn()
    [task] = stand_in.tasks.values()
    task["meta"] = {"streamssl": {"event_id": "another", "request_id": "request-1"}}
    stand_in.annotate(task["id"], "spam")
    bench.turn()
    assert [each["event_id"] for each in labels(config)] == ["event-1"]


def test_the_smallest_keys_are_pushed_first_and_scored(bench, monkeypatch):
    monkeypatch.setattr(studio_module, "MOST_PUSHED", 2)
    bench.reopen()
    bodies = []
    imported = bench.client.import_tasks
    monkeypatch.setattr(bench.client, "import_tasks", lambda given: bodies.append(given) or imported(given))
    for number, key in enumerate((0.5, 0.1, 0.9)):
        bench.ask(number, key=key)
    bench.turn()
    scores = [[body["predictions"][0]["score"] for body in each] for each in bodies]
    assert scores == [[0.1, 0.5], [0.9]]
    assert all(body["predictions"][0]["result"] == [] for each in bodies for body in each), "no guess goes along"


def test_the_guess_goes_along_if_it_is_to_be_shown_and_then_labels_say_so(sections, stand_in, tmp_path):
    sections["connectors"]["label_studio"] |= {"show_guess": True, "classes": {"Junk": "spam"}}
    config = load_config(None, sections)
    with closing(connect(config)) as transport:
        check_topics(transport, config)
    bench = Bench(config, stand_in, tmp_path / "connector.db")
    bodies = []
    imported = bench.client.import_tasks
    bench.client.import_tasks = lambda given: bodies.append(given) or imported(given)
    bench.ask(1)
    bench.turn()
    [[body]] = bodies
    assert body["predictions"][0]["result"][0]["value"] == {"choices": ["Junk"]}
    stand_in.annotate(stand_in.task_of("request-1"), "Junk")
    bench.turn()
    [label] = labels(config)
    assert (label["label"], label["seen_prediction"]) == ("spam", True)
    bench.close()


def test_an_expired_request_is_not_pushed(bench, stand_in):
    bench.ask(1, expires="2020-01-01T00:00:00.000Z")
    bench.ask(2)
    bench.turn()
    assert [task["meta"]["streamssl"]["request_id"] for task in stand_in.tasks.values()] == ["request-2"]


def test_one_bad_task_does_not_hold_up_the_others_and_is_tried_again(bench, stand_in):
    stand_in.refuses = lambda body: "text" not in body["data"]
    for number in range(7):
        bench.ask(number, **({"other": 1} if number == 3 else {"text": "x"}))
    bench.turn()
    assert len(stand_in.tasks) == 6
    stand_in.refuses = lambda body: False
    bench.reopen()
    bench.turn()
    assert len(stand_in.tasks) == 7
    assert stand_in.task_of("request-3")


@pytest.mark.parametrize("fault", ["500", "cut", "lost", "slow"])
@pytest.mark.parametrize("killed", [False, True])
def test_an_import_that_is_cut_off_makes_no_task_twice_and_none_is_missing(bench, stand_in, fault, killed):
    bench.studio.look()
    for number in range(5):
        bench.ask(number)
    stand_in.faults.append(fault)
    with pytest.raises(Away):
        bench.studio.push()
    if killed:
        bench.reopen()
    bench.studio.push()
    found = sorted(task["meta"]["streamssl"]["request_id"] for task in stand_in.tasks.values())
    assert found == [f"request-{number}" for number in range(5)]
    assert tasks.unresolved(bench.database) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"event": {"id": "event-1", "features": None}},
        {"event": {"id": "event-1", "features": "text"}},
        {"event": "event-1"},
        {"prediction": None},
        {"expires": 7},
        {"key": {}},
    ],
)
def test_a_record_that_is_no_request_is_passed_over(sections, stand_in, tmp_path, changed):
    """It would be there again at the next start, and the next."""
    sections["connectors"]["label_studio"]["show_guess"] = True
    config = load_config(None, sections)
    with closing(connect(config)) as transport:
        check_topics(transport, config)
    bench = Bench(config, stand_in, tmp_path / "connector.db")
    bad = orjson.dumps(orjson.loads(request(1)) | changed)
    with bench.database.transaction():
        take_requests(config, bench.database, [Record("review-requests", 0, 0, 0, None, bad)])
    bench.ask(2)
    bench.turn()
    assert [task["meta"]["streamssl"]["request_id"] for task in stand_in.tasks.values()] == ["request-2"]
    bench.close()


def test_an_import_may_be_at_work_for_a_minute_after_it_was_given_up_on(bench, stand_in, monkeypatch):
    """It was begun long before: it is given up on when no answer has come for a minute."""
    monkeypatch.setattr(studio_module, "SETTLED_SECONDS", 60.0)
    bench.studio.look()
    bench.ask(1)
    begun = studio_module.time.time()
    stand_in.faults.append("cut")
    clock = iter([begun - 100])
    monkeypatch.setattr(studio_module.time, "time", lambda: next(clock, begun))
    with pytest.raises(Away):
        bench.studio.push()
    bench.studio.push()
    assert stand_in.imports == []


def test_nothing_is_pushed_while_an_import_may_still_be_at_work(bench, stand_in, monkeypatch):
    monkeypatch.setattr(studio_module, "SETTLED_SECONDS", 60.0)
    bench.studio.look()
    bench.ask(1)
    stand_in.faults.append("cut")
    with pytest.raises(Away):
        bench.studio.push()
    bench.studio.push()
    assert stand_in.imports == []


def test_a_look_goes_on_where_it_was_cut_off(bench, stand_in, config, monkeypatch):
    monkeypatch.setattr(studio_module, "MOST_READ", 3)
    for number in range(10):
        bench.ask(number)
    bench.turn()
    for number in range(10):
        stand_in.annotate(stand_in.task_of(f"request-{number}"), "spam")
    for fault in ("cut", "500", "slow", "lost"):
        stand_in.faults.extend([None, fault])
        with pytest.raises(Away):
            bench.studio.look()
    bench.turn()
    assert len(standing(labels(config))) == 10
    assert repeats(labels(config)) == []


def test_more_changes_at_one_moment_than_fit_an_answer(bench, stand_in, config, monkeypatch):
    monkeypatch.setattr(studio_module, "MOST_READ", 2)
    for number in range(9):
        bench.ask(number)
    bench.turn()
    for number in range(9):
        stand_in.annotate(stand_in.task_of(f"request-{number}"), "spam")
    for task in stand_in.tasks.values():
        task["updated_at"] = "2026-11-23T17:00:00Z"
    bench.reopen()
    bench.database.remember("cursor", None)
    bench.turn()
    assert len(standing(labels(config))) == 9


def test_a_change_that_can_be_seen_only_later_is_not_passed_over(bench, stand_in, config):
    for number in range(2):
        bench.ask(number)
    bench.turn()
    late, soon = stand_in.task_of("request-0"), stand_in.task_of("request-1")
    stand_in.annotate(late, "spam")
    hidden = stand_in.tasks.pop(late)  # its transaction has not committed yet
    stand_in.annotate(soon, "spam")
    bench.turn()
    stand_in.tasks[late] = hidden
    bench.turn()
    assert len(standing(labels(config))) == 2


def test_when_nothing_changes_any_more_little_is_read(bench, stand_in, monkeypatch):
    monkeypatch.setattr(studio_module, "OVERLAP_SECONDS", 0.2)
    for number in range(50):
        bench.ask(number)
    bench.turn()
    read = []
    updated = bench.client.updated_since
    monkeypatch.setattr(bench.client, "updated_since", lambda *given: read.append(updated(*given)) or read[-1])
    bench.studio.look()
    studio_module.time.sleep(0.25)
    bench.studio.look()
    bench.studio.look()
    assert len(read[0]) == 50
    assert len(read[-1]) == 1


@pytest.mark.parametrize(
    ("token", "refused"), [("header.claims.refresh", False), ("legacy", False), ("a.b.c", True)]
)
def test_tokens(stand_in, token, refused):
    with closing(Client(stand_in.url, token, 7)) as client:
        if refused:
            with pytest.raises(Refused, match="401"):
                client.updated_since(None, 10)
        else:
            assert client.updated_since(None, 10) == []


def test_an_access_token_that_was_taken_back_is_renewed(stand_in):
    with closing(Client(stand_in.url, stand_in.token, 7)) as client:
        client.updated_since(None, 10)
        client._access = "header.claims.old"
        assert client.updated_since(None, 10) == []
    assert stand_in.asked.count("/api/token/refresh/") == 2


def test_a_wrong_project_is_said_and_nothing_is_given_up(sections, stand_in, tmp_path):
    sections["connectors"]["label_studio"]["project"] = 8
    config = load_config(None, sections)
    with closing(connect(config)) as transport:
        check_topics(transport, config)
    bench = Bench(config, stand_in, tmp_path / "connector.db")
    bench.ask(1)
    with pytest.raises(Refused, match="No Project matches"):
        bench.studio.push()
    assert tasks.count(bench.database, "waiting") == 1
    bench.close()


ACTIONS = st.one_of(
    st.tuples(st.just("ask")),
    st.tuples(st.just("annotate"), st.integers(0, 9), st.sampled_from(["spam", "ham", None]), st.integers(1, 2)),
    st.tuples(st.just("change"), st.integers(0, 9), st.sampled_from(["spam", "ham", None])),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("talk"), st.lists(st.sampled_from([None, None, "500", "cut", "lost"]), max_size=4)),
    st.tuples(st.just("publish")),
    st.tuples(st.just("killed before the commit")),
    st.tuples(st.just("killed after the commit")),
    st.tuples(st.just("killed")),
)


class Killed(Exception):
    pass


def publish_and_be_killed(bench, commits):
    """Publish, and end right before or right after the transaction."""
    commit = bench.worker.commit

    def cut_off(*given):
        if commits:
            commit(*given)
        raise Killed

    bench.worker.commit = cut_off
    with suppress(Killed):
        bench.publish()
    bench.reopen()


@pytest.mark.parametrize("commits", [False, True])
def test_a_label_is_in_the_topic_once_wherever_its_writer_was_killed(bench, stand_in, config, commits):
    bench.ask(1)
    bench.turn()
    stand_in.annotate(stand_in.task_of("request-1"), "spam")
    bench.studio.look()
    for _ in range(3):
        publish_and_be_killed(bench, commits)
    bench.publish()
    assert [said(each) for each in labels(config)] == ["spam"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=st.lists(ACTIONS, max_size=20))
def test_whatever_happens_the_labels_end_as_the_annotations_are(tmp_path_factory, actions):
    folder = tmp_path_factory.mktemp("any")
    stand_in = StandIn()
    label_studio = {"url": stand_in.url, "project": 7, "token": stand_in.token}
    config = load_config(
        None, {"sqlite.path": str(folder / "topics.db"), "connectors": {"label_studio": label_studio}}
    )
    with closing(connect(config)) as transport:
        check_topics(transport, config)
    bench = Bench(config, stand_in, folder / "connector.db")
    asked = 0

    def any_of(found, number):
        return sorted(found)[number % len(found)] if found else None

    for action, *given_ in actions:
        match action:
            case "ask":
                bench.ask(asked)
                asked += 1
            case "annotate" if stand_in.tasks:
                number, choice, user = given_
                stand_in.annotate(any_of(stand_in.tasks, number), choice, user)
            case "change" if found := any_of(stand_in.annotation_ids(), given_[0]):
                stand_in.change(found, given_[1])
            case "delete" if found := any_of(stand_in.annotation_ids(), given_[0]):
                stand_in.delete(found)
            case "talk":
                stand_in.faults.extend(given_[0])
                with suppress(Away):
                    bench.studio.look()
                    bench.studio.push()
                stand_in.faults.clear()
            case "publish":
                bench.publish()
            case "killed before the commit" | "killed after the commit":
                publish_and_be_killed(bench, commits="after" in action)
            case "killed":
                bench.reopen()
    bench.turn()
    bench.turn()

    pushed = sorted(task["meta"]["streamssl"]["request_id"] for task in stand_in.tasks.values())
    assert pushed == sorted(f"request-{number}" for number in range(asked))
    expected = {}
    for task in stand_in.tasks.values():
        for each in sorted(task["annotations"], key=lambda each: each["updated_at"]):
            choice = "?" if each["was_cancelled"] else each["result"][0]["value"]["choices"][0]
            expected[task["meta"]["streamssl"]["event_id"], USERS[each["completed_by"]]] = choice
    assert standing(labels(config)) == expected
    assert repeats(labels(config)) == []
    bench.close()
    bench.transport.close()
    stand_in.close()
