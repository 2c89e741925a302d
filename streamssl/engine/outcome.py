"""What a step hands to the runtime."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamssl.transport.base import Message


@dataclass(slots=True)
class Outcome:
    """The records that one batch gives, and what only the metrics want to know."""

    messages: list[Message] = field(default_factory=list)
    """To be committed with the batch, in this order."""
    probabilities: list[NDArray[np.float32]] = field(default_factory=list)
    """What was predicted, block by block, (n, k): part of the digest."""
    arrivals: list[int] = field(default_factory=list)
    """When each predicted event was produced, ms: for the latency."""
    label_delays: list[float] = field(default_factory=list)
    """Seconds between an event and its label, for each label that was joined."""
