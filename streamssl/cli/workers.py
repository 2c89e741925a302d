"""``streamssl workers``: who shares the events, and how one leaves for good."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated

import typer

from streamssl.cli.options import ConfigFile, Settings, connected, load
from streamssl.cli.output import CommandError, print_table

if TYPE_CHECKING:
    from streamssl.config import Config
    from streamssl.transport.base import Membership, Transport

app = typer.Typer(no_args_is_help=True, help="List the workers of the group, retire one, warm-start a new group.")


@app.command("list")
def list_workers(config: ConfigFile = None, settings: Settings = None) -> None:
    """List the workers that the group remembers.

    One that is not present has stopped, or has died a moment ago. Its events still wait for their labels, and
    verdicts on labels that nobody knows wait for it: start it again, or retire it.
    """
    loaded = load(config, settings)
    with connected(loaded) as transport:
        workers = transport.workers(loaded.kafka.group_id, loaded.topics.events)
        ends = _ends_of_labels(transport, loaded)
    rows = [(worker_id, *_row(each, ends)) for worker_id, each in workers.items()]
    print_table("Workers", ["worker", "state", "events partitions", "labels unread"], rows, right=["labels unread"])


@app.command("warm-start")
def warm_start(config: ConfigFile = None, settings: Settings = None) -> None:
    """Let a new group begin with the events and labels that come from now on.

    For a new learner (another preset, other features, a new version) beside the one that runs: under a
    kafka.group_id of its own, with topics of its own for what it says, and the same events, labels and examples. It
    begins by learning the examples there are, and predicts no event of the past. Call this once, before its first
    `streamssl run`.
    """
    loaded = load(config, settings)
    topics = loaded.topics
    with connected(loaded) as transport:
        transport.begin_at_end(loaded.kafka.group_id, (*topics.events, *topics.labels))
    print(f"{loaded.kafka.group_id} begins with the events and labels that come from now on")


@app.command("retire")
def retire(
    worker_id: Annotated[
        str, typer.Argument(metavar="ID", help="The worker that will not come again. Stop it first.")
    ],
    config: ConfigFile = None,
    settings: Settings = None,
    abandon: Annotated[
        bool,
        typer.Option("--abandon", help="At once: labels of events that wait there become dead letters."),
    ] = False,
) -> None:
    """Retire a worker for good.

    Its partitions go to the others at once. Its waiting events are adopted: this command takes over its id and its
    state (folder state.directory; without that, what the topics still hold), takes no events, and joins late
    labels until the last event has waited pending.max_age_seconds. Interrupted, it goes on where it was when
    called again. Then the group forgets the worker.
    """
    # As in `streamssl run`: who asks to stop while libraries load is not answered with a traceback.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    loaded = load(config, settings, {"worker.id": worker_id})
    group_id = loaded.kafka.group_id
    with connected(loaded) as transport:
        known = transport.workers(group_id, loaded.topics.events)
        if worker_id not in known:
            raise CommandError(
                f"the group {group_id} does not know {worker_id}; it knows {', '.join(known) or 'nobody'}"
            )
        transport.dismiss(group_id, worker_id)
    if not abandon:
        _adopt(loaded)
    with connected(loaded) as transport:
        transport.forget(group_id, worker_id)
    print(f"{worker_id} is retired: the group has forgotten it")


def _adopt(config: Config) -> None:
    from streamssl.runtime import service
    from streamssl.runtime.logs import configure_logging

    configure_logging(config.logging.level, config.logging.format)
    code = service.retire(config)
    if code != service.EXIT_STOPPED:
        raise typer.Exit(code)


def _ends_of_labels(transport: Transport, config: Config) -> dict[tuple[str, int], int]:
    return {
        (topic, partition): end
        for topic in config.topics.labels
        for partition, (_, end) in transport.offsets(topic).items()
    }


def _row(worker: Membership, ends: dict[tuple[str, int], int]) -> tuple[str, str, int]:
    unread = sum(max(0, end - worker.given_up.get(partition, 0)) for partition, end in ends.items())
    if worker.owned is None:
        return "away", "", unread
    return "present", ", ".join(f"{topic}[{number}]" for topic, number in sorted(worker.owned)) or "none", unread
