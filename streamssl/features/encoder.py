"""From the features of events to rows of float32, in record order."""

from __future__ import annotations

import fnmatch
import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from streamssl.config import FeatureSettings
from streamssl.features import bulk, values
from streamssl.features.examples import row_of
from streamssl.features.fields import LONGEST_NAME, Field, Kind
from streamssl.features.imputation import RunningMeans, impute, often_missing
from streamssl.features.registry import ColumnRegistry
from streamssl.features.values import Trouble

Features = dict[str, Any] | list[Any]
"""What an event says of itself, as JSON gives it."""

DEEPEST = 16
"""Objects within objects; what lies deeper is not used."""

LONGEST_RUN = 512
"""Events gathered at once: one odd value sends so many of them the slow way, at the most."""

MOST_PLANS = 64
"""Combinations of names that are remembered."""


class FieldSummary(NamedTuple):
    """One field, for people."""

    name: str
    kind: Kind
    columns: list[str]
    seen: int
    """Events with a usable value."""
    missing_share: float
    """Of the events since the field first appeared."""
    mean: float | None
    """Running mean of a number."""


class FeatureEncoder:
    """Turns events into rows and remembers which column means what.

    A field gets its kind from its first usable value, if the settings do not declare it:

    ================  =====================================================================================
    number, boolean   one column; a boolean is 1 or 0
    string            a category: one column for each of the first ones, 1 or 0; further ones, and strings of
                      more than 128 characters, share hashed columns
    list of numbers   a vector: a block of columns of this length
    object            its fields, by dotted name
    null, NaN         nothing: the field stays undecided
    ================  =====================================================================================

    Features that come as a list are fields called "0", "1", ...: so one null in a list costs one value. A value
    that does not fit its field counts as missing and as a trouble (`drain_troubles`); it is never an error.

    ===============  ======================================================================================
    type_changed     a value of another kind than the field's, or than the field is declared to be
    vector_length    a vector of another length than the field's
    out_of_range     a number, or a vector with one, that is infinite or beyond 1e30
    unusable         a value that makes no field: a list of strings, an object too deep within objects
    too_wide         no room for the columns of a field or category
    name_too_long    a field whose name, with those of the objects around it, has more than 256 characters
    ===============  ======================================================================================

    A missing value is the running mean of its column (`streamssl.features.imputation`). Once a field is missing in
    more than ``missing_flag_share`` of at least 50 events, it gets a column that says so.

    Parameters
    ----------
    settings
        Bounds, patterns of names to leave out (an excluded object leaves out all that is in it), declared kinds.

    Notes
    -----
    Columns are added between two events and never removed. A block of n events gives the same rows and state as n
    blocks of one, bit for bit. Of two features with the same dotted name, the later counts.

    Cost of an event: 1.2 us for 8 numbers, 1.8 us with categories among them, where one event after the other has
    the same fields; some .7 us a field else. Memory: 17 bytes and the name for each of ``max_columns`` columns.

    Examples
    --------
    >>> encoder = FeatureEncoder(FeatureSettings())
    >>> [rows] = encoder.encode([{"amount": 3, "card": {"kind": "debit"}}, {"amount": None}])
    >>> encoder.columns
    ['amount', 'card.kind=debit']
    >>> rows.tolist()
    [[3.0, 1.0], [3.0, 1.0]]
    """

    def __init__(self, settings: FeatureSettings) -> None:
        self._registry = ColumnRegistry(settings.max_columns, settings.max_categories, settings.hash_buckets)
        self._troubles: Counter[tuple[str, str]] = Counter()
        self._plans: dict[tuple[str, ...], bulk.Plan | None] = {}
        self._row = array("d")
        """Values of the event that is being read; NaN where it says nothing."""
        self._read_rows = array("d")
        """Rows of the events read before it, one after the other, all as wide as the registry is."""
        self._n_read = 0
        self._blocks: list[NDArray[np.float32]] = []
        """What has become of the events before these."""
        self.configure(settings)

    def configure(self, settings: FeatureSettings) -> None:
        """Take over changed settings. Columns stay; a field that is now excluded is missing from now on."""
        self._flag_share = settings.missing_flag_share
        self._declared = settings.types
        self._is_excluded = _excluder(settings)
        self._registry.max_columns = settings.max_columns
        self._registry.max_categories = settings.max_categories
        self._registry.hash_buckets = settings.hash_buckets
        self._plans.clear()

    @property
    def columns(self) -> list[str]:
        """Names of the columns: see `streamssl.features.column_names`."""
        return self._registry.names

    @property
    def width(self) -> int:
        """Number of columns so far."""
        return len(self._registry)

    @property
    def fields(self) -> Iterable[Field]:
        """The fields, in the order in which they were first seen."""
        return self._registry.fields.values()

    def encode(self, events: Sequence[Features]) -> list[NDArray[np.float32]]:
        """Turn events into rows, in their order.

        Parameters
        ----------
        events
            The features of each.

        Returns
        -------
        list of (m, width) arrays
            Finite, C-contiguous, all events in order; a new block starts where columns were added.
        """
        begin = 0
        while begin < len(events):
            begin = self._read_run(events, begin)
        self._impute()
        blocks, self._blocks = self._blocks, []
        return _joined(blocks)

    def _read_run(self, events: Sequence[Features], begin: int) -> int:
        """Read the event at ``begin`` and those after it that have the same fields; return where to go on."""
        first = self._flat(events[begin])
        plan = self._plan_for(tuple(first))
        if plan is None:
            self._read_one(events[begin])
            return begin + 1
        run = events[begin : begin + LONGEST_RUN]
        # If the first is flat, the others need not be flattened: an object among their values is not plain.
        gathered = bulk.gather(plan, run if first is events[begin] else map(self._flat, run))
        end = begin + len(gathered)
        read = bulk.read(plan, gathered, self._registry)
        if read is None:
            for event in events[begin:end]:
                self._read_one(event)
        else:
            rows, beyond = read
            self._read_rows.frombytes(rows.tobytes())
            self._n_read += len(rows)
            for name, times in beyond.items():
                self._count(Trouble("out_of_range"), name, times)
        return end

    def _plan_for(self, names: tuple[str, ...]) -> bulk.Plan | None:
        if names not in self._plans:
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
            self._plans[names] = bulk.plan_for(names, self._registry, self._is_excluded)
        return self._plans[names]

    def _flat(self, features: Features) -> dict[str, Any]:
        """Return the features by name, those within objects by dotted name."""
        if isinstance(features, list):
            features = dict(zip(_positions(len(features)), features, strict=True))
        return self._flatten(features, "", 0) if dict in map(type, features.values()) else features

    def _flatten(self, features: dict[str, Any], prefix: str, depth: int) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        for key, value in features.items():
            name = prefix + key
            if type(value) is not dict or name in self._registry.fields or depth == DEEPEST:
                flat[name] = value
            elif not self._is_excluded(name):
                flat.update(self._flatten(value, name + ".", depth + 1))
        return flat

    def _read_one(self, event: Features) -> None:
        self._row = array("d", [math.nan]) * self.width
        fields = self._registry.fields
        for name, value in self._flat(event).items():
            if value is None or self._is_excluded(name):
                continue
            field = fields.get(name)
            if field is not None:
                self._read_value(field, value)
            else:
                self._meet(name, value)
        # A flag may have been added for the events before, and no column for this one.
        self._widen_row()
        self._read_rows.extend(self._row)
        self._n_read += 1

    def _read_value(self, field: Field, value: Any) -> None:
        """Write a value to the row; one that is a trouble stays missing."""
        row, columns = self._row, field.columns
        try:
            if field.kind == "number":
                row[columns[0]] = values.number(value)
            elif field.kind == "vector":
                row[columns[0] : columns[-1] + 1] = values.vector(value, len(columns))
            else:
                category = values.category(value, declared=field.name in self._declared)
                column = field.categories.get(category)
                if column is None:
                    column = self._column_for(field, category)
                # Whatever becomes of the category, the field is there.
                row[columns[0]] = 0.0
                if column is None:
                    raise Trouble("too_wide")
                row[column] = 1.0
        except Trouble as trouble:
            self._count(trouble, field.name)

    def _column_for(self, field: Field, category: str) -> int | None:
        """Return the column of a category without one of its own so far; it may get one."""
        if self._registry.would_grow(field, category):
            self._impute()
            self._registry.add_category(field, category)
            self._widen_row()
        return field.column_of(category)

    def _meet(self, name: str, value: Any) -> None:
        """Read a value of a field that is not known yet. Only a usable value makes it known."""
        try:
            if len(name) > LONGEST_NAME:
                raise Trouble("name_too_long")
            kind = self._declared.get(name) or values.kind_of(value)
            length = 1
            if kind == "number":
                if math.isnan(values.number(value)):
                    return
            elif kind == "vector":
                length = len(values.vector(value))
            else:
                category = values.category(value, declared=name in self._declared)
            if not self._registry.has_room(length):
                raise Trouble("too_wide")
            self._impute()
            if kind == "number":
                field = self._registry.add_number(name)
            elif kind == "vector":
                field = self._registry.add_vector(name, length)
            else:
                field = self._registry.add_category_field(name, category)
            if field is None:
                raise Trouble("too_wide")
        except Trouble as trouble:
            self._count(trouble, name)
            return
        self._plans.clear()
        self._widen_row()
        self._read_value(field, value)

    def _widen_row(self) -> None:
        self._row.extend([math.nan] * (self.width - len(self._row)))

    def _impute(self) -> None:
        """Finish the events that have been read: they must be before any column is added."""
        rows = np.asarray(self._read_rows).reshape(self._n_read, self.width)
        self._read_rows, self._n_read = array("d"), 0
        while len(rows):
            filled = np.empty(rows.shape, dtype=np.float32)
            means = self._registry.means
            done, stopped = impute(means, rows, self._flag_share, filled)
            self._blocks.append(filled[:done])
            if stopped:
                for number in often_missing(means, self._flag_share):
                    self._registry.add_flag(self._registry.field_at(number))
            rows = rows[done:]
            if len(rows):
                rows = np.pad(rows, ((0, 0), (0, self.width - rows.shape[1])), constant_values=np.nan)

    def to_columns(self, row: NDArray[np.float32]) -> dict[str, float]:
        """Return the values of a row by column name. A row of fewer columns, from earlier, has the first ones."""
        return dict(zip(self.columns, row.tolist(), strict=False))

    def from_columns(self, columns: Mapping[str, float]) -> NDArray[np.float32]:
        """Return the row of an example, which may come from a worker that numbers its columns differently.

        The running means stay as they are: the example's event has been counted where it passed.

        Parameters
        ----------
        columns
            Column name -> value, as `to_columns` gives it.

        Returns
        -------
        (width,) array
            See `streamssl.features.examples.row_of`.
        """
        width = self.width
        row = row_of(self._registry, columns, self._is_excluded, self._count)
        if self.width > width:
            self._plans.clear()
        return row

    def drain_troubles(self) -> dict[tuple[str, str], int]:
        """Return how often each (trouble, field) occurred since the last call."""
        troubles, self._troubles = dict(self._troubles), Counter()
        return troubles

    def describe(self) -> list[FieldSummary]:
        """Return what is known of each field, in the order in which they were first seen."""
        means = self._registry.means
        summaries = []
        for field in self._registry.fields.values():
            events, seen = int(means.events[field.number]), int(means.seen[field.number])
            columns = field.columns if field.flag is None else [*field.columns, field.flag]
            summaries.append(
                FieldSummary(
                    name=field.name,
                    kind=field.kind,
                    columns=[self.columns[column] for column in columns],
                    seen=seen,
                    missing_share=(events - seen) / max(events, 1),
                    mean=float(means.mean[field.columns[0]]) if field.kind == "number" and seen else None,
                )
            )
        return summaries

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the columns and troubles as plain data, and the running means as arrays."""
        troubles = [[*trouble, count] for trouble, count in sorted(self._troubles.items())]
        means = self._registry.means._asdict()
        return (
            {"columns": list(self.columns), "troubles": troubles},
            {name: array.copy() for name, array in means.items()},
        )

    @classmethod
    def from_state(
        cls, settings: FeatureSettings, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> Self:
        """Return an encoder that goes on bit for bit from `to_state`.

        Columns stay, and fields keep their kinds, whatever the settings now say.
        """
        encoder = cls(settings)
        means = RunningMeans(**{name: arrays[name].copy() for name in RunningMeans._fields})
        encoder._registry.restore(document["columns"], means)
        encoder._troubles.update({(trouble, field): count for trouble, field, count in document["troubles"]})
        return encoder

    def _count(self, trouble: Trouble, field: str, times: int = 1) -> None:
        self._troubles[trouble.kind, field] += times


def _excluder(settings: FeatureSettings) -> Callable[[str], bool]:
    """Return a cached test for names of fields that are left out."""
    ignored = {name for name, kind in settings.types.items() if kind == "ignore"}
    patterns = [re.compile(fnmatch.translate(pattern)) for pattern in settings.exclude]

    # Bounded, because the stream chooses the names.
    @lru_cache(maxsize=4_096)
    def is_excluded(name: str) -> bool:
        return name in ignored or any(pattern.match(name) for pattern in patterns)

    return is_excluded


@lru_cache(maxsize=64)
def _positions(n: int) -> tuple[str, ...]:
    return tuple(map(str, range(n)))


def _joined(blocks: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Return the blocks, neighbours of the same width made one."""
    runs = groupby(blocks, key=lambda block: block.shape[1])
    return [np.concatenate(list(same_width)) for _, same_width in runs]
