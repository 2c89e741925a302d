"""`streamssl workers`: who is there, and how one leaves without losing a label."""

import subprocess
import sys
import time
import uuid

import orjson
import pytest

from tests.chaos.rooms import kafka_sections, sqlite_sections
from tests.integration.outside import Outside
from tests.integration.service import Service, until


@pytest.fixture(params=["sqlite", "kafka"])
def sections(request, tmp_path):
    """The configuration of one transport, with topics of its own."""
    shared = {"pending": {"label_wait_seconds": 1, "max_age_seconds": 20}}
    if request.param == "sqlite":
        return shared | sqlite_sections(tmp_path)
    return shared | kafka_sections(request.getfixturevalue("kafka_broker"), f"w-{uuid.uuid4().hex[:6]}")


def worker(sections, directory, number):
    home = directory / f"home-{number}"
    home.mkdir()
    state = {"directory": str(directory / "state"), "snapshot_every_seconds": 1}
    return Service(home, **sections, worker={"id": f"worker-{number}"}, state=state)


def streamssl(service, *words):
    """Run a command on the service's configuration, with a port of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "streamssl", *words, "--config", service.config, "--set", "metrics.port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(service, *words):
    return streamssl(service, *words).communicate(timeout=60)[0]


def line_of(worker_id, table):
    return next(line for line in table.splitlines() if worker_id in line)


@pytest.mark.timeout(300)
def test_a_retired_workers_events_still_meet_their_labels(sections, tmp_path):
    first, second = worker(sections, tmp_path, 0), worker(sections, tmp_path, 1)
    outside = Outside(first)
    topics = outside.topics
    with first, second:
        until(lambda: "present" in said(first, "workers", "list"), 30, "both in the list")
        until(lambda: said(first, "workers", "list").count("[") == 2, 30, "one partition each")
        n = 60
        for i in range(n):
            outside.event(f"e{i}", {"x": float(i % 2)})
        outside.producer.flush()
        until(lambda: len(outside.all(topics.predictions)) == n, 30, "predictions")
        until(lambda: 0 < second.metric("streamssl_events_total") < n, 10, "some of them by the second")
        assert second.stop() == 0
        listed = said(first, "workers", "list")
        assert "worker-0" in listed
        assert "worker-1" in listed

        retiring = streamssl(second, "workers", "retire", "worker-1")
        until(
            lambda: line_of("worker-0", said(first, "workers", "list")).count("[") == 2, 30, "both with the first"
        )
        for i in range(n, n + 20):
            outside.event(f"e{i}", {"x": float(i % 2)})
        outside.producer.flush()
        until(lambda: len(outside.all(topics.predictions)) == n + 20, 30, "nobody holds a partition that he leaves")
        for i in range(n):
            outside.label(f"e{i}", "odd" if i % 2 else "even")
        outside.label("ghost", "odd")
        outside.producer.flush()
        until(lambda: len(outside.all(topics.examples)) == n, 60, "every label joined")
        output = retiring.communicate(timeout=120)[0]
        assert retiring.returncode == 0, output
        assert "worker-1 is retired" in output
        assert "worker-1" not in said(first, "workers", "list")
        # Nobody waits for the retired one any more.
        until(lambda: [r.key for r in outside.all(topics.dead_letters)] == [b"ghost"], 30, "the verdict")
        until(lambda: first.metric("streamssl_undecided_records") == 0, 10, "nothing undecided")
    outside.close()


def test_nobody_can_be_retired_whom_nobody_knows(tmp_path):
    service = worker(sqlite_sections(tmp_path), tmp_path, 0)
    outside = Outside(service)
    refused = streamssl(service, "workers", "retire", "worker-7")
    output = refused.communicate(timeout=60)[0]
    assert refused.returncode == 2
    assert "does not know worker-7; it knows nobody" in output
    outside.close()


@pytest.mark.timeout(300)
def test_a_new_learner_begins_with_the_examples_beside_the_one_that_runs(sections, tmp_path):
    """A changed model: warm from all examples, its own predictions of new events only; the old one undisturbed."""
    old = worker(sections, tmp_path, 0)
    outside = Outside(old)
    topics = outside.topics
    own = ("predictions", "review_requests", "dead_letters", "journal")
    group = sections.get("kafka", {}) | {"group_id": f"challenger-{uuid.uuid4().hex[:6]}"}
    named = sections.get("topics", {})
    changed = sections | {
        "kafka": group,
        "topics": named | {name: f"{getattr(topics, name)}-b" for name in own},
        "learner": {"preset": "lite"},
    }
    new = worker(changed, tmp_path, 1)
    beside = Outside(new)
    with old:
        for i in range(40):
            outside.event(f"e{i}", {"x": float(i % 2)})
            outside.label(f"e{i}", "odd" if i % 2 else "even")
        outside.producer.flush()
        until(lambda: old.metric("streamssl_examples_total") == 40, 30, "forty examples")
        assert "begins with the events and labels that come from now on" in said(new, "workers", "warm-start")
        with new:
            until(lambda: new.metric("streamssl_examples_total") == 40, 30, "forty examples learnt")
            for i in range(40, 60):
                outside.event(f"e{i}", {"x": float(i % 2)})
            outside.label("e41", "odd")
            outside.producer.flush()
            for service, of in ((old, outside), (new, beside)):
                n = 60 if service is old else 20
                until(lambda of=of, n=n: len(of.all(of.topics.predictions)) == n, 30, f"{n} predictions")
                until(lambda service=service: 'case="learnt"} 41' in service.get("/metrics")[1], 30, "e41 learnt")
            time.sleep(3)  # a label that one of them could not use would be a dead letter by then
            said_of = {r.key: orjson.loads(r.value)["label"] for r in beside.all(beside.topics.predictions)}
            assert said_of == {f"e{i}".encode(): "odd" if i % 2 else "even" for i in range(40, 60)}
            assert outside.all(topics.dead_letters) == beside.all(beside.topics.dead_letters) == []
            assert "has begun already" in said(new, "workers", "warm-start")
            assert new.stop() == old.stop() == 0
    outside.close()
    beside.close()


@pytest.mark.timeout(300)
def test_a_worker_without_a_partition_is_ready_and_holds_up_no_verdict(sections, tmp_path):
    """Three workers, two partitions."""
    services = [worker(sections, tmp_path, number) for number in range(3)]
    outside = Outside(services[0])
    with services[0], services[1], services[2]:
        until(lambda: said(services[0], "workers", "list").count("[") == 2, 30, "two partitions taken")
        outside.label("ghost", "odd")
        outside.producer.flush()
        until(lambda: outside.all(outside.topics.dead_letters), 40, "a verdict")
        assert all(service.get("/health/ready")[0] == 200 for service in services)
    outside.close()
