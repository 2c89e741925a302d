"""Files of labels that somebody uploads: CSV or JSON Lines, with a word on every line.

Columns (or names) are those of our own label records: ``event_id`` and ``label``; optional ``annotator``,
``request_id``, ``confidence``, ``not`` (in CSV: classes with ``|`` in between), ``abstain`` and
``seen_prediction``. A line with an empty label retracts. Others are ignored. The same file once more changes
nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import orjson

from streamssl.config import Config, MappingSettings
from streamssl.connectors.database import Database
from streamssl.messages import Invalid, Label, decode_label
from streamssl.messages.mapped import Unwritable
from streamssl.messages.mapping import Mapper
from streamssl.review import decisions, queue
from streamssl.review.decisions import Said
from streamssl.review.desk import Desk
from streamssl.review.people import Person
from streamssl.transport.base import Record

LINES_TOLD = 1_000
"""Lines of the report that are kept; those with a problem come first."""
LINES_AT_ONCE = 500
"""Lines of one transaction: others need not wait for a long file."""
DELIMITERS = ",;\t"

FIELDS = frozenset(
    {"event_id", "label", "annotator", "request_id", "confidence", "not", "abstain", "seen_prediction", "time"}
)


class Line(NamedTuple):
    """One line of a file."""

    number: int
    text: str
    """The line, shortened."""
    fields: dict[str, Any] | None
    """By the names of our own records; None: it cannot be read."""
    problem: str | None


class ReportLine(NamedTuple):
    """What became of one line."""

    number: int
    text: str
    problem: str | None
    """None: it was accepted."""


class Report(NamedTuple):
    """What became of a file."""

    accepted: int
    refused: int
    lines: list[ReportLine]
    """Those with a problem first; at most `LINES_TOLD`."""


def read_labels(data: bytes, name: str) -> Iterator[Line]:
    r"""Yield the lines of a file that say something.

    Parameters
    ----------
    data
        The file, UTF-8.
    name
        Its name; JSON Lines where it ends in ``.jsonl``, ``.ndjson`` or ``.json``, CSV otherwise.

    Examples
    --------
    >>> [(line.number, line.fields) for line in read_labels(b"event_id,label\ne1,spam\n", "labels.csv")]
    [(2, {'event_id': 'e1', 'label': 'spam'})]
    >>> [line.problem for line in read_labels(b"{\n", "labels.jsonl")]
    ['not JSON: unexpected end of data: line 1 column 2 (char 1)']
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        yield Line(line, "", None, f"not UTF-8 at byte {error.start}: save the file as UTF-8")
        return
    yield from _json_lines(text) if name.lower().endswith((".jsonl", ".ndjson", ".json")) else _csv(text)


