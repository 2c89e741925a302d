"""Workers, killed again and again while everything flows, and what must be true afterwards.

Events, labels before and after their events, corrections, retractions, labels of events that never were, and
garbage on every input topic are produced all the while. A kill comes at a fail point (`streamssl.fail_points`) or
at a random moment, recovery included. Then the workers may finish, and

1. every event has exactly one committed prediction,
2. every bad record is in the dead letters exactly once, however many workers have read it,
3. every event's last example says what the last label said, and none was made twice,
4. each worker's state is bit for bit the one that its journal alone gives, replayed in one go from nothing.
"""

from __future__ import annotations

import itertools
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from streamssl.fail_points import NAMES
from streamssl.runtime.service import EXIT_FENCED
from tests.chaos.feeder import Feeder
from tests.integration.outside import Outside
from tests.integration.service import Service, newest_snapshot, until

SHARED: dict[str, Any] = {
    "pending": {"label_wait_seconds": 2},
    "features": {"max_columns": 32},
    "batch": {"max_records": 200, "wait_seconds": 0.05},
}
LIFE_SECONDS = 15
"""How long a worker may take to come to its fail point."""


class Report(NamedTuple):
    """What an ordeal came to."""

    kills: Counter[str]
    """By fail point; ``random`` and ``fenced``: see `_one_life`."""
    events: int
    labels: int
    dead_letters: int
    recovery_seconds: list[float]
    """From the start of each process to ready, where it came so far."""


def ordeal(sections: dict[str, Any], directory: Path, kills: int, seed: int, workers: int = 1) -> Report:
    """Run one; an AssertionError says what was not true, and the seed."""
    rng = random.Random(seed)
    services = [worker(sections, directory, number, "state") for number in range(workers)]
    outside = Outside(services[0])
    feeder = Feeder(outside, seed)
    feeder.start()
    plan = list(itertools.islice(itertools.cycle([*NAMES, None]), kills))
    rng.shuffle(plan)
    done: Counter[str] = Counter()
    seconds: list[float] = []
    try:
        for point in plan:
            chosen = rng.choice(services)
            for service in services:
                if service is not chosen:
                    supervise(service)
            end, ready = _one_life(chosen, point, rng)
            done[end] += 1
            seconds += ready
        feeder.finish()
        check_outputs(services, outside, feeder, seed)
        check_states(services, sections, directory, seed)
    finally:
        feeder.finish()
        outside.close()
        for service in services:
            service.kill()
    return Report(done, feeder.n_events, feeder.n_labels, feeder.bad.total(), seconds)


def supervise(service: Service, ends: tuple[int, ...] = (-signal.SIGKILL, EXIT_FENCED)) -> None:
    """Start the worker if it does not run, as whoever runs it would; it may have ended with one of these codes."""
    if service.process is None or service.process.poll() in ends:
        service.start(wait=False)
    assert service.process.poll() is None, service.log.read_text()[-3_000:]


def worker(sections: dict[str, Any], directory: Path, number: int, state: str) -> Service:
    home = directory / f"{state}-of-{number}"
    home.mkdir(exist_ok=True)
    own = {
        "worker": {"id": f"worker-{number}"},
        "state": {"directory": str(directory / state), "snapshot_every_seconds": 2},
    }
    return Service(home, **SHARED | sections | own)


def _one_life(service: Service, point: str | None, rng: random.Random) -> tuple[str, list[float]]:
    """Start the worker anew and see it end; return how, and the seconds it took to be ready if it came so far.

    It ends at the fail point; ``random`` when it did not come to that in its time, where, say, nothing was left to
    be replayed; ``fenced`` by itself, where a slow machine let its membership lapse.
    """
    service.kill()
    begun = time.monotonic()
    times = rng.randint(1, 8) if point and point.startswith(("round", "commit")) else 1
    service.start(wait=False, fail_point=f"{point}:{times}" if point else None)
    deadline = begun + (LIFE_SECONDS if point else rng.uniform(0.2, 8))
    ready: list[float] = []
    while time.monotonic() < deadline and service.process.poll() is None:
        if not ready and service.get("/health/ready")[0] == 200:
            ready = [time.monotonic() - begun]
        time.sleep(0.02)
    was_alive = service.process.poll() is None
    service.kill()
    code = service.process.returncode
    assert code in (-signal.SIGKILL, EXIT_FENCED), service.log.read_text()[-3_000:]
    return "fenced" if code == EXIT_FENCED else "random" if was_alive or not point else point, ready


