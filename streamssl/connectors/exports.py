"""What labelling tools export, read as labels: Label Studio, Prodigy, Doccano, Argilla.

Each reader takes one item of an export and yields labels as fields by the names of our own records, not checked
yet: what cannot be used is refused where labels are checked. An item without an answer yields nothing.

============  =================================  ==========================  ====================================
tool          file                               event id lies at            annotator
============  =================================  ==========================  ====================================
label-studio  JSON (not JSON-MIN)                meta.streamssl.event_id     completed_by: e-mail, else
                                                 (else data.event_id)        label-studio-NUMBER
prodigy       JSON Lines (``prodigy db-out``)    meta.event_id               _annotator_id
doccano       JSON Lines, one file a user        event_id                    not in the file
argilla       JSON (``records.to_json``)         id                          user_id
============  =================================  ==========================  ====================================
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

import orjson

from streamssl.messages.mapping import ABSENT, lookup, parse_path

Format = Literal["label-studio", "prodigy", "doccano", "argilla"]
FORMATS: tuple[Format, ...] = get_args(Format)

Fields = dict[str, Any]
"""A label by the names of our own records; None where nothing is said."""

EVENT_IDS: Mapping[Format, tuple[str, ...]] = {
    "label-studio": ("meta.streamssl.event_id", "data.event_id"),
    "prodigy": ("meta.event_id",),
    "doccano": ("event_id",),
    "argilla": ("id",),
}
"""Where the event id lies, the first place first, unless another is named."""


class Unreadable(Exception):
    """The file, or an item of it, is not what the tool exports; the message says what is wrong."""


class Item(NamedTuple):
    """One item of an export."""

    place: str
    """Where it is in the file."""
    value: Any


def items(data: bytes) -> Iterator[Item]:
    """Yield the items of a file: of a JSON list, or line by line.

    Raises
    ------
    Unreadable
        When the file or a line is not JSON.
    """
    data = data.removeprefix(codecs.BOM_UTF8)  # editors on Windows put it there
    if data.lstrip()[:1] == b"[":
        for number, value in enumerate(_json(data, "the file"), start=1):
            yield Item(f"item {number}", value)
        return
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            yield Item(f"line {number}", _json(line, f"line {number}"))


def labels_of(item: Any, tool: Format, event_id: str | None = None, control: str | None = None) -> Iterator[Fields]:
    """Yield the labels of one item.

    Parameters
    ----------
    tool
        What exported it.
    event_id
        Dotted path of the event id; None: where the tool's exports have it.
    control
        Name of the Choices tag or the question, where there are several.

    Raises
    ------
    Unreadable
        When it is not what the tool exports, or brings several classes for one event.
    """
    if not isinstance(item, dict):
        raise Unreadable("must be an object")
    try:
        found = list(_READERS[tool](item, control))
    except KeyError as error:
        raise Unreadable(f"is not what {tool} exports: it has no {error}") from error
    except (TypeError, AttributeError, ValueError, IndexError) as error:
        raise Unreadable(f"is not what {tool} exports: {error!r}") from error
    paths = EVENT_IDS[tool] if event_id is None else (event_id,)
    ids = [value for path in paths if (value := lookup(parse_path(path))(item)) is not ABSENT]
    for fields in found:
        if not ids:
            raise Unreadable(f"has no event id at {' or '.join(paths)}: name its place with --event-id")
        yield {"event_id": ids[0], **fields}


def _label_studio(item: dict[str, Any], control: str | None) -> Iterator[Fields]:
    meta = (item.get("meta") or {}).get("streamssl") or {}
    shown = any(_guesses(each) for each in item.get("predictions") or ())
    # Of several by one person the newest holds, wherever it is in the file.
    for annotation in sorted(item["annotations"], key=lambda each: str(each.get("updated_at") or "")):
        fields: Fields = {
            "annotator": _user(annotation.get("completed_by")),
            "time": annotation.get("updated_at"),
            "request_id": meta.get("request_id"),
            "seen_prediction": True if shown or _guesses(annotation.get("prediction")) else None,
        }
        parts = [
            part["value"]["choices"]
            for part in annotation["result"]
            if part["type"] == "choices" and control in (None, part["from_name"])
        ]
        if annotation.get("was_cancelled"):
            yield fields | {"abstain": True}
        elif parts:
            yield fields | {"label": _only([choice for part in parts for choice in part])}


def _user(who: Any) -> str | None:
    """Return the name that the connector gives to the same person, as far as the export tells."""
    number = who["id"] if isinstance(who, dict) else who
    email = who.get("email") if isinstance(who, dict) else None
    return email or (None if number is None else f"label-studio-{number}")


def _guesses(prediction: Any) -> bool:
    """Tell whether a prediction says a class, there to be seen; the connector's own do so only if it is wanted."""
    return isinstance(prediction, dict) and bool(prediction.get("result"))


def _prodigy(item: dict[str, Any], control: str | None) -> Iterator[Fields]:
    seconds = item.get("_timestamp")
    fields: Fields = {
        "annotator": item.get("_annotator_id"),
        "time": None if seconds is None else int(1_000 * seconds),
    }
    chosen = item["accept"] if "accept" in item else [item["label"]]
    match item["answer"]:
        case "ignore":
            yield fields | {"abstain": True}
        case "accept" if chosen:
            yield fields | {"label": _only(chosen)}
        case "reject" if "accept" not in item:
            yield fields | {"not": chosen}


def _doccano(item: dict[str, Any], control: str | None) -> Iterator[Fields]:
    if item["label"]:
        yield {"label": _only(item["label"])}


def _argilla(item: dict[str, Any], control: str | None) -> Iterator[Fields]:
    questions = {name: given for name, given in item["responses"].items() if control in (None, name)}
    if len(questions) > 1:
        raise Unreadable(f"answers several questions, {', '.join(questions)}: name one with --control")
    for given in questions.values():
        for answer in given:
            value = answer["value"]
            label = _only(value) if isinstance(value, list) else value
            if label is not None:
                yield {"annotator": answer.get("user_id"), "label": label}


_READERS: Mapping[Format, Callable[[dict[str, Any], str | None], Iterator[Fields]]] = {
    "label-studio": _label_studio,
    "prodigy": _prodigy,
    "doccano": _doccano,
    "argilla": _argilla,
}


def _only(classes: list[Any]) -> Any:
    if len(classes) != 1:
        raise Unreadable(f"has {len(classes)} classes: an event has one")
    return classes[0]


def _json(text: bytes, place: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"{place}: not JSON: {error}") from None
