"""The service: one process that predicts, learns and commits until it is told to stop.

The steps of one round, in the order in which they must happen:

1. poll      records of all topics, each partition in offset order
2. step      the engine: predict, learn, decide
3. commit    predictions, examples, dead letters, journal entry and consumed offsets, in one transaction
4. show      metrics
5. snapshot  now and then: the whole state at this journal position

Whatever goes wrong in 1 to 3 ends the process: the state has run ahead of what is committed, and recovery
(`streamssl.runtime.recovery`) is the one way back.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from streamssl import __version__
from streamssl.config import Config
from streamssl.engine.batch import Batch, merge, ranges
from streamssl.engine.journal import JournalEntry
from streamssl.engine.settings import EngineSettings
from streamssl.engine.state import EngineState
from streamssl.engine.step import is_due, step
from streamssl.engine.warm_up import warm_up
from streamssl.fail_points import reach
from streamssl.locks import Taken, sole_use
from streamssl.monitoring.metrics import Metrics
from streamssl.runtime.group import Group
from streamssl.runtime.health import Health, HealthServer
from streamssl.runtime.horizon import Horizon
from streamssl.runtime.intake import Intake
from streamssl.runtime.recovery import recover, save_snapshot
from streamssl.runtime.snapshots import SnapshotStore
from streamssl.runtime.topics import check_topics
from streamssl.runtime.watchdog import Watchdog
from streamssl.transport import connect
from streamssl.transport.base import (
    Fenced,
    Positions,
    Record,
    Subscription,
    Transport,
    TransportError,
    Unreachable,
    Worker,
    made_again,
)

log = logging.getLogger(__name__)

EXIT_STOPPED, EXIT_FAILED, EXIT_MISUSED, EXIT_FENCED, EXIT_INTERRUPTED = 0, 1, 2, 3, 130
STUCK_AFTER = 120.0
"""Seconds without a round after which the watchdog ends the process: longer than any transaction may take."""
SHOW_EVERY = 1.0


def run(config: Config) -> int:
    """Run the service until SIGTERM or Ctrl-C.

    Returns
    -------
    int
        The exit code: 0 stopped as asked, 1 failed, 3 another process took over the worker id.
    """
    return _run(config, is_retiring=False)


def retire(config: Config) -> int:
    """Take no more events, but join labels to those that wait here, until none waits any more.

    Returns
    -------
    int
        The exit code: 0 nothing waits any more, 130 stopped before, 1 and 3 as of `run`.
    """
    return _run(config, is_retiring=True)


def _run(config: Config, is_retiring: bool) -> int:
    stop = _stop_on_signals()
    watchdog = Watchdog(STUCK_AFTER)
    health = Health(watchdog)
    metrics = Metrics()
    metrics.build.info({"version": __version__, "worker": config.worker.id})
    host, port = config.metrics.host, config.metrics.port
    try:
        server = HealthServer(host, port, metrics.registry, health)
    except (FileExistsError, NotADirectoryError, PermissionError):
        raise  # a mistake of the user's, said as such by the command line
    except OSError as error:
        log.error("metrics.host, metrics.port: cannot listen on %s:%d: %s", host, port, error.strerror)
        return EXIT_FAILED
    server.start()
    log.info("metrics and health", extra={"url": f"http://{host}:{server.port}/metrics"})
    directory = Path(config.state.directory) / config.worker.id
    taken = f"{directory} is in use by another process: one worker id, one process"
    try:
        with sole_use(directory / "lock", taken), _transport(config, health, stop) as transport:
            worker = transport.worker(_subscription(config, takes_events=not is_retiring))
            warm_up()
            calm_garbage_collector()
            watchdog.start()  # only now: a slow machine that compiles is not stuck
            health.has_started = True  # a recovery may take longer than anybody would wait for a start
            with closing(worker):
                service = _Service(config, worker, directory, metrics, health, is_retiring)
                service.run(stop, _decided_labels(transport, config))
    except _StoppedBefore:
        return EXIT_INTERRUPTED if is_retiring else EXIT_STOPPED
    except Fenced as error:
        log.error("worker %s must make way for another process: %s", config.worker.id, error)
        return EXIT_FENCED
    except (TransportError, Taken) as error:
        log.error("%s", error)
        return EXIT_FAILED
    except (FileExistsError, NotADirectoryError, PermissionError):
        raise  # a mistake of the user's, said as such by the command line
    except OSError as error:
        log.error("%s: %s", error.filename or directory, error.strerror or error)
        return EXIT_FAILED
    finally:
        server.stop()
        watchdog.stop()
    log.info("stopped")
    return EXIT_INTERRUPTED if is_retiring and stop.is_set() else EXIT_STOPPED


class _Service:
    """The parts of one running service, and its rounds."""

    def __init__(
        self,
        config: Config,
        worker: Worker,
        directory: Path,
        metrics: Metrics,
        health: Health,
        is_retiring: bool,
    ) -> None:
        self.config = config
        self.is_retiring = is_retiring
        self.worker = worker
        self.metrics = metrics
        self.health = health
        self.watchdog = health.watchdog
        self.snapshots = SnapshotStore(directory / "snapshots", config.state.snapshots_kept)
        self.state, self.journal_position = self._recover(directory / "pending")
        self._snapshot_due = time.monotonic() + config.state.snapshot_every_seconds
        self._show_due = 0.0
        self._caught_up_at = 0
        # The brokers have aborted a transaction by then. It matters when its coordinator dies: kafka-python 3.0.12
        # may forget what it was about to ask of it, and then waits for the answer for ever.
        is_kafka = config.transport == "kafka"
        self._commit_limit = 2 * config.kafka.transaction_timeout_ms / 1_000 if is_kafka else STUCK_AFTER
        self._intake = Intake(config.batch.max_labels, config.batch.max_records, config.topics.events)
        self._horizon = Horizon(worker)
        self._group = Group(worker, config.topics.events[0])
        self._suspected: set[str] = set()

    def run(self, stop: threading.Event, decided: Positions) -> None:
        """Go live, go round until told to stop or, when retiring, nothing waits; then leave a snapshot.

        Parameters
        ----------
        decided
            Below these offsets of the labels a worker that is new to its group has nothing to look for.
        """
        self.health.become("joining")
        self.worker.join({**decided, **self.state.positions})
        while not stop.is_set() and not (self.is_retiring and self._nothing_waits()):
            self.round()
        self.health.become("stopping")
        self._snapshot()

    def _nothing_waits(self) -> bool:
        """Tell whether every event that this worker has predicted has waited long enough for its label."""
        state = self.state
        last = state.clock + 1_000 * state.settings.pending.max_age_seconds
        return len(state.pending) == 0 or self._caught_up_at > last  # what is unread may be a label for one of them

    def round(self) -> None:
        """Poll, step, commit, show, and snapshot when it is time."""
        self.watchdog.tick()
        now = time.time()
        batch = self.config.batch
        records = self.worker.poll(batch.max_records, batch.wait_seconds, self._intake.most)  # 1. poll
        polled = time.monotonic()
        if self.health.phase == "joining" and (self.worker.is_settled() or self.is_retiring):
            self.health.become("ready")
        if self._group.has_moved():
            self._horizon.reset()
        if records or is_due(self.state, self._caught_up_at) or self._group.can_decide(self.state):
            reach("round-1-polled")
            self._process(records)
        elif news := self._group.news(self.state):
            with self.watchdog.within(self._commit_limit):
                self.worker.commit([], None, [], news)
            self._group.has_told(news)
        self._intake.took(records, time.monotonic() - polled)
        if now >= self._show_due:
            self._show(now)  # 4. show
        if time.monotonic() >= self._snapshot_due:
            self._snapshot()  # 5. snapshot

    def _process(self, records: Sequence[Record]) -> None:
        state = self.state
        consumed = ranges(records)
        for each in consumed:
            if each.first < (expected := state.positions.get((each.topic, each.partition), 0)):
                raise made_again(each.topic, each.partition, each.first, expected)
        batch = Batch(merge(records), int(time.time() * 1_000), self._caught_up_at, self._group.take_view())
        sequence = state.sequence
        with self.metrics.step_duration.time():
            outcome = step(state, batch)  # 2. step
        reach("round-2-stepped")
        entry = JournalEntry(sequence, batch.time, batch.horizon, consumed, state.digest.hex(), batch.view)
        news = self._group.news(state, at_once=batch.view is not None)
        with self.metrics.commit_duration.time(), self.watchdog.within(self._commit_limit):  # 3. commit
            self.journal_position = self.worker.commit(outcome.messages, entry.encode(), consumed, news)
        self._group.has_told(news)
        reach("round-3-committed")
        self.metrics.observe(outcome, time.time())

    def _recover(self, pending: Path) -> tuple[EngineState, int]:
        self.health.become("recovering")
        begun = time.monotonic()
        every = self.config.state.snapshot_every_seconds
        settings = EngineSettings.of(self.config)
        recovery = recover(self.worker, self.snapshots, settings, pending, self.watchdog.tick, every)
        self.metrics.recovered(
            records=recovery.records,
            lost=recovery.lost_records,
            mismatches=recovery.mismatches,
            refused=len(recovery.refused),
        )
        log.info(
            "recovered",
            extra={
                "snapshot": recovery.snapshot,
                "replayed_batches": recovery.batches,
                "replayed_records": recovery.records,
                "lost_records": recovery.lost_records,
                "seconds": round(time.monotonic() - begun, 3),
            },
        )
        return recovery.state, recovery.journal_position or 0

    def _look(self) -> None:
        """See how far behind this worker is, and whether it has seen all that it needs to give up on labels."""
        if not self._horizon.is_noted:
            self._group.look_around(self.state)  # first: what the others have answered by then lies before the ends
        self._horizon.look()
        if (reached := self._horizon.reached()) is not None:
            self._caught_up_at = reached
            self._group.is_caught_up()

    def _show(self, now: float) -> None:
        if self.health.phase in ("joining", "ready"):
            self._look()
        lag, owned = self._horizon.lag, self.worker.assignment()
        self.health.answered_at = self._horizon.answered_at
        behind = sum(lag.get(partition, 0) for partition in owned)
        age = max(0.0, now - self.state.clock / 1_000) if behind else 0.0
        self.metrics.show(self.state, {each: lag[each] for each in sorted(lag)}, age)
        self.metrics.server_answered.set(time.time() - (time.monotonic() - self._horizon.answered_at))
        self.metrics.last_tick.set(now)
        self._warn_of_leaks()
        self._show_due = now + SHOW_EVERY

    def _warn_of_leaks(self) -> None:
        """Say once of each field that it may be the answer in another form."""
        for field, accuracy in self.state.leaks.suspects():
            if field not in self._suspected:
                self._suspected.add(field)
                log.warning(
                    "the field %r alone predicts %.1f%% of the labels: if it is the answer in another form, "
                    "add it to features.exclude",
                    field,
                    100 * accuracy,
                )

    def _snapshot(self) -> None:
        with self.metrics.snapshot_duration.time():
            save_snapshot(self.state, self.journal_position, self.snapshots)
        self.metrics.snapshot_time.set(time.time())
        self._snapshot_due = time.monotonic() + self.config.state.snapshot_every_seconds


def calm_garbage_collector() -> None:
    """Let the garbage collector look at what batches make, not at the modules and kernels that live for ever.

    A batch makes some 100,000 objects without a cycle among them; by default their number alone would have the
    whole heap searched again and again, which takes a fifth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set; a second Ctrl-C ends at once."""
    stop = threading.Event()

    def ask_to_stop(number: int, _frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            os._exit(EXIT_FAILED)
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    return stop


class _StoppedBefore(Exception):
    """Whoever runs the service changed their mind before it had begun."""


@contextmanager
def _transport(config: Config, health: Health, stop: threading.Event) -> Iterator[Transport]:
    """Connect, and wait for a server that is not there yet; the topics are checked."""
    with closing(connect(config)) as transport:
        health.become("connecting")
        while True:
            health.watchdog.tick()
            try:
                check_topics(transport, config)
                break
            except Unreachable as error:
                log.warning("waiting for the topics' server: %s", error)
                if stop.wait(1.0):
                    raise _StoppedBefore from error
        health.become("starting")
        yield transport


def _decided_labels(transport: Transport, config: Config) -> Positions:
    committed = transport.committed(config.kafka.group_id)
    return {partition: at for partition, at in committed.items() if partition[0] in config.topics.labels}


def _subscription(config: Config, takes_events: bool) -> Subscription:
    topics = config.topics
    return Subscription(
        worker_id=config.worker.id,
        group_id=config.kafka.group_id,
        events=topics.events if takes_events else (),
        broadcast=(*topics.labels, topics.examples),
        journal=topics.journal,
    )
