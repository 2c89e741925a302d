"""What a JSON value is to a field of some kind: a number, a category, a vector; or a trouble."""

from __future__ import annotations

from array import array
from typing import Any, Literal

import numpy as np
import orjson

from streamssl.features.fields import Kind

NUMBERS = frozenset({int, float, bool})
"""Types of a number as JSON gives it; a truth value is 0 or 1."""

LARGEST = 1e30
"""Of greater numbers differences and moving averages would leave float32."""

TroubleKind = Literal["type_changed", "vector_length", "out_of_range", "unusable", "too_wide", "name_too_long"]


class Trouble(ValueError):
    """A value that counts as missing, and why.

    Attributes
    ----------
    kind
        What is counted.
    """

    def __init__(self, kind: TroubleKind) -> None:
        super().__init__(kind)
        self.kind = kind


def kind_of(value: Any) -> Kind:
    """Return the kind of field that a value makes.

    Raises
    ------
    Trouble
        ``unusable``, if it makes none.

    Examples
    --------
    >>> kind_of(True), kind_of("red"), kind_of([1, 2.5])
    ('number', 'category', 'vector')
    """
    if type(value) in NUMBERS:
        return "number"
    if isinstance(value, str):
        return "category"
    if isinstance(value, list) and value and NUMBERS.issuperset(map(type, value)):
        return "vector"
    raise Trouble("unusable")


def number(value: Any) -> float:
    """Return the number that a value is. NaN stays NaN: it says nothing.

    Raises
    ------
    Trouble
        ``type_changed`` or ``out_of_range``. The text "12.5" is no number.
    """
    if type(value) not in NUMBERS:
        raise Trouble("type_changed")
    if abs(value) > LARGEST:
        raise Trouble("out_of_range")
    return float(value)


def category(value: Any, *, declared: bool = False) -> str:
    """Return the category that a value is. Of a declared field, numbers are categories too, by their JSON text.

    Raises
    ------
    Trouble
        ``type_changed``.

    Examples
    --------
    >>> category(True, declared=True), category(404, declared=True)
    ('true', '404')
    """
    if isinstance(value, str):
        return value
    if declared and type(value) in NUMBERS:
        return orjson.dumps(value).decode() if type(value) is not int else str(value)
    raise Trouble("type_changed")


def vector(value: Any, length: int | None = None) -> array[float]:
    """Return the vector that a value is, as doubles. One bad value spoils it all.

    Parameters
    ----------
    value
        What should be a list of numbers.
    length
        What its length must be, if that is known.

    Raises
    ------
    Trouble
        ``type_changed``, ``vector_length`` or ``out_of_range``.
    """
    if not isinstance(value, list):
        raise Trouble("type_changed")
    if len(value) != (length or len(value)) or not value:
        raise Trouble("vector_length")
    try:
        values = array("d", value)
    except TypeError:
        raise Trouble("type_changed") from None
    except OverflowError:
        raise Trouble("out_of_range") from None
    # NaN compares false, and so is out of range.
    if not np.abs(np.frombuffer(values)).max() <= LARGEST:
        raise Trouble("out_of_range")
    return values
