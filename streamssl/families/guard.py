r"""How much a family counts beside its supervised base: what arrived labels say it is worth.

With b and f the probabilities that the base and the family gave the label before it was learnt,

.. math:: L_b \leftarrow .99 L_b + w \ln \max(b, .01), \qquad
          \text{weight} = \frac{s e^{L_f}}{s e^{L_f} + (1 - s) e^{L_b}}

which is Bayes' rule between the two, with a memory of a hundred labels (Hedge at rate 1: Freund and Schapire, JCSS
1997; the decay lets it change its mind: Herbster and Warmuth, Machine Learning 1998). A family that loses .1 nats a
label goes below a weight of .05 within some forty labels and stays near 0. O(1) a label.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping

KEEP = 0.99
FLOOR = 0.01
"""No label is worse than one of this probability: a single surprise cannot silence anyone."""


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
        self._n_labels = 0.0

    @property
    def weight(self) -> float:
        """How much the family counts, 0 to 1; near 0 when it harms."""
        odds = math.log(self.share / (1 - self.share)) + self._ahead
        return 1 / (1 + math.exp(-odds)) if odds > 0 else math.exp(odds) / (1 + math.exp(odds))

    @property
    def gain(self) -> float:
        """How much better the family has lately foreseen labels than its base, in nats a label; 0 at first."""
        return self._ahead / self._n_labels if self._n_labels else 0.0

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
            ahead = math.log(max(family.get(y, 0.0), FLOOR)) - math.log(max(base.get(y, 0.0), FLOOR))
            self._ahead = KEEP * self._ahead + w * ahead
            self._n_labels = KEEP * self._n_labels + w
