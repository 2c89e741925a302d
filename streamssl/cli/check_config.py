"""``streamssl check-config``: does the configuration say what was meant, before anything runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamssl.cli.options import ConfigFile, Settings, connected, load
from streamssl.cli.output import CommandError, counted, nearest, print_table, say
from streamssl.cli.topics import topic_roles

if TYPE_CHECKING:
    from streamssl.checking import Checked
    from streamssl.config import Config
    from streamssl.transport.base import Record


def check_config(
    config: ConfigFile = None,
    settings: Settings = None,
    sample: Annotated[
        str | None,
        typer.Option(metavar="FILE|TOPIC", help="Show what the mapping makes of these: JSON Lines, or a topic."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Look at so many records of the sample.")] = 100,
) -> None:
    """Check the configuration and print it.

    File, environment and --set are merged, secrets are masked, and it is said which topics are there. With
    --sample, records are read as the service would read them: what each field becomes, which records would be
    dead letters, and why. Exit codes: 0 well, 1 topics are out of reach, 2 the configuration is wrong.
    """
    loaded = load(config, settings)
    print(loaded.to_yaml(), end="")
    if sample is not None:
        from streamssl.checking import check_sample

        _show_sample(list(check_sample(loaded, islice(_sample(sample, loaded), limit))))
    _show_topics(loaded)


def _show_topics(config: Config) -> None:
    from streamssl.cli.reaching import reachable_topics

    if config.transport == "sqlite" and not Path(config.sqlite.path).exists():
        say(f"sqlite.path: {config.sqlite.path} does not exist; the first run makes it")
        return
    existing = reachable_topics(config)
    rows = [(name, role, existing.get(name, "missing")) for name, role in topic_roles(config.topics).items()]
    print_table("Topics", ["topic", "role", "partitions"], rows, right=["partitions"], apart=True)
    if any(name not in existing for name in config.topics.all_names()):
        say("missing topics: `streamssl topics create` makes them")


def _sample(name: str, config: Config) -> Iterator[Record]:
    """Yield the records of a file, each line an event, or of a topic."""
    if Path(name).is_file():
        return _records_of_file(Path(name), config.topics.events[0])
    topics = config.topics.all_names()
    if name not in topics:
        raise CommandError(f"--sample {name}: neither a file nor a topic that is configured{nearest(name, topics)}")
    return _records_of_topic(name, config)


def _records_of_file(path: Path, topic: str) -> Iterator[Record]:
    from streamssl.transport.base import Record

    now = int(time.time() * 1_000)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield Record(topic, 0, number, now, None, line)


def _records_of_topic(name: str, config: Config) -> Iterator[Record]:
    with connected(config) as transport:
        if name not in transport.topics():
            raise CommandError(f"--sample {name}: the topic does not exist")
        with transport.reader([name]) as reader:
            while not reader.at_end():
                yield from reader.poll()


def _show_sample(sample: list[Checked]) -> None:
    """Print what the parts and fields of the records become, then what would be dead letters."""
    used = [checked for checked in sample if checked.problem is None]
    dead = len(sample) - len(used)
    say(f"{counted(len(sample), 'record')}: {len(used)} can be used, {dead} would be dead letters")
    parts = _summary(checked.parts for checked in used)
    print_table("What records say", ["part", "records", "first"], parts, right=["records"], apart=True)
    fields = [
        (name, ", ".join(f"{kind} ({count})" for kind, count in kinds.most_common()), first)
        for name, kinds, first in _kinds(checked.features for checked in used)
    ]
    print_table("Features", ["field", "read as (records)", "first"], fields, apart=True)
    problems = Counter(checked.problem for checked in sample if checked.problem is not None)
    if problems:
        firsts = {checked.problem: checked.record.offset for checked in reversed(sample)}
        rows = [(problem, count, firsts[problem]) for problem, count in problems.most_common()]
        print_table(
            "Dead letters", ["problem", "records", "first at"], rows, right=["records", "first at"], apart=True
        )


def _summary(records: Iterable[dict[str, str]]) -> list[tuple[str, int, str]]:
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for parts in records:
        counts.update(parts.keys())
        first = parts | first
    return [(name, count, first[name]) for name, count in counts.items()]


def _kinds(records: Iterable[dict[str, str]]) -> list[tuple[str, Counter[str], str]]:
    """Return of every field how often it was which kind (the first word that describes it), and the first."""
    kinds: dict[str, Counter[str]] = {}
    first: dict[str, str] = {}
    for fields in records:
        for name, described in fields.items():
            kinds.setdefault(name, Counter())[described.split()[0].rstrip(":")] += 1
            first.setdefault(name, described)
    return [(name, counter, first[name]) for name, counter in kinds.items()]
