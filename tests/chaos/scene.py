"""Two workers, what flows to them, and the check at the end: the frame of every directed test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos.feeder import Feeder
from tests.chaos.kills import check_outputs, check_states, supervise, worker
from tests.integration.outside import Outside
from tests.integration.service import Service, until

SEED = 20_264
EVENTS_A_SECOND = 60


class Scene(NamedTuple):
    """Who is in it."""

    services: list[Service]
    outside: Outside
    feeder: Feeder
    sections: dict[str, Any]
    directory: Path

    def owned(self, service: Service) -> int:
        """Return how many events partitions the group gives to a worker at the moment."""
        config = self.outside.config
        workers = self.outside.transport.workers(config.kafka.group_id, config.topics.events)
        known = workers.get(f"worker-{self.services.index(service)}")
        return len(known.owned or ()) if known else 0

    def n_predictions(self) -> int:
        """Return how many predictions are committed."""
        return len(self.outside.all(self.outside.topics.predictions))

    def has_gone_on(self, seconds: float = 60) -> None:
        """Wait until everything that has been produced by now is predicted."""
        n = self.feeder.n_events
        until(lambda: self.n_predictions() >= n, seconds, f"{n} predictions")

    def check(self) -> None:
        """Let all finish; every promise must hold, of outputs and of states."""
        self.feeder.finish()
        for service in self.services:
            supervise(service)
        check_outputs(self.services, self.outside, self.feeder, SEED)
        check_states(self.services, self.sections, self.directory, SEED)


@contextmanager
def scene(
    sections: dict[str, Any],
    directory: Path,
    workers: int = 2,
    journal_partitions: int = 2,
    program: list[str] | None = None,
) -> Iterator[Scene]:
    """Yield a scene in which events flow and nobody works yet; ``program`` replaces ``streamssl`` in it."""
    services = [worker(sections, directory, number, "state") for number in range(workers)]
    if program:
        for service in services:
            service.program = program
    outside = Outside(services[0], journal_partitions)
    feeder = Feeder(outside, SEED, EVENTS_A_SECOND)
    feeder.start()
    try:
        yield Scene(services, outside, feeder, sections, directory)
    finally:
        feeder.finish()
        outside.close()
        for service in services:
            service.kill()
