"""Files of events: CSV, JSON Lines and Parquet, read row by row.

==============================  ==============================================================================
file                            what a row is
==============================  ==============================================================================
``.csv`` ``.csv.gz``            one event; a column whose first values are all numbers holds numbers, one of
                                true and false booleans, any other text; an empty cell is null
``.jsonl`` ``.ndjson`` ``.gz``  one object a line: its fields are the features, or those under ``features``
``.parquet``                    one event; needs pyarrow
==============================  ==============================================================================

The columns of label, id and time never become features.
"""

from __future__ import annotations

import csv
import gzip
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

TYPED_BY = 1_000
"""Rows of a CSV file that decide which of its columns hold numbers."""

_NUMBER = re.compile(r"[+-]?(?!0\d)(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MISSING = frozenset({"", "nan", "null", "none", "na", "n/a", "?"})
"""What stands for a missing value among numbers and booleans; in text only the empty cell does."""
_BOOLEANS = {"true": True, "false": False}


class DatasetError(Exception):
    """The file cannot be read as events; the message names the file and the line."""


class Row(NamedTuple):
    """One event of a file."""

    features: dict[str, Any]
    label: str | None
    """The class, as text; None where the file has none."""
    id: str | None
    time: str | int | float | None


def read_events(
    path: str | Path,
    *,
    label_column: str = "label",
    id_column: str | None = None,
    time_column: str | None = None,
) -> Iterator[Row]:
    """Read the events of a file, in its order and in bounded memory.

    Parameters
    ----------
    path
        The file; its suffix says what it holds.
    label_column
        Column of the classes. A file without it has unlabelled events only.
    id_column, time_column
        Columns of the events' ids and times; without them rows have none, except that an object with
        ``features`` brings its own ``id`` and ``time``.

    Raises
    ------
    DatasetError
        When the file is missing, of another kind, not readable, or lacks a column that was asked for.
    """
    path = Path(path)
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file")
    match path.name.lower().removesuffix(".gz").rpartition(".")[2]:
        case "csv":
            objects = _read_csv(path, label_column)
        case "jsonl" | "ndjson":
            objects = _read_json_lines(path)
        case "parquet":
            objects = _read_parquet(path)
        case _:
            raise DatasetError(f"{path}: the name must end in .csv, .jsonl or .ndjson (also .gz), or .parquet")
    return _rows(path, objects, label_column, id_column, time_column)


def _rows(
    path: Path,
    objects: Iterator[dict[str, Any]],
    label_column: str,
    id_column: str | None,
    time_column: str | None,
) -> Iterator[Row]:
    for number, fields in enumerate(objects, start=1):
        if number == 1:
            _check_columns(path, fields, id_column, time_column)
        label = _text(fields.pop(label_column, None))
        if isinstance(fields.get("features"), dict):
            event_id = fields.get(id_column or "id")
            time = fields.get(time_column or "time")
            features = fields["features"]
        else:
            event_id = fields.pop(id_column, None) if id_column else None
            time = fields.pop(time_column, None) if time_column else None
            features = fields
        yield Row(features, label, _text(event_id), time)


def _check_columns(path: Path, fields: Mapping[str, Any], *columns: str | None) -> None:
    for column in columns:
        if column is not None and column not in fields:
            raise DatasetError(f"{path}: there is no column {column!r}; there are {', '.join(fields)}")


def _text(value: Any) -> str | None:
    """Return a class or an id as the text that stands for it in JSON."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, default=_plain).decode()


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
                yield file
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield file
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error


def _read_csv(path: Path, label_column: str) -> Iterator[dict[str, Any]]:
    with _opened(path) as file:
        reader = csv.reader(file)
        names = next(reader, None)
        if not names:
            raise DatasetError(f"{path}: the first line must name the columns, and there is none")
        first = list(islice(reader, TYPED_BY))
        conversions = [
            _text_cell if name == label_column else _conversion(row[place] for row in first if place < len(row))
            for place, name in enumerate(names)
        ]
        for number, cells in enumerate(chain(first, reader), start=2):
            if not cells:
                continue
            if len(cells) != len(names):
                raise DatasetError(f"{path}: row {number} has {len(cells)} cells, the first line {len(names)}")
            yield {name: convert(cell) for name, convert, cell in zip(names, conversions, cells, strict=True)}


def _conversion(cells: Iterable[str]) -> Callable[[str], Any]:
    """Return what makes a cell of this column a value.

    Numbers are numbers only if all of them are: codes such as ``007`` and ``A7`` stay text.
    """
    values = [value for cell in cells if (value := cell.strip().lower()) not in _MISSING]
    if values and all(_NUMBER.fullmatch(value) for value in values):
        return _number_cell
    if values and all(value in _BOOLEANS for value in values):
        return _boolean_cell
    return _text_cell


def _text_cell(cell: str) -> str | None:
    return cell or None


def _boolean_cell(cell: str) -> bool | str | None:
    value = cell.strip().lower()
    return None if value in _MISSING else _BOOLEANS.get(value, cell)


def _number_cell(cell: str) -> int | float | str | None:
    """Return the cell's number; text where a later row holds something else."""
    if cell.isdecimal() and len(cell) < 19:
        return int(cell)
    try:
        number = float(cell)
    except ValueError:
        return None if cell.strip().lower() in _MISSING else cell
    return None if math.isnan(number) else number


def _read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                fields = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise DatasetError(f"{path}: line {number} is not JSON: {error}") from error
            if not isinstance(fields, dict):
                raise DatasetError(f"{path}: line {number} is not an object")
            yield fields


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DatasetError(f"{path}: Parquet needs pyarrow, which is not here: pip install pyarrow") from error
    try:
        for batch in parquet.ParquetFile(path).iter_batches():
            for fields in batch.to_pylist():
                yield {name: _plain(value) for name, value in fields.items()}
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error


def _plain(value: Any) -> Any:
    """Return a value that Parquet knows and JSON does not as one that both know."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case _:
            return value
