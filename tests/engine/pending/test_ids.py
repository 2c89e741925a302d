from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamssl.engine.pending.ids import LONGEST, encode_ids

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(texts, max_size=20))
@settings(deadline=None)
def test_ids_come_back_from_the_text(ids: list[str]) -> None:
    encoded = encode_ids(ids)
    begins = encoded.begins.tolist()
    parts = [encoded.text[begin:end] for begin, end in pairwise(begins)]
    assert [part.decode() for part in parts] == ids


def reference_hash(text: bytes) -> int:
    """FNV-1a and the finaliser of SplitMix64 in Python's integers."""
    h = 0xCBF29CE484222325
    for byte in text:
        h = (h ^ byte) * 0x100000001B3 % 2**64
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    h = (h ^ h >> 27) * 0x94D049BB133111EB % 2**64
    return h ^ h >> 31


@given(st.lists(texts, min_size=1, max_size=20))
@settings(deadline=None)
def test_hash_is_the_published_one(ids: list[str]) -> None:
    # It is stored in files: another one would not find what is in them.
    assert encode_ids(ids).hashes.tolist() == [reference_hash(event_id.encode()) for event_id in ids]


def test_upper_bits_spread_over_consecutive_ids() -> None:
    # The index takes table and slot from the upper bits.
    hashes = encode_ids([str(i) for i in range(100_000)]).hashes
    counts = np.bincount((hashes >> np.uint64(54)).astype(np.int64), minlength=1_024)
    assert counts.min() > 50
    assert counts.max() < 150


def test_longest_id_fits_and_a_longer_one_is_refused() -> None:
    assert len(encode_ids(["x" * LONGEST]).text) == LONGEST
    with pytest.raises(ValueError, match=r"event id: 1025 bytes"):
        encode_ids(["short", "é" * 512 + "x"])
