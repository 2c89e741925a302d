"""One thread for the linear algebra of a fit.

Matrices here have at most some hundred rows. Where another process keeps a core busy, a second thread makes such a
product not faster but a hundred times slower, because BLAS threads wait for each other spinning. And with one
thread the result does not depend on how many cores there are, so a state can be rebuilt on another machine.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> Any:
    # Numba calls the BLAS and LAPACK that SciPy brings along: it has to be there to be found.
    import scipy.linalg.cython_lapack  # noqa: F401

    return ThreadpoolController().select(user_api="blas")


def one_thread() -> AbstractContextManager[None]:
    """Return a context in which BLAS, in the whole process, uses one thread; some 30 us to enter and leave."""
    context: AbstractContextManager[None] = _controller().limit(limits=1)
    return context
