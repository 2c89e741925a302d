"""When labels arrive, and that none is written over while it waits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamssl.evaluation.schedule import arrivals, schedule

streams = st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 12)), max_size=60)


@given(streams)
def test_labels_arrive_in_time_and_only_those_that_do(stream: list[tuple[int, int]]) -> None:
    labels, delays = np.array(stream, np.int64).reshape(-1, 2).T
    rows, after = arrivals(labels, delays)
    expected = sorted(
        (t + delay, t) for t, (label, delay) in enumerate(stream) if label >= 0 and t + delay < len(stream)
    )
    assert list(zip(after.tolist(), rows.tolist(), strict=True)) == expected


@given(streams)
def test_every_waiting_label_has_a_place_of_its_own(stream: list[tuple[int, int]]) -> None:
    labels, delays = np.array(stream, np.int64).reshape(-1, 2).T
    rows, after = arrivals(labels, delays)
    timetable, n_slots = schedule(labels, rows, after)
    place: dict[int, int] = {}
    most = 0
    for t in range(len(stream)):
        if timetable.slots[t] >= 0:
            assert timetable.slots[t] not in place, "the place still waits for another label"
            place[int(timetable.slots[t])] = t
        most = max(most, len(place))
        for row in rows[after == t]:
            assert place.pop(int(timetable.slots[row])) == row
    assert not place
    assert n_slots == most
    np.testing.assert_array_equal(np.flatnonzero(timetable.slots >= 0), np.sort(rows))
