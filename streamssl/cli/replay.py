"""``streamssl replay``: a file becomes a stream, with its labels held back and some of them sent late."""

from __future__ import annotations

import random
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from streamssl.cli.options import ConfigFile, Settings, connected, load
from streamssl.cli.output import CommandError, counted, on_terminal, say

if TYPE_CHECKING:
    from streamssl.config import Config
    from streamssl.evaluation.datasets import Row
    from streamssl.transport.base import Message, Producer

FLUSH_EVERY = 1_000
"""Events after which what was handed to the producer is made durable, however fast it goes."""
LONGEST_NAP = 0.1


class Progress(NamedTuple):
    """How far a replay has come."""

    events: int
    labels: int
    waiting: int
    """Labels whose time has not come."""


class Pace(NamedTuple):
    """When events and labels are sent, by a clock that tests replace.

    ``rate`` is in events a second, infinite for as fast as possible; ``label_delay`` in seconds.
    """

    rate: float
    label_delay: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON Lines (both also .gz) or Parquet.")],
    config: ConfigFile = None,
    settings: Settings = None,
    rate: Annotated[
        str | None, typer.Option(metavar="N/s", help="Events a second. Default: as fast as the topics take them.")
    ] = None,
    label_column: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of the classes; never sent with the event.")
    ] = "label",
    id_column: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column of the event ids. Default: the file's name and the row's number."
        ),
    ] = None,
    time_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the event times. Default: now.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Column that is not sent. Repeatable.")
    ] = None,
    label_rate: Annotated[
        float,
        typer.Option(
            min=0, max=1, metavar="SHARE", help="Share of the events whose label is sent, chosen at random."
        ),
    ] = 0.01,
    seed: Annotated[int, typer.Option(metavar="N", help="Chooses which labels are sent.")] = 0,
    label_delay: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long after its event a label is sent.")
    ] = 5.0,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after so many events.")] = None,
    create_topics: Annotated[
        bool, typer.Option("--create-topics", help="Create missing topics on Kafka too.")
    ] = False,
) -> None:
    """Send a file as a stream, labels late.

    Events never carry their label; of a share of them the label follows after the label delay.
    Without --id-column, ids are the file's name and the row's number: a second replay of the same file repeats
    them, and the service ignores events that it has already.
    """
    from streamssl.evaluation.datasets import DatasetError, read_events
    from streamssl.messages.mapped import Unwritable
    from streamssl.runtime.topics import check_topics, topic_specs

    pace = Pace(_per_second(rate), label_delay)
    loaded = load(config, settings)
    done = Progress(0, 0, 0)
    try:
        rows = read_events(file, label_column=label_column, id_column=id_column, time_column=time_column)
        messages = as_messages(
            islice(rows, limit), loaded, name=file.name, exclude=exclude or (), label_rate=label_rate, seed=seed
        )
        with connected(loaded) as transport:
            if create_topics:
                transport.create_topics(topic_specs(loaded))
            check_topics(transport, loaded)
            with transport.producer() as producer, _shown(limit) as show:
                for done in feed(messages, producer, pace):
                    show(done)
    except (DatasetError, Unwritable) as error:
        raise CommandError(str(error)) from error
    finally:
        if done.events:
            unsent = f"; {counted(done.waiting, 'label')} not sent" if done.waiting else ""
            say(f"sent {counted(done.events, 'event')} and {counted(done.labels, 'label')}{unsent}")


def as_messages(
    rows: Iterable[Row],
    config: Config,
    *,
    name: str,
    exclude: Iterable[str] = (),
    label_rate: float,
    seed: int,
) -> Iterator[tuple[Message, Message | None]]:
    """Turn rows into events without labels, each with the label to be sent later, or None.

    Parameters
    ----------
    name
        Begins the ids of rows that have none of their own.
    label_rate
        Share of the rows whose label will be sent, in [0, 1].
    seed
        Chooses which: the same seed, the same choice.
    """
    from streamssl.messages.mapped import event_value, label_value
    from streamssl.transport.base import Message

    chance = random.Random(seed)
    excluded = frozenset(exclude)
    events, labels = config.topics.events[0], config.topics.labels[0]
    events_form, labels_form = config.mapping.events_of(events), config.mapping.labels_of(labels)
    for number, row in enumerate(rows, start=1):
        event_id = row.id if row.id is not None else f"{name}-{number}"
        key = event_id.encode()
        features = row.features
        if excluded:
            features = {field: value for field, value in features.items() if field not in excluded}
        event = Message(events, key, event_value(events_form, event_id, row.time, features))
        label = None
        if chance.random() < label_rate and row.label is not None:
            answer = {"event_id": event_id, "label": row.label, "annotator": "replay"}
            label = Message(labels, key, label_value(labels_form, answer))
        yield event, label


def feed(messages: Iterable[tuple[Message, Message | None]], producer: Producer, pace: Pace) -> Iterator[Progress]:
    """Send each event when its time has come, and its label ``label_delay`` seconds later.

    Yields how far it has come whenever the producer was flushed, at the end with nothing waiting.
    """
    labels: deque[tuple[float, Message]] = deque()
    events = sent = 0

    def progress() -> Progress:
        producer.flush()
        return Progress(events, sent, len(labels))

    def send_due_labels() -> None:
        nonlocal sent
        while labels and labels[0][0] <= pace.clock():
            producer.send(labels.popleft()[1])
            sent += 1

    begun = pace.clock()
    for event, label in messages:
        due = begun + events / pace.rate
        while (wait := due - pace.clock()) > 0:
            send_due_labels()
            yield progress()
            pace.sleep(min(wait, LONGEST_NAP))
        producer.send(event)
        events += 1
        if label is not None:
            labels.append((pace.clock() + pace.label_delay, label))
        send_due_labels()
        if events % FLUSH_EVERY == 0:
            yield progress()
    while labels:
        yield progress()
        pace.sleep(min(max(0.0, labels[0][0] - pace.clock()), LONGEST_NAP))
        send_due_labels()
    yield progress()


def _per_second(text: str | None) -> float:
    """Read ``--rate``: a number of events a second, with or without ``/s``."""
    if text is None:
        return float("inf")
    try:
        rate = float(text.removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not rate > 0:
        raise CommandError(f"--rate {text}: it must be a number of events a second above 0, as in 500 or 500/s")
    return rate


@contextmanager
def _shown(limit: int | None) -> Iterator[Callable[[Progress], None]]:
    """Show a progress bar while a person watches."""
    if not on_terminal(sys.stderr):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("events"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s  labels {task.fields[labels]} sent, {task.fields[waiting]} waiting"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("events", total=limit, rate=0.0, labels=0, waiting=0)
        begun = time.monotonic()

        def show(done: Progress) -> None:
            rate = done.events / max(time.monotonic() - begun, 1e-3)
            bar.update(task, completed=done.events, rate=rate, labels=done.labels, waiting=done.waiting)

        yield show
