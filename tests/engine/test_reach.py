"""How far down the queue people get, and which requests count for the live accuracy."""

import numpy as np
import pytest

from streamssl.engine.asking.draws import FLOOR
from streamssl.engine.asking.reach import choose, note, whole
from tests.engine.asked import DAY, HOUR, Stream, every, mixed


def serve(reached, *, days=2.0, silent=0.0, seed=0, **review):
    """Let people go through the queue by key, so many of the requests that the share makes; return what was drawn.

    ``silent``: the part of those that they look at and do not answer.
    """
    share, block, rng = 0.05, 1_000, np.random.default_rng(seed)
    stream = Stream(share=share, seed=seed, **review)
    n = int(days * DAY) // 2_000
    queue = []
    for begin in range(0, n, block):
        arrivals = begin * 2_000 + every(2_000, block)
        stream.go_by(mixed(block, seed=begin), arrivals, expires=3 * HOUR)
        drawn = stream.parts[-1]
        queue = [each for each in queue if each[1] > begin - 3 * HOUR // 2_000]
        queue = sorted(queue + [(drawn.keys[i], begin + i) for i in np.flatnonzero(drawn.propensities)])
        looked_at = rng.poisson(reached * share * block)
        for _, sequence in queue[:looked_at]:
            if rng.random() >= silent:
                stream.sampler.answered(sequence)
        queue = queue[looked_at:]
    return stream


def test_where_all_are_reached_all_count():
    stream = serve(2.0)
    assert set(stream.reach) == {1.0}
    part = stream.parts[-1]
    np.testing.assert_array_equal(part.counted, part.propensities)


@pytest.mark.parametrize(("reached", "reach"), [(0.8, 0.7), (0.5, 0.35), (0.2, 0.125)])
def test_where_people_get_through_a_part_of_the_queue_its_front_counts(reached, reach):
    """What is asked again because nobody answered makes the queue longer, by a third at the most."""
    stream = serve(reached)
    assert reach / 1.5 < stream.reach[-1] < reach * 1.5
    assert len(np.unique(stream.reach)) <= 4, "each change costs what was known since the start"
    begun = np.flatnonzero(stream.reach < 1)[0]
    counted = np.concatenate([part.counted for part in stream.parts])[begun:]
    assert (counted > 0).sum() == (stream.keys < stream.reach)[begun:][stream.propensities[begun:] > 0].sum()
    weights = 1 / counted[counted > 0].astype(float)
    assert weights.sum() == pytest.approx(len(counted), rel=4 / np.sqrt(len(weights))), (
        "the chances are what they say"
    )
    promised = np.concatenate([part.promised_to_count for part in stream.parts])[begun:]
    assert (counted[counted > 0] >= np.float32(FLOOR) * promised[counted > 0] * (1 - 1e-6)).all()


def test_where_people_do_not_answer_whatever_the_key_all_count():
    """A smaller part would be as silent, and smaller."""
    assert set(serve(0.0).reach) == {1.0}
    assert set(serve(2.0, silent=0.4).reach) == {1.0}


def test_more_counts_a_day_after_people_have_begun_to_answer_more():
    stream = serve(0.3, days=1.0)
    low, before = stream.reach[-1], stream.n
    assert low < 0.5
    for begin in range(0, 100_000, 1_000):
        stream.go_by(np.full(1_000, 0.9), before * 2_000 + begin * 2_000 + every(2_000, 1_000), expires=3 * HOUR)
        for i in np.flatnonzero(stream.parts[-1].propensities).tolist():
            stream.sampler.answered(before + begin + i)
    rises = np.flatnonzero(np.diff(stream.reach) > 0)
    last_fall = np.flatnonzero(np.diff(stream.reach) < 0)[-1]
    assert stream.reach[-1] == 1.0
    assert (rises[0] - last_fall) * 2_000 >= DAY


def close(reach, n, is_answered, clock, seed=0):
    """Let requests close, answered or not by their key; then choose."""
    for key in np.random.default_rng(seed).random(n).tolist():
        note(reach, key, is_answered(key))
    choose(reach, float(clock))
    return float(reach.chosen[0])


def test_it_does_not_rise_because_nobody_answers():
    """On a Sunday all parts are as silent; it would rise, and fall again on Monday."""
    reach = whole()
    low = close(reach, 1_000, lambda key: key < 0.3, clock=DAY)
    assert low < 0.5
    assert close(reach, 3_000, lambda _: False, clock=3 * DAY) == low


def test_a_few_hundred_answers_are_enough_to_rise_again():
    """After a burst that nobody could answer; a memory of a thousand would take weeks on a small stream."""
    reach = whole()
    assert close(reach, 1_000, lambda key: key < 0.15, clock=DAY) < 0.2
    assert close(reach, 600, lambda _: True, clock=1.5 * DAY) < 0.2, "less than a day since"
    assert close(reach, 1, lambda _: True, clock=2 * DAY) == 1.0


def test_nothing_is_chosen_before_enough_is_known():
    assert close(whole(), 100, lambda key: key < 0.3, clock=DAY) == 1.0
