"""``streamssl schema``: what records on the wire look like, and the generated reference pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from streamssl.cli.output import CommandError, nearest, say


def schema(
    topic: Annotated[str | None, typer.Option("--topic", "-t", metavar="NAME", help="Only this one.")] = None,
    write: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write one file a topic, and configuration.md, into this folder."),
    ] = None,
) -> None:
    """Print the JSON Schemas of all records.

    With --write, write them and the reference of the configuration as files.
    """
    from streamssl.config import config_reference
    from streamssl.messages.records import json_schemas

    schemas = json_schemas()
    if topic is not None:
        # Topics are named in the plural, the record that each holds in the singular.
        name = topic.removesuffix("s")
        if name not in schemas:
            raise CommandError(
                f"--topic {topic}: there is no such record{nearest(name, schemas)} ({', '.join(schemas)})"
            )
        schemas = {name: schemas[name]}
    if write is None:
        print(orjson.dumps(schemas if topic is None else schemas[name], option=orjson.OPT_INDENT_2).decode())
        return
    write.mkdir(parents=True, exist_ok=True)
    pages = {
        f"{name}.json": orjson.dumps(each, option=orjson.OPT_INDENT_2).decode() + "\n"
        for name, each in schemas.items()
    }
    if topic is None:
        pages["configuration.md"] = config_reference()
    for name, text in pages.items():
        (write / name).write_text(text, encoding="utf-8")
        say(f"wrote {write / name}")
