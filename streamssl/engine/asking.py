"""Which events people are asked about.

Every event is asked about with the same known probability, its *propensity*, so that what is learnt from the
answers about the model's accuracy needs no correction. A hard cap per hour protects the reviewers from a flood.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

HOUR = 3_600_000


class ReviewSampler:
    """Draws events for review at random, within an hourly cap.

    Parameters
    ----------
    share
        Probability of asking about an event, in [0, 1].
    max_per_hour
        Requests an hour of stream time at the most; None: no cap.
    seed
        Of the one draw per event. Two samplers with equal seeds ask about the same events.

    Examples
    --------
    >>> sampler = ReviewSampler(share=0.5, max_per_hour=None, seed=1)
    >>> sampler.ask(np.arange(6)).tolist()
    [0.0, 0.0, 0.5, 0.0, 0.5, 0.5]
    """

    def __init__(self, *, share: float, max_per_hour: int | None, seed: int) -> None:
        self.share = share
        self.max_per_hour = max_per_hour
        self.capped = 0
        """Requests that the cap has swallowed so far."""
        self._draws = np.random.Generator(np.random.PCG64(seed))
        self._hour = 0
        self._asked_this_hour = 0

    def ask(self, arrivals: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the propensity of each event that is to be asked about, 0 for the others.

        Parameters
        ----------
        arrivals
            (n,) when the events came, ms since the epoch.
        """
        chosen = self._draws.random(len(arrivals)) < self.share
        if self.max_per_hour is not None:
            for i in np.flatnonzero(chosen):
                chosen[i] = self._within_cap(int(arrivals[i]) // HOUR, self.max_per_hour)
        return np.where(chosen, np.float32(self.share), np.float32(0))

    def _within_cap(self, hour: int, most: int) -> bool:
        if hour > self._hour:
            self._hour, self._asked_this_hour = hour, 0
        if self._asked_this_hour >= most:
            self.capped += 1
            return False
        self._asked_this_hour += 1
        return True

    def to_document(self) -> dict[str, Any]:
        """Return the state as plain data; the generator's 128-bit integers as text."""
        generator = self._draws.bit_generator.state
        return {
            "generator": {name: str(value) for name, value in generator["state"].items()},
            "hour": self._hour,
            "asked_this_hour": self._asked_this_hour,
            "capped": self.capped,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any], *, share: float, max_per_hour: int | None) -> Self:
        """Return a sampler that goes on from `to_document`."""
        sampler = cls(share=share, max_per_hour=max_per_hour, seed=0)
        generator = {name: int(value) for name, value in document["generator"].items()}
        sampler._draws.bit_generator.state = {**sampler._draws.bit_generator.state, "state": generator}
        sampler._hour = document["hour"]
        sampler._asked_this_hour = document["asked_this_hour"]
        sampler.capped = document["capped"]
        return sampler
