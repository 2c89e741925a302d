"""One worker, killed again and again while everything flows, and what must be true afterwards.

Events, labels before and after their events, corrections, retractions, labels of events that never were, and
garbage are produced all the while. A kill comes at a fail point (`streamssl.fail_points`) or at a random moment,
recovery included. Then the worker may finish, and

1. every event has exactly one committed prediction,
2. every bad record is in the dead letters exactly once,
3. every event's last example says what the last label said, and none was made twice,
4. the state is bit for bit the one that the journal alone gives, replayed in one go from nothing.
"""

from __future__ import annotations

import itertools
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from streamssl.fail_points import NAMES
from streamssl.runtime.service import EXIT_FENCED
from tests.integration.outside import GARBAGE, Outside
from tests.integration.service import Service, newest_snapshot, until

SHARED: dict[str, Any] = {
    "pending": {"label_wait_seconds": 2},
    "features": {"max_columns": 32},
    "batch": {"max_records": 200, "wait_seconds": 0.05},
}
EVENTS_A_SECOND = 150
EVENTS_AT_ONCE = 15


class Report(NamedTuple):
    """What an ordeal came to."""

    kills: Counter[str]
    """By fail point; ``random`` and ``fenced``: see `_one_life`."""
    events: int
    labels: int
    dead_letters: int
    recovery_seconds: list[float]
    """From the start of each process to ready, where it came so far."""


class Feeder(threading.Thread):
    """Produces until told to stop, and remembers what came of it. The same seed produces the same, in order."""

    def __init__(self, outside: Outside, seed: int) -> None:
        super().__init__(daemon=True)
        self.outside = outside
        self.rng = random.Random(seed)
        self.n_events = self.n_labels = 0
        self.labels: dict[str, str | None] = {}
        self.bad: Counter[bytes] = Counter()
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.wait(EVENTS_AT_ONCE / EVENTS_A_SECOND):
            for _ in range(EVENTS_AT_ONCE):
                self._event()
            self.outside.producer.flush()

    def finish(self) -> None:
        self._stop_asked.set()
        self.join()
        self.outside.producer.flush()

    def _event(self) -> None:
        rng, n = self.rng, self.n_events
        kind = rng.random() < 0.4
        if rng.random() < 0.02:
            self._label(f"e{n}", kind)  # before its event
        features = {"x": rng.gauss(2 * kind, 1), "y": rng.random(), "colour": rng.choice("rgb")}
        self.outside.event(f"e{n}", features)
        self.n_events += 1
        if rng.random() < 0.1:
            self._label(f"e{rng.randrange(max(0, n - 500), n + 1)}", kind)
        if rng.random() < 0.02 and self.labels:
            again = rng.choice(list(self.labels))
            self._label(again, rng.random() < 0.5)  # a correction, or the same again
        if rng.random() < 0.01 and self.labels:
            self._label(rng.choice(list(self.labels)), None)  # a retraction
        if rng.random() < 0.01:
            garbage = rng.choice(GARBAGE[:-1])
            self.bad[garbage] += 1
            self.outside.send(self.outside.topics.events[0], f"g{n}", garbage)
        if rng.random() < 0.005:
            ghost = orjson.dumps({"event_id": f"ghost{n}", "label": "good"})
            self.bad[ghost] += 1
            self.outside.send(self.outside.topics.labels[0], f"ghost{n}", ghost)

    def _label(self, event_id: str, kind: bool | None) -> None:
        said = None if kind is None else "bad" if kind else "good"
        self.labels[event_id] = said
        self.n_labels += 1
        body = {"event_id": event_id, "label": said, "annotator": "ann"}
        self.outside.send(self.outside.topics.labels[0], event_id, body)