class Uploads:
    """Enters the labels of files.

    Parameters
    ----------
    desk
        Where decisions are kept.
    config
        Of the labels topic.
    """

    def __init__(self, desk: Desk, config: Config) -> None:
        self._desk = desk
        self._topic = config.topics.labels[0]
        # Uploaded files are in our own form; how the topic wants it is the writer's affair.
        self._mapper = Mapper(MappingSettings())

    def enter(self, person: Person, data: bytes, name: str, now: int) -> Report:
        """Enter the labels of a file; the good lines, whatever the others are.

        Parameters
        ----------
        person
            Whose labels they are, unless a line names somebody else, which only a lead's may.
        now
            Ms since the epoch.
        """
        lines = read_labels(data, name)
        accepted = n_refused = 0
        told: list[ReportLine] = []
        refused: list[ReportLine] = []
        while some := list(islice(lines, LINES_AT_ONCE)):
            with self._desk.database() as database:
                for line in some:
                    problem = line.problem or self._enter_line(database, person, line, now)
                    (told if problem is None else refused).append(ReportLine(line.number, line.text, problem))
                    accepted += problem is None
                    n_refused += problem is not None
            self._desk.labels_wait()
            del told[LINES_TOLD:], refused[LINES_TOLD:]
        return Report(accepted, n_refused, [*refused, *told][:LINES_TOLD])

    def _enter_line(self, database: Database, person: Person, line: Line, now: int) -> str | None:
        """Enter one line, inside a transaction; return what is wrong with it."""
        try:
            label = decode_label(
                Record(self._topic, 0, 0, now, None, orjson.dumps(line.fields)),
                self._mapper,
            )
        except orjson.JSONEncodeError as error:
            return f"cannot be used: {error}"
        except Invalid as error:
            return str(error)
        try:
            annotator = label.annotator or person.name
            if annotator != person.name and not person.is_lead:
                return f"annotator: only a lead may upload labels of somebody else ({annotator})"
            return self._enter(database, label, annotator, now)
        except (Invalid, Unwritable) as error:
            return str(error)

    def _enter(self, database: Database, label: Label, annotator: str, now: int) -> str | None:
        if label.request_id is not None:
            question = queue.get(database, label.request_id)
            if question is None or question.event_id != label.event_id:
                return f"request_id: there is no such question about {label.event_id}"
        said = (
            Said(abstain=True) if label.abstain else Said(label.label, label.excluded, confidence=label.confidence)
        )
        if said.label is not None and (problem := self._desk.problem_with(said.label)):
            return f"label: {problem}"
        saw_guess = self._desk.has_seen(label.event_id, annotator)
        held = decisions.holding(database, label.request_id, label.event_id, annotator)
        if not said.is_something:
            if held is None:
                return "label: is empty, and there is nothing of this annotator's to be taken back"
            decisions.take_back(database, self._desk.writer, held, saw_guess=saw_guess, now=now)
        elif not decisions.is_nothing_new(database, held, said):
            decisions.enter(
                database,
                self._desk.writer,
                request_id=label.request_id,
                event_id=label.event_id,
                person=annotator,
                said=said,
                saw_guess=label.seen_prediction or saw_guess,
                now=now,
                uploaded=True,
            )
            queue.learn_classes(database, [said.label] if said.label else [])
        if label.request_id is not None:
            queue.release(database, label.request_id, annotator)
            queue.recount(database, label.request_id, now)
        return None


def _json_lines(text: str) -> Iterator[Line]:
    # Not splitlines: a text in JSON may hold other characters that some take for the end of a line.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Line(number, _short(line), None, f"not JSON: {error}")
            continue
        is_object = isinstance(fields, dict)
        yield Line(number, _short(line), fields if is_object else None, None if is_object else "not a JSON object")


def _csv(text: str) -> Iterator[Line]:
    rows = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    names: list[str] | None = None
    try:
        for row in rows:
            number = rows.line_num
            if not any(cell.strip() for cell in row):
                continue
            if names is None:
                names = [cell.strip() for cell in row]
                if twice := [name for name in sorted(FIELDS) if names.count(name) > 1]:
                    problem = f"the first line names {' and '.join(twice)} more than once"
                    yield Line(number, _short(",".join(row)), None, problem)
                    return
                if missing := [name for name in ("event_id", "label") if name not in names]:
                    problem = f"the first line must name the columns, and there is no {' and no '.join(missing)}"
                    yield Line(number, _short(",".join(row)), None, problem)
                    return
            elif len(row) != len(names):
                cells = f"{len(row)} cells, the first line has {len(names)}"
                yield Line(number, _short(",".join(row)), None, cells)
            else:
                yield Line(number, _short(",".join(row)), _cells(names, row), None)
    except csv.Error as error:
        yield Line(rows.line_num, "", None, f"not CSV: {error}")


def _cells(names: list[str], row: list[str]) -> dict[str, Any]:
    """Return the cells of a row that say something, as values of a label record."""
    said: dict[str, Any] = {}
    for name, cell in zip(names, row, strict=True):
        if name not in FIELDS or not cell.strip():
            continue
        match name:
            case "not":
                said[name] = [each.strip() for each in cell.split("|") if each.strip()]
            case "confidence":
                said[name] = _number(cell)
            case "abstain" | "seen_prediction":
                said[name] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
                    cell.strip().lower(), cell
                )
            case _:
                said[name] = cell.strip()
    return said if {"label", "not", "abstain"} & said.keys() else said | {"label": None}


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _delimiter(text: str) -> str:
    """Return what separates the names in the first line."""
    first = text.lstrip().partition("\n")[0]
    return max(DELIMITERS, key=first.count)


def _short(line: str) -> str:
    return line if len(line) <= 200 else f"{line[:199]}…"
