"""Which columns there are: they are added in the order in which records bring them, up to a bound, and stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Self

import numpy as np

from streamssl.features.column_names import ColumnName, Role, parse
from streamssl.features.fields import Field, Kind, is_text
from streamssl.features.imputation import RunningMeans


class ColumnRegistry:
    """Fields, their columns, and the running means of these.

    Parameters
    ----------
    max_columns
        Columns in all. What would not fit is not added, and the methods that add return None.
    max_categories
        Categories of a field with a column of their own.
    hash_buckets
        Columns that the further categories of a field share.

    Notes
    -----
    Memory: 17 bytes and the name a column.

    Examples
    --------
    >>> registry = ColumnRegistry(max_columns=3, max_categories=32, hash_buckets=16)
    >>> registry.add_number("amount").columns
    [0]
    >>> colour = registry.add_category_field("colour", "red")
    >>> registry.add_category(colour, "blue"), registry.add_category(colour, "green")
    (2, None)
    >>> registry.names
    ['amount', 'colour=red', 'colour=blue']
    """

    def __init__(self, max_columns: int, max_categories: int, hash_buckets: int) -> None:
        self.max_columns = max_columns
        self.max_categories = max_categories
        self.hash_buckets = hash_buckets
        self.fields: dict[str, Field] = {}
        self.names: list[str] = []
        self.positions: dict[str, int] = {}
        """Name of a column -> its place."""
        self.means = RunningMeans.empty()

    def __len__(self) -> int:
        return len(self.names)

    def field_at(self, number: int) -> Field:
        """Return a field by its number."""
        return next(islice(self.fields.values(), number, None))

    def has_room(self, n_columns: int) -> bool:
        """Say whether so many more columns fit."""
        return len(self.names) + n_columns <= self.max_columns

    def add_number(self, name: str) -> Field | None:
        """Add a field of numbers, named with dots where it is nested."""
        if not self.has_room(1):
            return None
        field = self._add_field(name, "number")
        field.columns += self._add_columns(field, "number")
        return field

    def add_vector(self, name: str, length: int) -> Field | None:
        """Add a field of vectors: all its columns or none."""
        if not self.has_room(length):
            return None
        field = self._add_field(name, "vector")
        field.columns += self._add_columns(field, "vector", length)
        return field

    def add_category_field(self, name: str, category: str | None) -> Field | None:
        """Add a field of categories with the first of them; None is one without a column of its own."""
        if not self.has_room(self.hash_buckets if category is None or is_text(category) else 1):
            return None
        field = self._add_field(name, "category")
        self.add_category(field, category)
        return field

    def would_grow(self, field: Field, category: str | None) -> bool:
        """Say whether `add_category` would add columns."""
        if category in field.categories:
            return False
        if self._may_have_column(field, category):
            return self.has_room(1)
        return field.n_buckets == 0 and self.has_room(self.hash_buckets)

    def add_category(self, field: Field, category: str | None) -> int | None:
        """Give a category a column of its own; or buckets to the field, if it has enough of them or it is a text.

        Returns
        -------
        int | None
            A column that the category now has, if there was room.
        """
        if self.would_grow(field, category):
            if category is not None and self._may_have_column(field, category):
                self._add_category(field, category)
            else:
                self._add_buckets(field, self.hash_buckets)
        if category is not None:
            return field.column_of(category)
        return field.first_bucket if field.n_buckets else None

    def _may_have_column(self, field: Field, category: str | None) -> bool:
        return category is not None and not is_text(category) and len(field.categories) < self.max_categories

    def add_flag(self, field: Field) -> None:
        """Add the column that says whether the field is missing, unless there is no room for it."""
        self.means.settled[field.number] = True
        if self.has_room(1):
            events, seen = self.means.events[field.number], self.means.seen[field.number]
            field.flag = self._add_columns(field, "missing", mean=(events - seen) / max(events, 1))[0]

    def _add_category(self, field: Field, category: str) -> None:
        [column] = self._add_columns(field, "category", category=category)
        field.categories[category] = column
        field.columns.append(column)

    def _add_buckets(self, field: Field, n_buckets: int) -> None:
        columns = self._add_columns(field, "bucket", n_buckets)
        field.first_bucket, field.n_buckets = columns[0], n_buckets
        field.columns += columns

    def _add_field(self, name: str, kind: Kind) -> Field:
        field = Field(name, kind, len(self.fields))
        self.fields[name] = field
        self.means = self.means.with_field()
        return field

    def _add_columns(
        self, field: Field, role: Role, length: int = 1, *, category: str = "", mean: float = 0.0
    ) -> range:
        first = len(self.names)
        for i in range(length):
            name = str(ColumnName(field.name, role, category, i))
            self.positions[name] = len(self.names)
            self.names.append(name)
        self.means = self.means.with_columns(field.number, np.full(length, mean), flag=role == "missing")
        return range(first, len(self.names))

    def restore(self, names: Sequence[str], means: RunningMeans) -> Self:
        """Take over the columns and means of another registry, even if they are more than this one would add."""
        columns = [parse(name) for name in names]
        lengths = Counter((column.field, column.role) for column in columns)
        for name, role, category, position in columns:
            length = lengths[name, role]
            field = self.fields.get(name)
            if field is None:
                kind: Kind = role if role in ("number", "vector") else "category"
                field = self._add_field(name, kind)
            match role:
                case "number":
                    field.columns += self._add_columns(field, role)
                case "category":
                    self._add_category(field, category)
                case "bucket" if position == 0:
                    self._add_buckets(field, length)
                case "vector" if position == 0:
                    field.columns += self._add_columns(field, role, length)
                case "missing":
                    field.flag = self._add_columns(field, role)[0]
        self.means = means
        return self