def ordeal(sections: dict[str, Any], directory: Path, kills: int, seed: int) -> Report:
    """Run one; an AssertionError says what was not true, and the seed."""
    rng = random.Random(seed)
    state = {"directory": str(directory / "state"), "snapshot_every_seconds": 2}
    service = Service(directory, **SHARED | sections | {"state": state})
    outside = Outside(service)
    feeder = Feeder(outside, seed)
    feeder.start()
    plan = list(itertools.islice(itertools.cycle([*NAMES, None]), kills))
    rng.shuffle(plan)
    done: Counter[str] = Counter()
    seconds: list[float] = []
    for point in plan:
        end, ready = _one_life(service, point, rng)
        done[end] += 1
        seconds += ready
    feeder.finish()
    service.start()
    _check_outputs(service, outside, feeder, seed)
    _check_state(service, sections, directory, seed)
    outside.close()
    return Report(done, feeder.n_events, feeder.n_labels, feeder.bad.total(), seconds)


def _one_life(service: Service, point: str | None, rng: random.Random) -> tuple[str, list[float]]:
    """Start the worker and see it end; return how, and the seconds it took to be ready if it came so far.

    It ends at the fail point; ``random`` when it did not come to that in its time, where, say, nothing was left to
    be replayed; ``fenced`` by itself, where a slow machine let its membership lapse.
    """
    begun = time.monotonic()
    times = rng.randint(1, 8) if point and point.startswith(("round", "commit")) else 1
    service.start(wait=False, fail_point=f"{point}:{times}" if point else None)
    deadline = begun + (15 if point else rng.uniform(0.2, 8))
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


def _supervised(service: Service) -> None:
    """Start the worker again if it has made way for another, as whoever runs it would."""
    if service.process.poll() == EXIT_FENCED:
        service.start()


def _check_outputs(service: Service, outside: Outside, feeder: Feeder, seed: int) -> None:
    topics, n, bad = outside.topics, feeder.n_events, feeder.bad.total()

    def has_said(topic: str, least: int) -> bool:
        _supervised(service)
        return len(outside.all(topic)) >= least

    until(lambda: has_said(topics.predictions, n), 180, f"{n} predictions, seed {seed}")
    until(lambda: has_said(topics.dead_letters, bad), 60, f"{bad} dead letters, seed {seed}")
    predicted = Counter(record.key.decode() for record in outside.all(topics.predictions))
    assert predicted == Counter(f"e{i}" for i in range(n)), f"seed {seed}"
    dead = Counter(record.value for record in outside.all(topics.dead_letters))
    assert dead == feeder.bad, f"too many {dead - feeder.bad}, missing {feeder.bad - dead}, seed {seed}"
    until(lambda: _examples_are_settled(outside, feeder), 60, f"examples as the labels say, seed {seed}")


def _examples_are_settled(outside: Outside, feeder: Feeder) -> bool:
    """Return whether each event's last example is its last label; one that came twice is an error."""
    said: dict[str, Any] = {}
    for record in outside.all(outside.topics.examples):
        event_id = record.key.decode()
        label = orjson.loads(record.value)["label"] if record.value else None
        assert label != said.get(event_id, ...), f"{event_id}: {label} was made twice"
        said[event_id] = label
    return {k: v for k, v in said.items() if v is not None} == {
        k: v for k, v in feeder.labels.items() if v is not None
    }


def _check_state(service: Service, sections: dict[str, Any], directory: Path, seed: int) -> None:
    assert service.metric("streamssl_recovery_digest_mismatches") == 0, f"seed {seed}"
    assert service.stop() == 0
    before = newest_snapshot(directory / "state")
    again = Service(directory, **SHARED | sections | {"state": {"directory": str(directory / "again")}})
    again.start()
    assert again.metric("streamssl_recovery_digest_mismatches") == 0, f"seed {seed}"
    assert again.stop() == 0
    after = newest_snapshot(directory / "again")
    assert after.document["digest"] == before.document["digest"], f"seed {seed}"
    assert {k: v.tobytes() for k, v in after.arrays.items()} == {
        k: v.tobytes() for k, v in before.arrays.items()
    }, f"seed {seed}"
