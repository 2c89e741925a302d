"""Signed webhooks: only signed ones, only fresh ones, each once, none too long."""

import base64
import threading
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from streamssl.cli import main
from streamssl.config import load_config
from streamssl.connectors import outbox
from streamssl.connectors.database import Database
from streamssl.connectors.listening import listening
from streamssl.connectors.webhook import TABLES, Receiver, webhook_app
from tests.connectors.connector import Connector
from tests.connectors.topics import labels, said
from tests.integration.service import until

SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ...").decode()
BODY = {"event_id": "event-1", "label": "spam", "annotator": "ann"}


def signed(body, message_id="message-1", age=timedelta(), secret=SECRET):
    """Return a request's content and headers, signed as a sender would."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    moment = datetime.now(UTC) - age
    signature = Webhook(secret).sign(message_id, moment, content.decode("latin-1"))
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }
    return {"content": content, "headers": headers}


class Bench:
    """The receiver, listening in this process."""

    def __init__(self, stack, sections, path, **webhook):
        sections["connectors"]["webhook"] = {"secret": SECRET, **webhook}
        config = load_config(None, sections)
        self.database = Database(path, TABLES)
        self.has_labels = threading.Event()
        receiver = Receiver(config, self.database, self.has_labels)
        app = webhook_app(receiver, config.connectors.webhook.max_bytes)
        self.url = f"http://127.0.0.1:{stack.enter_context(listening(app, '127.0.0.1', 0))}/"

    def post(self, **given):
        return httpx.post(self.url, **given)

    def kept(self):
        return [orjson.loads(value) for (value,) in self.database.rows("SELECT value FROM outbox ORDER BY number")]


@pytest.fixture
def bench_of(sections, tmp_path):
    with ExitStack() as stack:
        yield lambda **webhook: Bench(stack, sections, tmp_path / "webhook.db", **webhook)


def test_a_signed_message_is_kept_as_a_label(bench_of):
    bench = bench_of()
    assert bench.post(**signed(BODY)).status_code == 204
    [label] = bench.kept()
    assert isinstance(label.pop("time"), int)
    assert label == BODY
    assert bench.has_labels.is_set()


def test_a_message_that_comes_again_counts_once_also_with_a_new_time_stamp(bench_of):
    bench = bench_of()
    for age in (60, 30, 0):
        assert bench.post(**signed(BODY, age=timedelta(seconds=age))).status_code == 204
    assert len(bench.kept()) == 1
    assert bench.post(**signed(BODY, "message-2")).status_code == 204
    assert len(bench.kept()) == 2


def changed(given, **headers):
    return given | {
        "headers": given["headers"] | {name.replace("_", "-"): value for name, value in headers.items()}
    }


def without(given, name):
    return given | {"headers": {n: v for n, v in given["headers"].items() if n != name}}


OTHER = "whsec_" + base64.b64encode(b"another secret of many b").decode()


REFUSED = {
    "not signed": lambda: {"content": orjson.dumps(BODY)},
    "by another": lambda: signed(BODY, secret=OTHER),
    "body changed": lambda: signed(BODY) | {"content": orjson.dumps(BODY | {"label": "ham"})},
    "id changed": lambda: changed(signed(BODY), webhook_id="another"),
    "time changed": lambda: changed(signed(BODY), webhook_timestamp="1"),
    "no time": lambda: changed(signed(BODY), webhook_timestamp="nan"),
    "half a signature": lambda: changed(signed(BODY), webhook_signature="v1"),
    "not base64": lambda: changed(signed(BODY), webhook_signature="v1,%%%"),
    "another version": lambda: changed(signed(BODY), webhook_signature="v2,AAAA"),
    "empty": lambda: changed(signed(BODY), webhook_signature=""),
    "without its id": lambda: without(signed(BODY), "webhook-id"),
    "without its time": lambda: without(signed(BODY), "webhook-timestamp"),
    "too old": lambda: signed(BODY, age=timedelta(minutes=6)),
    "too new": lambda: signed(BODY, age=timedelta(minutes=-6)),
    "not text": lambda: signed(BODY) | {"content": b"\xff\xfe"},
}
"""Functions: what is signed when tests are collected is old when they run."""


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_signed_or_not_fresh_is_refused(bench_of, given):
    bench = bench_of()
    assert bench.post(**given()).status_code == 401
    assert bench.kept() == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[]", "JSON object"),
        (b"{", "JSON"),
        ({"label": "spam"}, "event_id"),
        ({"event_id": "1", "label": {}}, "label"),
    ],
)
def test_what_is_no_label_is_answered_with_what_is_wrong_and_may_come_again(bench_of, body, problem):
    bench = bench_of()
    answer = bench.post(**signed(body))
    assert answer.status_code == 422
    assert problem in answer.json()["error"]
    assert bench.post(**signed(BODY)).status_code == 204, "its id has not been used up"
    assert len(bench.kept()) == 1


def test_a_long_body_is_refused_before_it_is_read(bench_of):
    bench = bench_of(max_bytes=1_000)
    assert bench.post(**signed(BODY | {"annotator": "a" * 2_000})).status_code == 413
    assert bench.post(content=iter([b"a" * 600] * 3)).status_code == 413, "also when no length was announced"
    assert bench.kept() == []


def test_a_body_of_another_form_and_of_types_that_bring_no_label(bench_of):
    mapping = {
        "event_id": "data.record.external_id",
        "label": "data.values.label.value",
        "annotator": "data.user.username",
        "classes": {"Junk": "spam"},
    }
    bench = bench_of(types=["response.created", "response.updated"], mapping=mapping)
    data = {
        "record": {"external_id": "event-7"},
        "values": {"label": {"value": "Junk"}},
        "user": {"username": "bob"},
    }
    assert bench.post(**signed({"type": "record.deleted", "data": data}, "1")).status_code == 204
    assert bench.post(**signed({"data": data}, "2")).status_code == 204
    assert bench.kept() == []
    assert bench.post(**signed({"type": "response.created", "data": data}, "3")).status_code == 204
    [label] = bench.kept()
    assert (label["event_id"], label["label"], label["annotator"]) == ("event-7", "spam", "bob")


def test_a_retraction_and_an_i_dont_know(bench_of):
    bench = bench_of()
    bench.post(**signed({"event_id": "event-1", "label": None, "annotator": "ann"}, "1"))
    bench.post(**signed({"event_id": "event-1", "abstain": True, "annotator": "ann"}, "2"))
    retraction, abstention = bench.kept()
    assert retraction["label"] is None
    assert abstention["abstain"] is True


def test_a_topic_that_cannot_say_it_is_no_place_for_it(bench_of, sections):
    sections["mapping"] = {"labels": {"classes": {"spam": "ham"}}}
    bench = bench_of(mapping={})
    answer = bench.post(**signed(BODY))
    assert answer.status_code == 422
    assert "mapping.labels" in answer.json()["error"]


@pytest.mark.parametrize("secret", ["whsec_%%%notbase64", "abc", "whsec_", "whsec_é"])
def test_what_is_no_secret_is_said_at_the_start_and_not_shown(tmp_path, capsys, secret):
    with pytest.raises(SystemExit) as ended:
        main(["connect", "webhook", "--set", f"connectors.webhook.secret={secret}"])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "connectors.webhook.secret: must be whsec_ and base64" in said
    assert secret not in said.replace("whsec_ and", "")


def test_ids_are_found_without_reading_all_of_them(bench_of):
    """There may be millions in a month, and each message forgets the old ones."""
    bench = bench_of()
    plan = bench.database.rows("EXPLAIN QUERY PLAN DELETE FROM messages WHERE time < 1")
    assert all("SEARCH" in step[-1] for step in plan)


def test_ids_are_forgotten_after_a_month(bench_of):
    bench = bench_of()
    with bench.database.transaction():
        bench.database.rows("INSERT INTO messages VALUES ('old', 0)")
    bench.post(**signed(BODY))
    assert bench.database.rows("SELECT id FROM messages") == [("message-1",)]


@pytest.mark.parametrize("point", ["commit-2-sent", "round-3-committed"])
def test_a_process_that_is_killed_has_lost_and_doubled_nothing(tmp_path, sections, config, point):
    sections["connectors"]["webhook"] = {"secret": SECRET, "port": 0}
    connector = Connector("webhook", tmp_path, sections).start(fail_point=point)
    with suppress(httpx.RemoteProtocolError):  # it may be killed before it has answered: the sender tries again
        assert httpx.post(connector.url(), **signed(BODY)).status_code == 204
    assert connector.ends() == -9
    with connector:
        until(lambda: labels(config), 30, "labelled")
        url = until(lambda: connector.log.read_text().count("awaiting") == 2 and connector.url(), 30, "listening")
        assert httpx.post(url, **signed(BODY)).status_code == 204
        assert httpx.post(url, **signed(BODY | {"label": "ham"}, "message-2")).status_code == 204
        until(lambda: len(labels(config)) == 2, 30, "labelled")
        assert [said(each) for each in labels(config)] == ["spam", "ham"]
        assert connector.stop() == 0


def test_labels_wait_while_there_are_no_topics(tmp_path, sections):
    sections["connectors"]["webhook"] = {"secret": SECRET, "port": 0}
    with Connector("webhook", tmp_path, sections) as connector:
        assert httpx.post(connector.url(), **signed(BODY)).status_code == 204
        until(lambda: "waiting for the topics" in connector.log.read_text(), 30, "said")
    with closing(Database(tmp_path / "state/connectors/webhook-connector.db", TABLES)) as database:
        assert outbox.waiting(database) == 1
