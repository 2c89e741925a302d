"""``streamssl label``: say what an event is, or many from a file."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamssl.cli.options import ConfigFile, Settings, connected, load
from streamssl.cli.output import CommandError, counted, nearest, say

if TYPE_CHECKING:
    from streamssl.config import Config
    from streamssl.transport.base import Message


def label(
    event_id: Annotated[str | None, typer.Argument(metavar="EVENT_ID", help="The event.")] = None,
    class_name: Annotated[str | None, typer.Argument(metavar="CLASS", help="The class that it is.")] = None,
    config: ConfigFile = None,
    settings: Settings = None,
    annotator: Annotated[str | None, typer.Option("--annotator", "-a", metavar="NAME", help="Who says so.")] = None,
    request_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The review request that this answers.")
    ] = None,
    excluded: Annotated[
        list[str] | None, typer.Option("--not", metavar="CLASS", help="A class that it is not. Repeatable.")
    ] = None,
    abstain: Annotated[bool, typer.Option("--abstain", help='"I don\'t know": an answer, not a label.')] = False,
    retract: Annotated[
        bool, typer.Option("--retract", help="Take the event's label back: --annotator's, or all that were given.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="FILE", help="Label records, one JSON object a line.")
    ] = None,
    export_format: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="TOOL", help="The file is an export of label-studio, prodigy, doccano or argilla."
        ),
    ] = None,
    event_id_path: Annotated[
        str | None,
        typer.Option("--event-id", metavar="PATH", help="Where the event id lies in the export, dotted."),
    ] = None,
    control: Annotated[
        str | None, typer.Option(metavar="NAME", help="The question to read, where the export has several.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Send the good lines of a file that has bad ones.")
    ] = False,
) -> None:
    """Label an event, or send a file of labels.

    A second label for an event corrects the first. Of a file with bad lines nothing is sent, unless --skip-bad.
    With --format, --annotator names who labelled where the export does not.
    """
    said = [class_name is not None, bool(excluded), abstain, retract]
    if file is not None:
        if event_id is not None or any(said):
            raise CommandError("--file stands alone: its lines say which events and classes")
        if export_format is None and (annotator or event_id_path or control):
            raise CommandError("--annotator, --event-id and --control go with --format: label records say it all")
        loaded = load(config, settings)
        lines = (
            _lines(file)
            if export_format is None
            else _exported(file, loaded, export_format, event_id_path, control, annotator)
        )
        labels = _checked(file, lines, loaded, skip_bad)
    else:
        if event_id is None:
            raise CommandError("which event? streamssl label EVENT_ID CLASS, or --file")
        if sum(said) != 1:
            raise CommandError(f"event {event_id}: give either a CLASS, or --not, or --abstain, or --retract")
        if export_format or event_id_path or control:
            raise CommandError("--format, --event-id and --control go with --file")
        loaded = load(config, settings)
        answer = {
            "event_id": event_id,
            "label": class_name,
            "annotator": annotator,
            "request_id": request_id,
            "not": excluded or None,
            "abstain": abstain or None,
        }
        # A record without a value takes back what all have said; it names its event by the key alone.
        value = None if retract and annotator is None else _value(loaded, answer, retract)
        labels = [_message(loaded, event_id.encode(), value)]
    _send(loaded, labels)
    say(f"sent {counted(len(labels), 'label')} to {loaded.topics.labels[0]}")


Line = tuple[str, bytes | CommandError]
"""Where it is in the file, and a label record or what is wrong."""


def _lines(file: Path) -> Iterator[Line]:
    for number, line in enumerate(_read(file).removeprefix(codecs.BOM_UTF8).splitlines(), start=1):
        if line.strip():
            yield f"line {number}", line


def _exported(
    file: Path, config: Config, tool: str, event_id: str | None, control: str | None, annotator: str | None
) -> Iterator[Line]:
    """Yield the labels of another tool's export as records."""
    from streamssl.connectors.exports import FORMATS, Unreadable, items, labels_of

    known = next((each for each in FORMATS if each == tool), None)
    if known is None:
        raise CommandError(f"--format {tool}: it must be one of {', '.join(FORMATS)}{nearest(tool, FORMATS)}")
    try:
        found = list(items(_read(file)))
    except Unreadable as error:
        raise CommandError(f"{file}: {error}") from error
    for place, item in found:
        try:
            for fields in labels_of(item, known, event_id, control):
                named = fields if fields.get("annotator") is not None else fields | {"annotator": annotator}
                yield place, _value(config, named)
        except Unreadable as error:
            yield place, CommandError(str(error))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"--file {file}: {error.strerror}") from error


def _checked(file: Path, lines: Iterable[Line], config: Config, skip_bad: bool) -> list[Message]:
    """Check every line as the service will; say which are bad, by number and field."""
    labels: list[Message] = []
    bad = 0
    for place, line in lines:
        try:
            if isinstance(line, CommandError):
                raise line
            labels.append(_message(config, None, line))
        except CommandError as error:
            say(f"{file} {place}: {error}")
            bad += 1
    if bad and not skip_bad:
        lines_are = "line is" if bad == 1 else "lines are"
        raise CommandError(f"{file}: {bad} {lines_are} bad, so nothing was sent; --skip-bad sends the others")
    return labels


def _value(config: Config, fields: Mapping[str, Any], retracts: bool = False) -> bytes:
    from streamssl.messages.mapped import Unwritable, label_value

    try:
        return label_value(config.mapping.labels_of(config.topics.labels[0]), fields, retracts)
    except Unwritable as error:
        raise CommandError(str(error)) from error


def _message(config: Config, key: bytes | None, value: bytes | None) -> Message:
    """Return the record of a label that the service will understand.

    Raises
    ------
    CommandError
        When it will not; the message names the field.
    """
    from streamssl.messages import Invalid, decode_label
    from streamssl.messages.mapping import Mapper
    from streamssl.transport.base import Message, Record

    topic = config.topics.labels[0]
    try:
        understood = decode_label(Record(topic, 0, 0, int(time.time() * 1_000), key, value), Mapper(config.mapping))
    except Invalid as error:
        raise CommandError(str(error)) from error
    return Message(topic, understood.event_id.encode(), value)


def _send(config: Config, labels: Iterable[Message]) -> None:
    from streamssl.runtime.topics import check_topics

    with connected(config) as transport:
        check_topics(transport, config)
        with transport.producer() as producer:
            for each in labels:
                producer.send(each)
            producer.flush()
