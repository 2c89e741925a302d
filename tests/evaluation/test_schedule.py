"""When labels arrive, and in which order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamssl.evaluation.schedule import arrivals

streams = st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 12)), max_size=60)


@given(streams)
def test_labels_arrive_in_time_and_only_those_that_do(stream: list[tuple[int, int]]) -> None:
    labels, delays = np.array(stream, np.int64).reshape(-1, 2).T
    rows, after = arrivals(labels, delays)
    expected = sorted(
        (t + delay, t) for t, (label, delay) in enumerate(stream) if label >= 0 and t + delay < len(stream)
    )
    assert list(zip(after.tolist(), rows.tolist(), strict=True)) == expected
