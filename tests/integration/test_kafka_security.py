"""A broker that trusts nobody: logins, certificates, permissions, and what is said when something is wrong."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import pytest
import trustme
import yaml

from streamssl.config import Config
from streamssl.connectors import outbox
from streamssl.connectors.database import Database
from streamssl.runtime.topics import check_topics, topic_specs
from streamssl.transport import connect
from streamssl.transport.base import Marks, Message, OffsetRange, Subscription, TransportError
from streamssl.transport.kafka_client import partitions_of
from tests.integration import secured
from tests.integration.outside import Outside
from tests.integration.secured import USERS, SecuredBroker, permissions
from tests.integration.service import Service, until

PASSWORD = "STREAMSSL_KAFKA__SASL_PASSWORD"
TOPICS = ("events", "labels", "predictions", "review_requests", "examples", "dead_letters", "journal")


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """The secured broker; without Java and Maven the tests are skipped, but fail in CI."""
    if not (shutil.which("java") and shutil.which("mvn")):
        reason = "no Kafka with permissions: install Java 17 and Maven"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    broker = SecuredBroker(tmp_path_factory.mktemp("secured"))
    broker.start()
    yield broker
    broker.server.stop()


def named(prefix, **kafka):
    """Return the sections of a configuration whose topics and group begin with a prefix."""
    return {
        "transport": "kafka",
        "kafka": {**kafka, "group_id": f"{prefix}streamssl", "session_timeout_ms": 6_000},
        "topics": {name: prefix + name.replace("_", "-") for name in TOPICS},
        "batch": {"max_records": 200},
    }


def config_of(broker, prefix, user="streamssl", mechanism="SCRAM-SHA-512"):
    login = broker.sections(user, mechanism) | {"sasl_password": USERS[user]}
    return Config.model_validate(named(prefix, **login))


def allow(broker, user, prefix, granted):
    broker.allow(user, [each.under(prefix) for each in granted])


def ids_of(rows):
    return [" ".join(row).replace("`", "") for row in rows]


# --- permissions -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fed(broker):
    """Topics that the administrator has made, with some events and labels; returns their prefix."""
    prefix = "fed-"
    config = config_of(broker, prefix, "admin")
    transport = connect(config)
    transport.create_topics(topic_specs(config, partitions=2))
    return prefix


def feed(broker, prefix):
    config = config_of(broker, prefix, "admin")
    with connect(config).producer() as producer:
        for i in range(8):
            producer.send(Message(config.topics.events[0], f"e{i}".encode(), b"{}"))
        producer.send(Message(config.topics.labels[0], b"e0", b"{}"))


def lead_a_workers_life(config):
    """Do once, through the transport, everything that a worker ever does with Kafka."""
    topics = config.topics
    transport = connect(config)
    check_topics(transport, config)
    broadcast = (*topics.labels, topics.examples)
    worker = transport.worker(
        Subscription("worker-0", config.kafka.group_id, topics.events, broadcast, topics.journal)
    )
    with closing(worker):
        worker.fence()
        list(worker.read_journal())
        worker.join({})
        polled = poll_until(worker, lambda record: record.topic in topics.events)
        consumed = [OffsetRange(*r[:3], r.offset + 1, 1) for r in polled if r.topic in topics.events]
        outputs = (topics.predictions, topics.review_requests, topics.examples, topics.dead_letters)
        mark = {(topics.labels[0], 0): 1}
        worker.commit([Message(name, b"new", b"{}") for name in outputs], b"{}", consumed, Marks(mark, mark))
        poll_until(worker, lambda record: record.key == b"new")
        worker.neighbours()
        worker.ends()
        worker.fetch([OffsetRange(topics.events[0], consumed[0].partition, 0, 1, 1)])


def poll_until(worker, is_wanted):
    deadline = time.monotonic() + 15
    polled = []
    while not any(map(is_wanted, polled)):
        if time.monotonic() > deadline:
            raise TransportError("the records that are wanted do not come")
        polled += worker.poll(100, 0.1)
    return polled


OF_A_WORKER = permissions(secured.WORKER)


def test_a_worker_needs_no_other_permission(broker, fed):
    feed(broker, fed)
    allow(broker, "streamssl", fed, OF_A_WORKER)
    lead_a_workers_life(config_of(broker, fed))


@pytest.mark.parametrize("missing", OF_A_WORKER, ids=ids_of(OF_A_WORKER))
def test_a_worker_needs_each_permission(broker, fed, missing):
    feed(broker, fed)
    allow(broker, "streamssl", fed, [each for each in OF_A_WORKER if each != missing])
    with pytest.raises(TransportError, match=r"AuthorizationFailed|lacks|do not come"):
        lead_a_workers_life(config_of(broker, fed))


OF_SETUP = permissions(secured.SETUP)


def create_topics(config):
    """As `streamssl topics create` does it."""
    specs = topic_specs(config, partitions=2)
    transport = connect(config)
    transport.create_topics(specs)
    there = transport.topics()
    if missing := [spec.name for spec in specs if spec.name not in there]:
        raise TransportError(f"cannot see {missing}")


def test_creating_the_topics_needs_no_other_permission(broker):
    allow(broker, "streamssl", "made-", OF_SETUP)
    create_topics(config_of(broker, "made-"))


def test_creating_the_topics_needs_each_permission(broker):
    """All at once, since the client takes ten seconds to give up on a topic that it may not see."""
    prefixes = [f"made-without-{i}-" for i in range(len(OF_SETUP))]
    granted = [
        each.under(prefix)
        for prefix, missing in zip(prefixes, OF_SETUP, strict=True)
        for each in OF_SETUP
        if each != missing
    ]
    broker.allow("streamssl", granted)

    def refusal(prefix):
        try:
            create_topics(config_of(broker, prefix))
        except TransportError as error:
            return str(error)

    with ThreadPoolExecutor(len(prefixes)) as pool:
        refusals = list(pool.map(refusal, prefixes))
    for missing, refused in zip(OF_SETUP, refusals, strict=True):
        assert refused is not None, f"{missing} is not needed"


def test_retiring_a_worker_needs_one_permission_more(broker, fed):
    feed(broker, fed)
    allow(broker, "streamssl", fed, OF_A_WORKER)
    config = config_of(broker, fed)
    lead_a_workers_life(config)
    group_id = config.kafka.group_id
    transport = connect(config)
    assert "worker-0" in transport.workers(group_id, config.topics.events)
    transport.dismiss(group_id, "worker-0")
    with pytest.raises(TransportError, match="AuthorizationFailed"):
        transport.forget(group_id, "worker-0")
    allow(broker, "streamssl", fed, [*OF_A_WORKER, *permissions(secured.RETIRING)])
    transport.forget(group_id, "worker-0")
    assert "worker-0" not in transport.workers(group_id, config.topics.events)


OF_A_CONNECTOR = permissions(secured.CONNECTOR)


def lead_a_connectors_life(config, folder):
    """Do once everything that the pump of a connector does, or of the review service."""
    topics = config.topics
    with connect(config_as_admin(config)).producer() as producer:
        producer.send(Message(topics.review_requests, b"e0", b"{}"))
    transport = connect(config)
    worker = transport.worker(
        Subscription(
            "review-service", f"{config.kafka.group_id}-connectors", (), (topics.review_requests,), topics.journal
        )
    )
    with closing(worker), closing(Database(folder / f"{uuid.uuid4().hex}.db")) as database:
        transport.topics()
        outbox.recover(database, worker, transport, topics.journal)
        worker.join({})
        poll_until(worker, lambda record: record.topic == topics.review_requests)
        outbox.put(database, b"e0", b"{}")
        transport.offsets(topics.journal)
        outbox.publish(database, worker, topics.labels[0])
        database.remember("batch_begun", database.fact("batch"))  # as if it had been killed right then
        database.remember("journal_position", None)
        outbox.recover(database, worker, transport, topics.journal)
    assert list(read_all(config_as_admin(config), topics.labels[0]))


def config_as_admin(config):
    login = {"sasl_username": "admin", "sasl_password": USERS["admin"]}
    return Config.model_validate(config.model_dump() | {"kafka": config.kafka.model_dump() | login})


def read_all(config, topic):
    with connect(config).reader([topic]) as reader:
        while not reader.at_end():
            yield from reader.poll(100, 0.2)


def test_a_connector_needs_no_other_permission(broker, fed, tmp_path):
    allow(broker, "streamssl", fed, OF_A_CONNECTOR)
    lead_a_connectors_life(config_of(broker, fed), tmp_path)


@pytest.mark.parametrize("missing", OF_A_CONNECTOR, ids=ids_of(OF_A_CONNECTOR))
def test_a_connector_needs_each_permission(broker, fed, tmp_path, missing):
    allow(broker, "streamssl", fed, [each for each in OF_A_CONNECTOR if each != missing])
    with pytest.raises(TransportError, match=r"AuthorizationFailed|lacks|do not come|no permission"):
        lead_a_connectors_life(config_of(broker, fed), tmp_path)


OF_OTHERS = permissions(secured.OTHERS)


def use(config, permission):
    """Do what the permission of somebody else is for."""
    topic = permission.name
    transport = connect(config)
    if permission.operation == "Write":
        with transport.producer() as producer:
            producer.send(Message(topic, b"k", b"{}"))
    else:
        with transport.reader([topic]) as reader:
            while not reader.poll(10, 0.1) and not reader.at_end():
                pass


@pytest.mark.parametrize("permission", OF_OTHERS, ids=ids_of(OF_OTHERS))
def test_others_need_each_permission(broker, fed, permission, monkeypatch):
    monkeypatch.setattr("streamssl.transport.kafka.partitions_of", partial(partitions_of, patience=2))
    config, wanted = config_of(broker, fed, "plain", "PLAIN"), permission.under(fed)
    allow(broker, "plain", fed, OF_OTHERS)
    use(config, wanted)
    allow(broker, "plain", fed, [each for each in OF_OTHERS if each != permission])
    with pytest.raises(TransportError):
        use(config, wanted)


# --- the whole service -------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_the_service_runs_with_these_permissions_and_keeps_its_secret(broker, tmp_path, monkeypatch):
    prefix = "whole-"
    service = Service(
        tmp_path,
        **named(prefix, **broker.sections()),
        review={"share": 0.2},
        pending={"label_wait_seconds": 2},
        features={"max_columns": 16},
    )
    secret_file = tmp_path / "password"
    secret_file.write_text(USERS["streamssl"] + "\n")

    allow(broker, "streamssl", prefix, OF_SETUP)
    with monkeypatch.context() as environment:
        environment.setenv(f"{PASSWORD}_FILE", str(secret_file))
        assert streamssl("topics", "create", "--replication", "1", "--config", service.config).returncode == 0
    allow(broker, "streamssl", prefix, OF_A_WORKER)
    allow(broker, "plain", prefix, OF_OTHERS)
    outside = Visitor(config_of(broker, prefix, "plain", "PLAIN"))

    def send(first, last):
        for i in range(first, last):
            outside.event(f"e{i}", {"x": i % 2 + i / 1e4, "colour": "rg"[i % 2]})
        outside.send(outside.topics.events[0], f"bad{first}", b"{")
        for i in range(first, last, 5):
            outside.label(f"e{i}", ["good", "bad"][i % 2])
        outside.producer.flush()

    def predicted():
        return sorted(record.key.decode() for record in outside.all(outside.topics.predictions))

    with monkeypatch.context() as environment:
        environment.setenv(f"{PASSWORD}_FILE", str(secret_file))
        service.start()
        send(0, 300)
        until(lambda: len(predicted()) >= 300, what="300 predictions")
        until(lambda: service.metric("streamssl_examples_total") >= 60, what="60 examples learnt")
        pages = service.get("/metrics")[1]
        service.kill()
        checked = streamssl("check-config", "--config", service.config)
    with monkeypatch.context() as environment:
        environment.setenv(PASSWORD, USERS["streamssl"])
        send(300, 400)
        service.start()
        until(lambda: len(predicted()) >= 400, what="400 predictions")
        checked_again = streamssl("check-config", "--config", service.config)
        assert service.metric("streamssl_recovery_digest_mismatches") == 0
        assert service.stop() == 0
    assert predicted() == sorted(f"e{i}" for i in range(400))
    assert len(outside.all(outside.topics.dead_letters)) == 2
    assert outside.all(outside.topics.review_requests)
    assert checked.returncode == checked_again.returncode == 0, checked.stderr

    state = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert len(state) > 3
    shown = [pages.encode(), service.log.read_bytes(), *(path.read_bytes() for path in state)]
    for each in (checked, checked_again):
        assert "sasl_password: '***" in each.stdout
        shown += [each.stdout.encode(), each.stderr.encode()]
    for form in forms(USERS["streamssl"]):
        assert all(form not in text for text in shown)
    outside.close()


def forms(secret):
    """Return the bytes in which a secret could stand somewhere: as it is, escaped, in base64 at any offset."""
    raw = secret.encode()
    return [raw, raw.replace(b"'", b"''"), *(base64.b64encode(raw[i:])[: len(raw) // 2] for i in range(3))]


class Visitor(Outside):
    """Another client, logged in as somebody who may not see all topics, and so creates none."""

    def __init__(self, config):
        self.config = config
        self.transport = connect(config)
        self.producer = self.transport.producer()
        self.topics = config.topics


def streamssl(*arguments, timeout=60):
    command = [sys.executable, "-m", "streamssl", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


# --- certificates, and what is said when something is wrong -------------------------------------------------------


def test_a_worker_with_a_certificate_instead_of_a_password(broker, fed):
    feed(broker, fed)
    allow(broker, "certified", fed, OF_A_WORKER)
    lead_a_workers_life(Config.model_validate(named(fed, **broker.mutual_sections("certified"))))


def test_a_certificate_is_a_name_and_no_permission(broker, fed):
    config = Config.model_validate(named(fed, **broker.mutual_sections("stranger")))
    with pytest.raises(TransportError, match="lacks"):
        lead_a_workers_life(config)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_both_kinds_of_scram(broker, mechanism):
    assert connect(config_of(broker, "", mechanism=mechanism)).topics() is not None


def foreign_authority(directory):
    path = directory / "foreign.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return str(path)


def without(settings, *keys):
    return {key: value for key, value in settings.items() if key not in keys}


WRONG = {
    # Not "invalid credentials": where that and the broker's hanging up arrive together, only the latter is logged.
    "password": (lambda b, d: b.sections() | {"sasl_password": "wr0ng"}, ["kafka.sasl_password", "login"]),
    "authority": (
        lambda b, d: b.sections() | {"sasl_password": USERS["streamssl"], "ssl_cafile": foreign_authority(d)},
        ["ssl_cafile", "CERTIFICATE_VERIFY_FAILED"],
    ),
    "no such file": (
        lambda b, d: b.sections() | {"sasl_password": USERS["streamssl"], "ssl_cafile": str(d / "none.pem")},
        ["ssl_cafile", "none.pem", "cannot be read"],
    ),
    "plaintext": (
        lambda b, d: {"bootstrap_servers": b.server.bootstrap},
        ["kafka.security_protocol", "speak"],
    ),
    "no certificate": (
        lambda b, d: without(b.mutual_sections("certified"), "ssl_certfile", "ssl_keyfile"),
        ["ssl_certfile", "certificate"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_within_seconds(broker, tmp_path, case):
    make, said = WRONG[case]
    config = tmp_path / "config.yaml"
    state = {"directory": str(tmp_path / "state")}
    sections = named("fed-", **make(broker, tmp_path)) | {"metrics": {"port": 0}, "state": state}
    config.write_text(yaml.safe_dump(sections))
    for command in ("check-config", "run"):
        ended = streamssl(command, "--config", config, timeout=15)
        assert ended.returncode == 1
        for words in said:
            assert words in ended.stderr, ended.stderr
        for secret in ("wr0ng", USERS["streamssl"]):
            assert secret not in ended.stdout + ended.stderr
        assert "\nTraceback" not in f"\n{ended.stderr}"