def check_outputs(services: list[Service], outside: Outside, feeder: Feeder, seed: int) -> None:
    topics, n, bad = outside.topics, feeder.n_events, feeder.bad.total()

    def has_said(topic: str, least: int) -> bool:
        for service in services:
            supervise(service)
        return len(outside.all(topic)) >= least

    until(lambda: has_said(topics.predictions, n), 180, f"{n} predictions, seed {seed}")
    until(lambda: has_said(topics.dead_letters, bad), 60, f"{bad} dead letters, seed {seed}")
    wrong: dict[str, Any] = {}

    def examples_are_settled() -> bool:
        wrong.clear()
        wrong.update(_wrong_examples(outside, feeder))
        return not wrong

    try:
        until(examples_are_settled, 60, "examples as the labels say")
    except AssertionError as error:
        raise AssertionError(f"{error}: {wrong}, seed {seed}") from error
    for service in services:
        until(service.is_ready, 60, f"ready, seed {seed}")
        until(lambda each=service: each.metric("streamssl_undecided_records") == 0, 30, f"verdicts, seed {seed}")
    predicted = Counter(record.key.decode() for record in outside.all(topics.predictions))
    assert predicted == Counter(f"e{i}" for i in range(n)), f"seed {seed}"
    dead = Counter(record.value for record in outside.all(topics.dead_letters))
    assert dead == feeder.bad, f"too many {dead - feeder.bad}, missing {feeder.bad - dead}, seed {seed}"


def _wrong_examples(outside: Outside, feeder: Feeder) -> dict[str, Any]:
    """Return the events whose last example is not their last label; an example that came twice is an error."""
    said: dict[str, Any] = {}
    for record in outside.all(outside.topics.examples):
        if record.value in feeder.bad:
            continue
        event_id = record.key.decode()
        label = orjson.loads(record.value)["label"] if record.value else None
        assert label != said.get(event_id, ...), f"{label} was made twice: {story(outside, event_id)}"
        said[event_id] = label
    return {
        event_id: (said.get(event_id), label)
        for event_id, label in feeder.labels.items()
        if said.get(event_id) != label
    }


def story(outside: Outside, event_id: str) -> str:
    """Return all that the topics say about an event, in the order in which it was produced."""
    topics = outside.topics
    records = [
        record
        for topic in (*topics.events, *topics.labels, topics.examples, topics.predictions, topics.dead_letters)
        for record in outside.all(topic)
        if record.key == event_id.encode()
    ]
    lines = [f"{r.timestamp} {r.topic}[{r.partition}]@{r.offset} {r.headers} {r.value!r:.150}" for r in records]
    return "\n".join([event_id, *sorted(lines)])


def check_states(services: list[Service], sections: dict[str, Any], directory: Path, seed: int) -> None:
    for service in services:
        assert service.metric("streamssl_recovery_digest_mismatches") == 0, f"seed {seed}"
        assert service.stop() == 0
    for number in range(len(services)):
        before = newest_snapshot(directory / "state", f"worker-{number}")
        with worker(sections, directory, number, "again") as again:
            assert again.metric("streamssl_recovery_digest_mismatches") == 0, f"seed {seed}"
            assert again.stop() == 0
        after = newest_snapshot(directory / "again", f"worker-{number}")
        assert after.document["digest"] == before.document["digest"], f"seed {seed}"
        assert {k: v.tobytes() for k, v in after.arrays.items()} == {
            k: v.tobytes() for k, v in before.arrays.items()
        }, f"seed {seed}"
