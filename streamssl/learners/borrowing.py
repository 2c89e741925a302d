"""Arrays that are lent to a kernel for the length of a call, and need not be counted.

Numba counts references to every array of a nested state whenever a part of it is handed from one function to the
next, atomically: a microsecond an event, a quarter of what a small event costs. The caller of a kernel holds the
state until the kernel returns, so inside nobody needs to count.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic


@njit(inline="always")
def borrow(state: Any) -> Any:
    """Return the same nested state with arrays that own nothing; valid while the argument is held elsewhere.

    For compiled code only.

    Examples
    --------
    >>> import numpy as np
    >>> from streamssl.learners import row_kind
    >>> @njit
    ... def count(kind, row):
    ...     row_kind.observe(borrow(kind), row)
    >>> kind = row_kind.new()
    >>> count(kind, np.ones(3, np.float32))
    >>> kind.counts
    array([1, 0, 1])
    """
    return _without_owners(state)


def _lend(typing_context: Any, state: Any) -> Any:
    """Return Numba's two parts of an intrinsic: the signature, and what writes the code."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _lent(context, builder, signature.args[0], arguments[0])

    return state(state), generate


_without_owners: Any = intrinsic(_lend)


def _lent(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return ``value`` with no array in it tied to the memory's owner."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = _null(array.meminfo.type)
        array.parent = _null(array.parent.type)
        return array._getvalue()
    if hasattr(kind, "types"):  # a tuple, named or not
        for i, part in enumerate(kind.types):
            lent = _lent(context, builder, part, builder.extract_value(value, i))
            value = builder.insert_value(value, lent, i)
    return value


_null: Any = cgutils.get_null_value
