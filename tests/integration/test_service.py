"""The whole service as a stranger would use it, on both transports: fed from outside, killed, asked, stopped."""

import random
import signal
from collections import Counter

import pytest

from tests.integration.outside import GARBAGE, Outside
from tests.integration.service import Service, newest_snapshot, until


@pytest.fixture(params=["sqlite", "kafka"])
def sections(request, tmp_path):
    """The configuration of one transport, with topics of its own."""
    shared = {
        "pending": {"label_wait_seconds": 2},
        "features": {"max_columns": 32},
        "batch": {"max_records": 200, "wait_seconds": 0.05},
    }
    if request.param == "sqlite":
        return shared | {"transport": "sqlite", "sqlite": {"path": str(tmp_path / "topics.db")}}
    prefix = f"{tmp_path.name}-"
    names = ("events", "labels", "predictions", "review_requests", "examples", "dead_letters", "journal")
    return shared | {
        "transport": "kafka",
        "kafka": {
            "bootstrap_servers": request.getfixturevalue("kafka_broker"),
            "group_id": f"{prefix}group",
            "session_timeout_ms": 6_000,
        },
        "topics": {name: f"{prefix}{name.replace('_', '-')}" for name in names},
    }


@pytest.mark.timeout(300)
def test_killed_again_and_again_it_loses_nothing_and_counts_nothing_twice(sections, tmp_path):
    seed = 20_261
    rng = random.Random(seed)
    service = Service(tmp_path, **sections)
    outside = Outside(service)
    n, garbage = 0, []
    service.start()
    for _ in range(4):
        for _ in range(400):
            kind = rng.random() < 0.4
            outside.event(f"e{n}", {"x": rng.gauss(2 * kind, 1), "y": rng.random(), "colour": rng.choice("rgb")})
            if rng.random() < 0.1:
                outside.label(f"e{rng.randrange(n + 1)}", "bad" if kind else "good")
            if rng.random() < 0.01:
                garbage.append(rng.choice(GARBAGE))
                outside.send(outside.topics.events[0], f"g{n}", garbage[-1])
            if rng.random() < 0.01:
                outside.label(f"ghost{n}", "good")
            n += 1
        outside.producer.flush()
        service.kill()
        service.start()
    ghosts = {r.value for r in outside.all(outside.topics.labels[0]) if b"ghost" in r.value}
    expected_dead = Counter([*garbage, *ghosts])
    until(lambda: len({r.key for r in outside.all(outside.topics.predictions)}) >= n, what=f"{n} predictions")
    until(
        lambda: sum(1 for _ in outside.all(outside.topics.dead_letters)) >= expected_dead.total(),
        what="all dead letters",
    )
    predictions = outside.all(outside.topics.predictions)
    assert Counter(r.key.decode() for r in predictions) == Counter(f"e{i}" for i in range(n)), f"seed {seed}"
    dead = Counter(r.value for r in outside.all(outside.topics.dead_letters))
    assert dead == expected_dead
    assert service.get("/health/live")[0] == 200
    assert service.get("/health/startup")[0] == 200
    assert service.metric("streamssl_events_total") >= n
    assert service.metric("streamssl_recovery_digest_mismatches") == 0
    assert service.stop() == 0
    assert_state_equals_a_replay_from_nothing(service, sections, outside, tmp_path)
    outside.close()


def assert_state_equals_a_replay_from_nothing(service, sections, outside, tmp_path):
    """Forget the state directory: the journal alone rebuilds the state bit for bit."""
    before = newest_snapshot(tmp_path / "state")
    again = Service(tmp_path, **sections | {"state": {"directory": str(tmp_path / "again")}})
    again.start()
    assert again.metric("streamssl_recovery_replayed_records") > 0
    assert again.metric("streamssl_recovery_digest_mismatches") == 0
    assert again.stop(signal.SIGINT) == 0
    after = newest_snapshot(tmp_path / "again")
    assert after.document["digest"] == before.document["digest"]
    assert after.sequence == before.sequence
    assert {k: v.tobytes() for k, v in after.arrays.items()} == {k: v.tobytes() for k, v in before.arrays.items()}


def test_a_second_process_with_the_same_state_directory_is_refused(tmp_path):
    sections = {"transport": "sqlite", "sqlite": {"path": str(tmp_path / "topics.db")}}
    first = Service(tmp_path, **sections)
    with first:
        (tmp_path / "second").mkdir()
        second = Service(tmp_path / "second", **sections, state={"directory": str(tmp_path / "state")})
        second.start(wait=False)
        assert second.process.wait(60) == 1
        assert "in use by another process" in second.log.read_text()
        assert first.stop() == 0
