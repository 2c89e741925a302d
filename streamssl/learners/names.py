"""Names of classes, features and values as text that a state can keep without pickle."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

import numpy as np


def to_text(names: list[Any]) -> str:
    """Return the names as JSON in which each carries its type.

    Raises
    ------
    TypeError
        If a name is other than str, int, float, bool, None, or a tuple of these.

    Examples
    --------
    >>> from_text(to_text([1, True, "1", None, ("a", 0.5)]))
    [1, True, '1', None, ('a', 0.5)]
    """
    return json.dumps([_tagged(name) for name in names])


def from_text(text: str) -> list[Hashable]:
    """Return the names that `to_text` was given."""
    return [_untagged(*tagged) for tagged in json.loads(text)]


def _tagged(name: Any) -> list[Any]:
    if isinstance(name, np.generic):  # equal to, and hashed like, the Python value
        name = name.item()
    if type(name) is tuple:
        return ["tuple", [_tagged(part) for part in name]]
    if name is not None and type(name) not in (str, int, float, bool):
        raise TypeError(
            f"{name!r} of type {type(name).__name__} cannot be kept: names must be str, int, float, "
            "bool, None or tuples of these"
        )
    return [type(name).__name__, name]


def _untagged(kind: str, value: Any) -> Hashable:
    return tuple(_untagged(*part) for part in value) if kind == "tuple" else value
