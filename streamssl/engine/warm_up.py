"""Compile every kernel before the first poll: compiling takes longer than a broker waits for a heartbeat."""

from __future__ import annotations

from streamssl.config import FeatureSettings
from streamssl.engine.asking import sampler
from streamssl.engine.pending import store
from streamssl.features.encoder import FeatureEncoder
from streamssl.learners import mixture


def warm_up() -> None:
    """Compile all kernels, or load them from Numba's cache: about a minute, or some two seconds."""
    mixture.warm_up()
    store.warm_up()
    sampler.warm_up()
    FeatureEncoder(FeatureSettings()).encode([{"number": 1.0, "category": "a", "vector": [1.0]}])
