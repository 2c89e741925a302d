"""Streams of events that go by a sampler."""

import numpy as np

from streamssl.config import ReviewSettings
from streamssl.engine.asking import ReviewSampler, Said

HOUR, DAY = 3_600_000, 86_400_000
NEVER = 10**15
ENOUGH_LABELS = np.array([100, 100])


class Stream:
    """Events go by a sampler; what was drawn is put together."""

    def __init__(self, seed=0, labelled=ENOUGH_LABELS, **review):
        self.settings = ReviewSettings(**review)
        self.sampler = ReviewSampler(self.settings, seed=seed)
        self.labelled = labelled
        self.n = 0
        self.parts = []

    def go_by(self, sure, arrivals, *, expires=NEVER, classes=None, block=1_000):
        """Let events pass that the model is so sure of: a number each, the probability of its class."""
        sure = np.asarray(sure, dtype=np.float32)
        k = len(self.labelled)
        of = np.zeros(len(sure), dtype=np.int64) if classes is None else classes
        said = np.repeat(((1 - sure) / max(1, k - 1))[:, None], k, axis=1)
        said[np.arange(len(sure)), of] = sure
        for begin in range(0, len(sure), block):
            part = slice(begin, begin + block)
            self.parts.append(
                self.sampler.ask(
                    Said(np.ascontiguousarray(said[part], np.float32), of[part]),
                    arrivals[part],
                    arrivals[part] + expires,
                    first=self.n,
                    labelled=self.labelled,
                )
            )
            self.n += len(arrivals[part])
        return self

    def __getattr__(self, name):
        return np.concatenate([getattr(part, name) for part in self.parts])

    @property
    def asked(self):
        return (self.propensities > 0) & (self.caps == 0)

    def warm(self, events=20_000, sure=0.9):
        """Let the start, with its raise and what pays it back, be over."""
        self.go_by(np.full(events, sure), np.zeros(events, dtype=np.int64), expires=1)
        self.parts.clear()
        return self


def mixed(n, seed=1):
    """Return how sure a model is: mostly very."""
    return 0.5 + 0.5 * np.random.default_rng(seed).beta(3.0, 0.4, n)


def every(ms, n):
    return np.arange(n, dtype=np.int64) * ms
