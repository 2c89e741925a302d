r"""How columns are called, and what a name says: the names alone are enough to build the columns again.

===================  ====================================================================
``amount``           a number
``colour=red``       1 where the category is "red", else 0
``colour=#7``        1 where a category without a column of its own fell into bucket 7
``embedding[12]``    one value of a vector
``amount:missing``   1 where the event had no usable ``amount``
===================  ====================================================================

A backslash stands before whatever in a field's or category's own name would be misread: the field ``a=b`` has the
column ``a\=b``. So no two columns share a name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

Role = Literal["number", "category", "bucket", "vector", "missing"]

_MISREAD = re.compile(r"[\\=\[]|:(?=missing\Z)")
_COLUMN = re.compile(
    r"(?P<field>(?:[^\\=\[]|\\.)*?)"
    r"(?:=\#(?P<bucket>[0-9]{1,9})|=(?P<category>.*)|\[(?P<position>[0-9]{1,9})\]|(?P<missing>:missing))?",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class ColumnName(NamedTuple):
    """What the name of a column says."""

    field: str
    role: Role
    category: str = ""
    """The category, for the role ``category``."""
    position: int = 0
    """Which value of a vector, or which bucket."""

    def __str__(self) -> str:
        r"""Return the name.

        Examples
        --------
        >>> print(ColumnName("colour", "category", "red"), ColumnName("a=b", "missing"))
        colour=red a\=b:missing
        """
        field = _MISREAD.sub(r"\\\g<0>", self.field)
        match self.role:
            case "number":
                return field
            case "category":
                escape = "\\" if self.category.startswith(("#", "\\")) else ""
                return f"{field}={escape}{self.category}"
            case "bucket":
                return f"{field}=#{self.position}"
            case "vector":
                return f"{field}[{self.position}]"
            case "missing":
                return f"{field}:missing"


@lru_cache(maxsize=8_192)
def parse(name: str) -> ColumnName:
    r"""Read the name of a column: the inverse of `str`.

    Raises
    ------
    ValueError
        If no column can be called that.

    Examples
    --------
    >>> parse("embedding[12]")
    ColumnName(field='embedding', role='vector', category='', position=12)
    >>> parse(r"a\=b").field
    'a=b'
    """
    match = _COLUMN.fullmatch(name)
    if match is None:
        raise ValueError(f"not the name of a column: {name!r}")
    field = _ESCAPED.sub(r"\1", match["field"])
    if match["bucket"] is not None:
        return ColumnName(field, "bucket", position=int(match["bucket"]))
    if match["category"] is not None:
        return ColumnName(field, "category", match["category"].removeprefix("\\"))
    if match["position"] is not None:
        return ColumnName(field, "vector", position=int(match["position"]))
    return ColumnName(field, "missing" if match["missing"] else "number")
