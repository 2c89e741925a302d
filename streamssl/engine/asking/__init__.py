"""Which events people are asked about, with which known probability.

``draws`` has the formula and the compiled loop, ``sampler`` the draws and what becomes of the requests, ``reach``
which of them the live accuracy rests on.
See docs/asking.md.
"""

from __future__ import annotations

from streamssl.engine.asking.draws import CAPPED_BY_DAY, CAPPED_BY_HOUR, DAY, HOUR, REASONS, Drawn
from streamssl.engine.asking.sampler import ReviewSampler, Said

__all__ = ["CAPPED_BY_DAY", "CAPPED_BY_HOUR", "DAY", "HOUR", "REASONS", "Drawn", "ReviewSampler", "Said"]
