"""``streamssl topics``: create the topics of a configuration, and look at them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from streamssl.cli.options import ConfigFile, Settings, connected, load
from streamssl.cli.output import print_table

if TYPE_CHECKING:
    from streamssl.config import Topics

app = typer.Typer(no_args_is_help=True, help="Create and list the topics.")

KAFKA_PARTITIONS = 4


@app.command("create")
def create(
    config: ConfigFile = None,
    settings: Settings = None,
    partitions: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Partitions of events, predictions and journal. Default: 4 on Kafka, 1 embedded.",
        ),
    ] = None,
    replication: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Copies of each partition. Default: the broker's.")
    ] = None,
) -> None:
    """Create the topics that do not exist yet.

    Retention covers the snapshots and the time that events wait for labels. Topics that exist are left as they
    are. The number of event partitions is the greatest number of workers that can share them.
    """
    from streamssl.runtime.topics import topic_specs

    loaded = load(config, settings)
    count = partitions or (KAFKA_PARTITIONS if loaded.transport == "kafka" else 1)
    specs = [replace(spec, replication=replication) for spec in topic_specs(loaded, count)]
    with connected(loaded) as transport:
        created = set(transport.create_topics(specs))
        existing = transport.topics()
    rows = [
        (spec.name, "created" if spec.name in created else "was there", existing.get(spec.name, spec.partitions))
        for spec in specs
    ]
    print_table("Topics", ["topic", "state", "partitions"], rows, right=["partitions"])


@app.command("list")
def list_topics(config: ConfigFile = None, settings: Settings = None) -> None:
    """List every topic: role, partitions, first and last offset."""
    loaded = load(config, settings)
    roles = topic_roles(loaded.topics)
    rows: list[tuple[object, ...]] = []
    with connected(loaded) as transport:
        existing = transport.topics()
        for name, role in roles.items():
            if name not in existing:
                rows.append((name, role, None, None, None, "missing"))
                continue
            for partition, (first, end) in sorted(transport.offsets(name).items()):
                rows.append((name, role, partition, first, end, end - first))
    columns = ["topic", "role", "partition", "first", "end", "records"]
    print_table("Topics", columns, rows, right=columns[2:])


def topic_roles(topics: Topics) -> dict[str, str]:
    """Return the name and the role of every topic that the configuration names.

    Examples
    --------
    >>> from streamssl.config import Topics
    >>> topic_roles(Topics(events=("alerts", "payments")))["payments"]
    'events'
    """
    return {
        name: role
        for role, names in topics.model_dump().items()
        for name in ([names] if isinstance(names, str) else names)
    }
