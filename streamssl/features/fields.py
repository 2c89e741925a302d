"""A field of the events: what kind of value it holds and which columns are its."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["number", "category", "vector"]

LONGEST_NAME = 256
"""Characters of a field's name, with the names of the objects around it: every example names its columns."""
LONGEST_CATEGORY = 128
"""Characters; longer strings are text rather than categories, and fall into a bucket at once."""


@dataclass(slots=True)
class Field:
    """One field and its columns, in the order in which they came.

    Examples
    --------
    >>> colour = Field("colour", "category", number=0)
    >>> colour.categories["red"] = 3
    >>> colour.column_of("red"), colour.column_of("blue")
    (3, None)
    """

    name: str
    kind: Kind
    number: int
    """Its place among the fields."""
    columns: list[int] = field(default_factory=list)
    """All columns with values, ascending; those of a vector follow each other."""
    categories: dict[str, int] = field(default_factory=dict)
    """Category -> its own column."""
    first_bucket: int = 0
    n_buckets: int = 0
    """Columns that categories without one of their own share; 0 as long as none was needed."""
    flag: int | None = None
    """The column that says whether the field is missing."""

    def column_of(self, category: str) -> int | None:
        """Return the column of a category, or of its bucket; None where it has neither yet."""
        column = self.categories.get(category)
        if column is None and self.n_buckets:
            # CRC-32, because Python's own hash differs from process to process.
            bucket = zlib.crc32(category.encode("utf-8", "surrogatepass")) % self.n_buckets
            return self.first_bucket + bucket
        return column


def is_text(category: str) -> bool:
    """Say whether a string is too long to have a column of its own."""
    return len(category) > LONGEST_CATEGORY
