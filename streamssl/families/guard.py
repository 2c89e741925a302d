r"""How much a family counts beside its supervised base: what arrived labels say it is worth.

With p the probabilities that the family (f) and its base (b) gave a label y before it was learnt,

.. math:: S = \tfrac12 \ln \max(p_y, .05) + [y = \arg\max p], \qquad A \leftarrow .99 A + w (S_f - S_b), \qquad
          \text{weight} = \frac{s e^A}{s e^A + 1 - s}

Exponential weights (Hedge: Freund and Schapire, JCSS 1997) with a memory of a hundred labels, so that they can
change their mind (Herbster and Warmuth, Machine Learning 1998). Log-loss alone would trust a family that is wrong
more often than a base which is too sure of itself; hits alone learn too little from a label. A family that is wrong
once more in ten labels than its base goes below a weight of .05 within some forty labels. O(1) a label.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping

KEEP = 0.99
FLOOR = 0.05
"""No label is worse than one of this probability: a single surprise cannot silence anyone."""
NATS = 0.5
"""What a nat of log-loss counts beside a hit."""


class Guard:
    """The weight of a family's opinion beside that of its supervised base.

    Parameters
    ----------
    share
        The weight before labels have shown anything, between 0 and 1, both excluded.

    Raises
    ------
    ValueError
        If ``share`` is not between 0 and 1.

    Examples
    --------
    >>> guard = Guard()
    >>> guard.weight
    0.5
    >>> for _ in range(20):
    ...     guard.learn(base={"a": 0.6, "b": 0.4}, family={"a": 0.3, "b": 0.7}, y="a")
    >>> guard.weight < 0.01
    True
    >>> round(guard.gain, 2)
    -0.69
    >>> guard.blend({"a": 1.0}, {"b": 1.0})["a"] > 0.99
    True
    """

    def __init__(self, share: float = 0.5) -> None:
        if not 0 < share < 1:
            raise ValueError(f"share must be between 0 and 1, got {share}")
        self.share = share
        self._ahead = 0.0
        self._nats = 0.0
        self._n_labels = 0.0

    @property
    def weight(self) -> float:
        """How much the family counts, 0 to 1; near 0 when it harms."""
        odds = math.log(self.share / (1 - self.share)) + self._ahead
        return 1 / (1 + math.exp(-odds)) if odds > 0 else math.exp(odds) / (1 + math.exp(odds))

    @property
    def gain(self) -> float:
        """How much better the family has lately foreseen labels than its base, in nats a label; 0 at first."""
        return self._nats / self._n_labels if self._n_labels else 0.0

    def blend(self, base: Mapping[Hashable, float], family: Mapping[Hashable, float]) -> dict[Hashable, float]:
        """Return the two opinions mixed by weight; where one has none, that of the other."""
        if not base or not family:
            return dict(base or family)
        weight = self.weight
        mixed = {
            y: (1 - weight) * base.get(y, 0.0) + weight * family.get(y, 0.0)
            for y in dict.fromkeys([*base, *family])
        }
        total = sum(mixed.values())
        return {y: p / total for y, p in mixed.items()} if total > 0 else mixed

    def learn(
        self, base: Mapping[Hashable, float], family: Mapping[Hashable, float], y: Hashable, w: float = 1.0
    ) -> None:
        """Score what both said of an event before its label was learnt; nothing where one had no opinion."""
        if base and family:
            nats = math.log(max(family.get(y, 0.0), FLOOR) / max(base.get(y, 0.0), FLOOR))
            hits = _is_top(family, y) - _is_top(base, y)
            self._ahead = KEEP * self._ahead + w * (NATS * nats + hits)
            self._nats = KEEP * self._nats + w * nats
            self._n_labels = KEEP * self._n_labels + w


def _is_top(said: Mapping[Hashable, float], y: Hashable) -> int:
    return int(y == max(said, key=said.__getitem__))
