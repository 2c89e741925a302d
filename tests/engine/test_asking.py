"""Whom the service asks about."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamssl.engine.asking import HOUR, ReviewSampler


def sampler(share=0.1, cap=None, seed=0):
    return ReviewSampler(share=share, max_per_hour=cap, seed=seed)


def test_asks_about_its_share_with_that_propensity():
    asked = sampler(0.1).ask(np.zeros(100_000, dtype=np.int64))
    assert abs((asked > 0).mean() - 0.1) < 0.005
    assert set(np.unique(asked)) == {np.float32(0), np.float32(0.1)}


def test_never_and_always():
    assert not sampler(0.0).ask(np.zeros(1_000, dtype=np.int64)).any()
    assert sampler(1.0).ask(np.zeros(1_000, dtype=np.int64)).all()


@given(st.lists(st.integers(0, 5), max_size=8), st.integers(0, 3))
def test_cutting_into_blocks_and_snapshots_changes_nothing(cuts, cap):
    arrivals = np.arange(40) * (HOUR // 10)
    whole = sampler(0.5, cap).ask(arrivals)
    parts, rest, of = [], arrivals, sampler(0.5, cap)
    for cut in cuts:
        parts.append(of.ask(rest[:cut]))
        rest = rest[cut:]
        of = ReviewSampler.from_document(of.to_document(), share=0.5, max_per_hour=cap)
    parts.append(of.ask(rest))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_the_cap_holds_in_every_hour_and_is_counted():
    of = sampler(0.5, 3)
    arrivals = np.repeat(np.arange(4) * HOUR, 50)
    asked = of.ask(arrivals) > 0
    assert [int(asked[arrivals == hour * HOUR].sum()) for hour in range(4)] == [3, 3, 3, 3]
    assert of.capped == int((sampler(0.5).ask(arrivals) > 0).sum()) - 12
