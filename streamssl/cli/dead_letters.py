"""``streamssl dead-letters``: look at the records that could not be used, and send them again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

import orjson
import typer

from streamssl.cli.options import ConfigFile, Settings, connected, load
from streamssl.cli.output import CommandError, counted, escaped, print_table, say, size

if TYPE_CHECKING:
    from streamssl.transport.base import Message, Record, Transport

app = typer.Typer(no_args_is_help=True, help="Look at records that could not be used, and send them again.")

ERROR_HEADERS = "__streamssl.errors."


class DeadLetter(NamedTuple):
    """A record of the dead-letter topic, and what its headers say about it."""

    record: Record
    errors: dict[str, str]
    """``exception``, ``message``, ``topic``, ``partition``, ``offset``, ``stage``, as far as they are there."""

    @property
    def position(self) -> str:
        """Where it lies in the dead-letter topic, as ``--offset`` takes it."""
        return f"{self.record.partition}:{self.record.offset}"

    @property
    def source(self) -> str:
        """Where it came from."""
        errors = self.errors
        return f"{errors.get('topic', '?')}[{errors.get('partition', '?')}]@{errors.get('offset', '?')}"

    def original(self) -> Message:
        """Return the record as it was received, to be sent to where it came from.

        Raises
        ------
        CommandError
            When the headers do not say where that was.
        """
        from streamssl.transport.base import Message

        if "topic" not in self.errors:
            raise CommandError(
                f"dead letter {self.position} does not say where it came from: no {ERROR_HEADERS}topic"
            )
        headers = tuple(header for header in self.record.headers if not header[0].startswith(ERROR_HEADERS))
        return Message(self.errors["topic"], self.record.key, self.record.value, headers)


@app.command("list")
def list_dead_letters(
    config: ConfigFile = None,
    settings: Settings = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show only the newest so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with everything.")] = False,
) -> None:
    """List dead letters, the newest last: where each came from, why, and how it begins."""
    loaded = load(config, settings)
    with connected(loaded) as transport:
        newest = deque(_read(transport, loaded.topics.dead_letters), maxlen=limit)
    if as_json:
        for letter in newest:
            print(orjson.dumps(_as_json(letter)).decode())
        return
    if not newest:
        say(f"no dead letters in {loaded.topics.dead_letters}")
        return
    rows = [
        (
            letter.position,
            letter.source,
            letter.errors.get("stage"),
            letter.errors.get("exception"),
            escaped(letter.errors.get("message", "").encode(), 200),
            escaped(letter.record.key) if letter.record.key is not None else None,
            size(len(letter.record.value or b"")),
            escaped(letter.record.value),
        )
        for letter in newest
    ]
    columns = ["position", "from", "stage", "exception", "message", "key", "size", "begins"]
    print_table("Dead letters", columns, rows, right=["size"])


@app.command("replay")
def replay(
    config: ConfigFile = None,
    settings: Settings = None,
    offsets: Annotated[
        list[str] | None,
        typer.Option("--offset", metavar="[PARTITION:]OFFSET", help="One dead letter, as listed. Repeatable."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are there.")] = False,
) -> None:
    """Send dead letters back to the topics they came from, bytes, key and headers as received.

    They stay in the dead-letter topic: what is sent twice is processed twice. What still cannot be used comes
    back as a new dead letter.
    """
    if every == bool(offsets):
        raise CommandError("say which: either --offset, as `streamssl dead-letters list` shows it, or --all")
    loaded = load(config, settings)
    wanted = {_position(text) for text in offsets or ()}
    with connected(loaded) as transport:
        letters = [
            letter for letter in _read(transport, loaded.topics.dead_letters) if every or letter.position in wanted
        ]
        missing = wanted - {letter.position for letter in letters}
        if missing:
            raise CommandError(
                f"{loaded.topics.dead_letters} holds nothing at {', '.join(sorted(missing))}: nothing was sent"
            )
        _send(transport, [letter.original() for letter in letters])
    say(f"sent {counted(len(letters), 'dead letter')} again")


def _read(transport: Transport, topic: str) -> Iterator[DeadLetter]:
    if topic not in transport.topics():
        raise CommandError(f"there is no topic {topic}: has the service ever run with this configuration?")
    with transport.reader([topic]) as reader:
        while not reader.at_end():
            yield from map(_dead_letter, reader.poll())


def _dead_letter(record: Record) -> DeadLetter:
    errors = {
        name.removeprefix(ERROR_HEADERS): value.decode("utf-8", "backslashreplace")
        for name, value in record.headers
        if name.startswith(ERROR_HEADERS)
    }
    return DeadLetter(record, errors)


def _send(transport: Transport, messages: Iterable[Message]) -> None:
    existing = transport.topics()
    messages = list(messages)
    for message in messages:
        if message.topic not in existing:
            raise CommandError(f"there is no topic {message.topic} any more: nothing was sent")
    with transport.producer() as producer:
        for message in messages:
            producer.send(message)
        producer.flush()


def _position(text: str) -> str:
    partition, _, offset = text.rpartition(":")
    if not offset.isdecimal() or not (partition or "0").isdecimal():
        raise CommandError(f"--offset {text}: it must read OFFSET or PARTITION:OFFSET, as in 0:17")
    return f"{int(partition or 0)}:{int(offset)}"


def _as_json(letter: DeadLetter) -> dict[str, object]:
    record = letter.record
    return {
        "position": letter.position,
        "timestamp": record.timestamp,
        **letter.errors,
        "key": None if record.key is None else record.key.decode("utf-8", "backslashreplace"),
        "size": len(record.value or b""),
        "value": None if record.value is None else record.value.decode("utf-8", "backslashreplace"),
    }
