"""What all commands share: where the configuration comes from, and the topics that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamssl.cli.output import CommandError, CommandFailed

if TYPE_CHECKING:
    from streamssl.config import Config
    from streamssl.transport.base import Transport

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Configuration, YAML or TOML. Default: all defaults."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override a key: kafka.group_id=trial. Repeatable."),
]


def load(file: Path | None, settings: list[str] | None = None, flags: Mapping[str, Any] | None = None) -> Config:
    """Load the configuration: file, then environment, then ``--set``, then flags.

    Parameters
    ----------
    flags
        Dotted key -> value of the flags that stand for one key; None where a flag was not given.

    Raises
    ------
    CommandError
        When the file, a key or a value is wrong.
    """
    from streamssl.config import ConfigError, load_config, parse_value

    overrides: dict[str, Any] = {}
    for setting in settings or ():
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise CommandError(f"--set {setting}: it must read KEY=VALUE, as in kafka.group_id=trial")
        overrides[key.strip()] = parse_value(value)
    overrides |= {key: value for key, value in (flags or {}).items() if value is not None}
    try:
        return load_config(file, overrides)
    except ConfigError as error:
        raise CommandError(str(error)) from error


@contextmanager
def connected(config: Config) -> Iterator[Transport]:
    """Connect to where the topics live, and let go of it afterwards.

    Raises
    ------
    CommandFailed
        When the topics or their server cannot do what is asked of them.
    """
    from streamssl.transport import connect
    from streamssl.transport.base import TransportError

    try:
        with closing(connect(config)) as transport:
            yield transport
    except TransportError as error:
        raise CommandFailed(str(error)) from error
