"""Random numbers whose generator is one array in the learner's state: seeded, saved and restored with it.

SplitMix64 of Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def new(seed: int) -> NDArray[np.uint64]:
    """Return a generator, shape (1,)."""
    return np.array([seed % 2**64], dtype=np.uint64)


@njit(cache=True, nogil=True, error_model="numpy")
def below(generator: NDArray[np.uint64], n: int) -> int:
    """Draw an integer of [0, n), n < 2**31; the bias of the multiplication is below n / 2**32."""
    generator[0] += _GAMMA
    bits = generator[0]
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX_2
    bits = bits ^ (bits >> np.uint64(31))
    return int(((bits >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
