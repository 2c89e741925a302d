"""Whom the service asks about: rules that each have a test, and propensities that are what they say."""

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from streamssl.config import ReviewSettings
from streamssl.engine.asking import CAPPED_BY_DAY, CAPPED_BY_HOUR, REASONS, ReviewSampler, Said
from streamssl.engine.asking.draws import (
    EXCESS,
    EXPIRED,
    FLOOR,
    KNOWN_ENOUGH,
    LOAN,
    LOOK,
    RAISE,
    RAISED_FOR,
    STEADY,
)
from tests.engine.asked import DAY, ENOUGH_LABELS, HOUR, Stream, every, mixed

# The choice.


def test_random_asks_about_all_alike_with_that_propensity():
    stream = Stream(sampler="random", share=0.1).go_by(mixed(100_000), every(10, 100_000))
    assert abs(stream.asked.mean() - 0.1) < 0.005
    assert set(np.unique(stream.propensities)) == {np.float32(0), np.float32(0.1)}
    assert {REASONS[reason] for reason in np.unique(stream.reasons[stream.asked])} == {"random"}


@pytest.mark.parametrize("sampler", ["random", "uncertainty"])
def test_never_and_always(sampler):
    never = Stream(sampler=sampler, share=0.0).go_by(mixed(2_000), every(10, 2_000))
    always = Stream(sampler=sampler, share=1.0).go_by(mixed(2_000), every(10, 2_000))
    assert not never.asked.any()
    assert always.asked.all()


def test_off_asks_nobody_and_promises_nothing():
    stream = Stream(sampler="off", share=0.5).go_by(mixed(2_000), every(10, 2_000))
    assert not stream.propensities.any()
    assert not stream.promised.any()


def test_what_the_model_is_unsure_of_is_asked_about_more_often():
    stream = Stream(share=0.01).warm()
    sure = np.where(np.random.default_rng(0).random(200_000) < 0.1, 0.55, 0.999)
    stream.go_by(sure, every(10, len(sure)))
    of_unsure, of_sure = stream.asked[sure < 0.9].mean(), stream.asked[sure > 0.9].mean()
    assert of_unsure > 5 * of_sure
    assert of_sure > 0.8 * FLOOR * 0.01
    reasons = [REASONS[reason] for reason in stream.reasons[stream.asked & (sure > 0.9)]]
    assert reasons.count("random") > 0.95 * len(reasons)
    reasons = [REASONS[reason] for reason in stream.reasons[stream.asked & (sure < 0.9)]]
    assert reasons.count("uncertain") > 0.7 * len(reasons)


def test_one_odd_event_among_sure_ones_is_not_asked_about_for_certain():
    """Its margin over the mean is a thousand: without a bound it would cost a calm stream its whole budget."""
    stream = Stream(share=0.01).warm(sure=0.99)
    stream.go_by(np.full(10_000, 0.99), every(10, 10_000))
    stream.parts.clear()
    for _ in range(300):
        stream.go_by([0.5] + [0.99] * 99, every(10, 100))
    drawn = stream.propensities[::100]
    assert 0 < drawn.max() <= 3 * 0.01 * 5.5


@pytest.mark.parametrize("easy", [False, True])
def test_the_share_is_kept_where_the_stream_becomes_easy_or_hard(easy):
    """On the probabilities alone it would overspend while the mean of the margins runs behind."""
    stream = Stream(share=0.01).warm()
    n = 300_000
    noise = np.random.default_rng(0).random(n) * 0.1
    drifting = np.linspace(0.6, 0.85, n) if easy else np.linspace(0.85, 0.6, n)
    stream.go_by(drifting + noise, every(10, n))
    assert stream.asked.mean() == pytest.approx(0.01, rel=0.03)


# Propensities, keys, floors.


def test_the_propensities_are_the_chances_that_they_say_they_are():
    """Each asked event stands for 1 / propensity: so many there are, of each kind, and in each stretch of time."""
    sure, n = mixed(400_000), 400_000
    stream = Stream(share=0.02, per_hour=600).go_by(sure, np.cumsum(np.tile([20, 20, 100, 40], n // 4)))
    weights = np.divide(1, stream.propensities, out=np.zeros(n), where=stream.propensities > 0)
    strata = np.digitize(sure, np.quantile(sure, [0.1, 0.25, 0.5, 0.75])) + 5 * (np.arange(n) * 4 // n)
    for stratum in range(20):
        inside = strata == stratum
        error = np.sqrt((weights[inside] ** 2).sum())
        assert abs(weights[inside].sum() - inside.sum()) < 4 * error, stratum
    naive = stream.asked.sum() / 0.02
    assert abs(naive - n) > 10 * np.sqrt(n), "it is not the share, with which every event would have been chosen"


def test_keys_say_nothing_about_the_event():
    """Uniform whatever the propensity: in their order, what is not reached is missing by chance."""
    stream = Stream(share=0.05).go_by(mixed(200_000), every(10, 200_000))
    keys, chances = stream.keys[stream.asked], stream.propensities[stream.asked]
    assert kstest(keys, "uniform").pvalue > 0.01
    assert kstest(keys[chances > np.median(chances)], "uniform").pvalue > 0.01
    assert not stream.keys[~stream.asked].any()


def test_no_propensity_is_below_half_of_what_is_promised():
    rng = np.random.default_rng(3)
    gaps = rng.exponential(np.repeat(10.0 ** rng.uniform(1, 5, 60), 2_000))
    stream = Stream(share=0.05, per_hour=30, seed=1).go_by(mixed(len(gaps)), np.cumsum(gaps).astype(np.int64))
    drawn = stream.propensities > 0
    assert (stream.propensities[drawn] >= np.float32(FLOOR) * stream.promised[drawn] * (1 - 1e-6)).all()
    assert len(np.unique(stream.promised)) > 2, "the promise has changed"
    assert np.unique(np.log2(0.05 / stream.promised) % 1).tolist() == [0.0]


def test_a_promise_falls_soon_and_rises_after_a_day_of_better():
    stream = Stream(sampler="random", share=0.1, per_hour=60, doubles=0.0)
    slow = every(HOUR // 300, 300 * 30)
    stream.go_by(np.full(len(slow), 0.9), slow)
    assert set(stream.promised) == {0.1}
    fast = slow[-1] + every(1_000, 4 * STEADY)
    stream.parts.clear()
    stream.go_by(np.full(len(fast), 0.9), fast)
    assert set(stream.promised[2 * STEADY :]) == {0.0125}, "60 of 3,600 are 1 in 60: halved thrice"
    again = fast[-1] + every(HOUR // 300, 300 * 60)
    stream.parts.clear()
    stream.go_by(np.full(len(again), 0.9), again)
    rises = again[np.flatnonzero(np.diff(stream.promised) > 0)]
    assert len(rises) >= 1
    assert rises[0] - fast[-1] > DAY
    assert stream.promised[-1] == 0.1


# Budgets and caps.


@pytest.mark.parametrize("sampler", ["random", "uncertainty"])
def test_an_hours_budget_holds_in_the_hours_of_a_busy_day(sampler):
    """Ten times as many events by day as by night: the share of them falls, the requests an hour do not."""
    rng = np.random.default_rng(0)
    rates = np.where(np.arange(48) % 24 < 8, 600, 6_000)
    arrivals = np.concatenate([hour * HOUR + np.sort(rng.integers(0, HOUR, n)) for hour, n in enumerate(rates)])
    stream = Stream(sampler=sampler, share=0.5, per_hour=40, doubles=0.0)
    stream.go_by(mixed(len(arrivals)), arrivals)
    an_hour = np.bincount(arrivals[stream.asked] // HOUR, minlength=48)
    assert an_hour.mean() == pytest.approx(40, rel=0.15)
    assert an_hour.max() <= 40 + 4 * np.sqrt(40) + 0.4 * 40, "an hour in which the rate rises tenfold too"
    assert an_hour[1:].min() > 15


def test_a_days_budget_holds_and_doubles_are_a_part_of_it():
    rng = np.random.default_rng(0)
    arrivals = np.sort(rng.integers(0, 10 * DAY, 200_000))
    counts = []
    for doubles in (0.0, 0.25):
        stream = Stream(share=0.5, per_day=200, doubles=doubles).go_by(mixed(len(arrivals)), arrivals)
        a_day = np.bincount(arrivals[stream.asked] // DAY)
        assert a_day.max() < 1.35 * 200
        counts.append(a_day.mean())
    assert counts[0] == pytest.approx(200, rel=0.05)
    assert counts[1] == pytest.approx(200 / 1.25, rel=0.05)


def test_where_people_have_time_enough_the_share_alone_decides():
    stream = Stream(sampler="random", share=0.1, per_hour=1_000).go_by(np.full(5_000, 0.9), every(5_000, 5_000))
    assert set(stream.propensities[stream.asked]) == {np.float32(0.1)}


def test_a_night_without_events_is_not_made_up_for_in_the_morning():
    stream = Stream(sampler="random", share=0.5, per_hour=60, doubles=0.0)
    stream.go_by(np.full(2_000, 0.9), every(1_800, 2_000))
    stream.parts.clear()
    morning = 12 * HOUR + every(1_800, 2_000)
    stream.go_by(np.full(2_000, 0.9), morning)
    assert stream.asked.sum() < 110


@pytest.mark.parametrize("sampler", ["random", "uncertainty"])
def test_the_caps_hold_in_every_hour_and_day_and_are_counted(sampler):
    review = {"sampler": sampler, "share": 0.5, "max_per_hour": 3, "max_per_day": 7}
    arrivals = np.repeat(np.arange(30) * HOUR, 50)
    stream = Stream(**review).go_by(mixed(len(arrivals)), arrivals)
    free = Stream(sampler=sampler, share=0.5).go_by(mixed(len(arrivals)), arrivals)
    an_hour = np.bincount(arrivals[stream.asked] // HOUR, minlength=30)
    assert an_hour.tolist() == [3, 3, 1, *[0] * 21, 3, 3, 1, 0, 0, 0]
    np.testing.assert_array_equal(stream.propensities, free.propensities)
    assert (stream.caps > 0).sum() == free.asked.sum() - 14
    assert (stream.caps[:100] == CAPPED_BY_HOUR).sum() == (stream.caps[:100] > 0).sum() > 20
    assert (stream.caps[200:1_150] == CAPPED_BY_DAY).sum() == (stream.caps[200:1_150] > 0).sum() > 200
    assert not free.caps.any()


# Requests that expire.


def let_expire(answered, n=200_000, share=0.02):
    """Return how many are asked, to how many were to be, where a part of the requests is answered; the sampler."""
    stream = Stream(share=share).warm()
    stream.go_by([0.9], np.zeros(1, dtype=np.int64) + 10)
    stream.sampler._numbers[EXPIRED] = 0
    rng = np.random.default_rng(0)
    for begin in range(0, n, 100):
        arrivals = (begin + np.arange(100)) * 1_000
        stream.go_by(mixed(100, seed=begin), arrivals, expires=1_000_000)
        for sequence in stream.n - 100 + np.flatnonzero(stream.parts[-1].propensities):
            if rng.random() < answered:
                stream.sampler.answered(int(sequence))
    return stream.asked.sum() / (share * n), stream.sampler


def test_what_expires_is_asked_again_where_people_answer():
    asked, sampler = let_expire(0.9)
    assert asked == pytest.approx(1 / (1 - 0.1 * 0.9), rel=0.03)
    assert sampler.returned == pytest.approx(0.9 * sampler.expired, rel=0.15), (
        "at first it is not known that they do"
    )
    assert sampler.n_open < 200 * 0.02 * 1_000


def test_where_nobody_answers_no_more_is_asked():
    asked, sampler = let_expire(0.0)
    assert asked == pytest.approx(1, rel=0.03)
    assert sampler.expired > 3_000
    assert sampler.returned == 0


def test_no_more_than_a_third_more_is_ever_asked():
    asked, _ = let_expire(0.5)
    assert asked == pytest.approx(4 / 3, rel=0.04)


def test_an_answer_taken_back_can_expire():
    stream = Stream(share=1.0).go_by([0.9] * 4, every(1_000, 4), expires=10_000)
    for sequence in range(3):
        stream.sampler.answered(sequence)
    stream.sampler.reopen(1)
    assert stream.sampler.n_open == 2
    stream.go_by([0.9], np.array([60_000]), expires=10_000)
    assert stream.sampler.expired == 2
    stream.sampler.answered(1)
    assert stream.sampler.n_open == 1, "it is forgotten, and nothing happens"


# The start, and classes.


def test_until_there_are_labels_all_events_are_alike_and_more_are_asked_about():
    stream = Stream(share=0.05, labelled=np.array([0, 0])).go_by(mixed(2_000), every(10, 2_000))
    assert {REASONS[reason] for reason in np.unique(stream.reasons[stream.asked])} == {"cold-start"}
    first, last = stream.asked[:500].mean(), stream.asked[1_500:].mean()
    assert first > 1.8 * 0.05
    assert last < first
    chances = stream.propensities[:300][stream.asked[:300]]
    assert chances.max() < 2 * chances.min(), "what the model says means nothing yet"


def test_what_the_start_has_cost_is_paid_back_and_bounded():
    stream = Stream(share=0.02, labelled=np.array([0, 0])).go_by(mixed(500), every(10, 500))
    stream.labelled = ENOUGH_LABELS
    stream.go_by(mixed(19_500), every(10, 19_500))
    early = stream.asked[:2_000].sum() - 0.02 * 2_000
    assert 15 < early < RAISE * RAISED_FOR + 20
    stream.go_by(mixed(80_000), every(10, 80_000))
    assert stream.asked.mean() == pytest.approx(0.02, rel=0.03)
    assert stream.asked[3_000:10_000].mean() < 0.9 * 0.02


def test_who_begins_with_labels_has_no_start_to_make_up_for():
    """A worker that joins others, or a changed learner beside the one that runs."""
    stream = Stream(share=0.02).go_by(mixed(2_000), every(10, 2_000))
    assert stream.sampler.excess == 0
    assert stream.asked.sum() < 1.4 * 0.02 * 2_000


def test_arrays_that_do_not_match_are_refused():
    stream = Stream()
    for n, k in ((3, 2), (4, 1)):
        said = Said(np.zeros((n, 2), np.float32), np.zeros(n, np.int64))
        with pytest.raises(ValueError, match="same events"):
            stream.sampler.ask(said, np.arange(4), np.arange(4), first=0, labelled=np.zeros(k, np.int64))


def test_a_raise_is_never_more_than_people_have_time_for():
    stream = Stream(share=0.1, per_hour=60, doubles=0.0, labelled=np.array([0, 0]))
    arrivals = every(1_800, 8_000)
    stream.go_by(mixed(8_000), arrivals)
    an_hour = np.bincount(arrivals[stream.asked] // HOUR)
    assert an_hour.max() < 60 + 3 * np.sqrt(60)


def test_events_of_classes_with_few_labels_are_asked_about():
    classes = np.where(np.random.default_rng(0).random(100_000) < 0.05, 1, 0)
    counts = []
    for labels in (KNOWN_ENOUGH - 1, KNOWN_ENOUGH):
        stream = Stream(share=0.01).warm()
        stream.labelled = np.array([100, labels])
        stream.go_by(np.full(100_000, 0.99), every(10, 100_000), classes=classes)
        counts.append(stream.asked[classes == 1].sum())
        if labels < KNOWN_ENOUGH:
            reasons = [REASONS[reason] for reason in stream.reasons[stream.asked & (classes == 1)]]
            assert reasons.count("rare-class") > 0.7 * len(reasons)
    assert counts[0] > 4 * counts[1]


@pytest.mark.parametrize(("n_labelled", "raised"), [(10, False), (60, True)])
def test_a_class_that_is_new_raises_the_share_unless_all_are(n_labelled, raised):
    stream = Stream(share=0.01).warm()
    assert stream.sampler.excess == 0
    stream.sampler.meet_class(n_labelled)
    assert (stream.sampler.excess > 0) == raised
    n = int(RAISED_FOR / 0.01)
    stream.go_by(mixed(n), every(10, n))
    has_reason = "new-class" in {REASONS[reason] for reason in stream.reasons[stream.asked]}
    assert has_reason == raised
    assert (stream.asked.mean() > 1.25 * 0.01) == raised
    stream.go_by(mixed(100_000), every(10, 100_000))
    assert stream.asked.mean() == pytest.approx(0.01, rel=0.05), "it is paid back"


def test_raises_do_not_pile_up():
    """Classes that come one after the other are no reason to ask about everything."""
    stream = Stream(share=0.01).warm()
    for _ in range(40):
        stream.sampler.meet_class(1_000)
        stream.go_by(mixed(500), every(10, 500))
    assert stream.asked.mean() < 1.4 * 0.01


def in_turn(n, share, seed=0):
    return np.where(np.random.default_rng(seed).random(n) < share, 1, 0)


def test_a_class_that_vanishes_from_the_predictions_raises_the_share():
    stream = Stream(share=0.01).warm(0)
    n = 100 * LOOK
    stream.go_by(np.full(n, 0.9), every(10, n), classes=in_turn(n, 0.1))
    assert stream.sampler.excess == 0, "nothing has happened"
    stream.parts.clear()
    stream.go_by(np.full(20 * LOOK, 0.9), every(10, 20 * LOOK))
    assert "vanished-class" in {REASONS[reason] for reason in stream.reasons[stream.asked]}
    assert stream.sampler.excess > 0


def test_a_rare_class_may_stay_away_for_a_while():
    stream = Stream(share=0.01).warm(0)
    n = 100 * LOOK
    stream.go_by(np.full(n, 0.9), every(10, n), classes=in_turn(n, 0.004))
    stream.go_by(np.full(20 * LOOK, 0.9), every(10, 20 * LOOK))
    assert stream.sampler.excess == 0


def test_a_model_that_becomes_unsure_raises_the_share():
    stream = Stream(share=0.01).warm(0)
    n = 100 * LOOK
    classes = in_turn(n, 0.5)
    stream.go_by(np.full(n, 0.85), every(10, n), classes=classes)
    assert stream.sampler.excess == 0
    stream.go_by(np.full(20 * LOOK, 0.6), every(10, 20 * LOOK), classes=classes[: 20 * LOOK])
    assert stream.sampler.excess > 0
    assert "drift" in {REASONS[reason] for reason in stream.reasons[-15 * LOOK :][stream.asked[-15 * LOOK :]]}


def answers(stream, wrong, confidence=0.9):
    """Let requests be answered, some of which show the model to be wrong."""
    for is_wrong in wrong:
        stream.go_by([0.9], np.zeros(1, dtype=np.int64))
        stream.sampler.answered(stream.n - 1, surprise=is_wrong - (1 - confidence))


def test_answers_that_say_that_the_model_is_wrong_more_often_than_it_was_raise_the_share():
    stream, rng = Stream(share=1.0), np.random.default_rng(0)
    answers(stream, rng.random(400) < 0.1)
    stream.sampler._numbers[EXCESS] = 0  # what is left of the start's raise
    answers(stream, rng.random(200) < 0.1)
    assert stream.sampler.excess == 0
    stream.sampler._numbers[LOAN] = 0  # what that has cost
    seen = []
    for is_wrong in rng.random(60) < 0.6:
        answers(stream, [is_wrong])
        seen.append(stream.sampler.excess > 0)
    assert any(seen)


def test_a_model_that_always_thinks_too_well_of_itself_has_not_drifted():
    stream, rng = Stream(share=0.02), np.random.default_rng(1)
    answers(stream, rng.random(300) < 0.4, confidence=0.99)
    stream.sampler._numbers[[EXCESS, LOAN]] = 0
    answers(stream, rng.random(500) < 0.4, confidence=0.99)
    assert stream.sampler.excess == 0


# Settings that change, and the same bits.


def test_changed_settings_hold_from_the_next_event_on():
    stream = Stream(share=0.1).go_by(mixed(5_000), every(10, 5_000))
    stream.sampler.configure(ReviewSettings(share=0.01))
    stream.parts.clear()
    stream.go_by(mixed(50_000), every(10, 50_000))
    assert set(stream.promised) == {0.01}
    assert stream.asked.mean() < 0.012
    stream.sampler.configure(ReviewSettings(sampler="off"))
    stream.parts.clear()
    stream.go_by(mixed(5_000), every(10, 5_000))
    assert not stream.asked.any()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 400), max_size=8),
    st.sampled_from(["random", "uncertainty"]),
    st.sampled_from([{}, {"max_per_hour": 3}, {"per_hour": 20.0}, {"per_day": 100.0, "max_per_day": 60}]),
)
def test_cutting_into_blocks_and_snapshots_changes_nothing(cuts, sampler, limits):
    """Over answers, expired requests, looks at the promise and at what is predicted, a class that vanishes."""
    n = 2 * STEADY + 100
    rng = np.random.default_rng(0)
    arrivals = np.cumsum(rng.exponential(30_000, n)).astype(np.int64)
    said = rng.dirichlet([0.5, 0.3, 0.1], n).astype(np.float32)
    said[n // 2 :, 1] = 0
    decisions = said.argmax(axis=1)
    answered = {int(at): int(at) - 40 for at in np.flatnonzero(rng.random(n) < 0.3) if at >= 40}
    review = ReviewSettings(sampler=sampler, share=0.3, **limits)

    def run(ends, through_snapshots):
        of, begin, parts = ReviewSampler(review, seed=4), 0, []
        for end in sorted({*ends, *answered, n}):
            part = slice(begin, end)
            if end > begin:
                parts.append(
                    of.ask(
                        Said(said[part], decisions[part]),
                        arrivals[part],
                        arrivals[part] + 1_000_000,
                        first=begin,
                        labelled=np.array([9, 9, 2]) if begin >= min(answered) else np.zeros(3, np.int64),
                    )
                )
            if end in answered:
                of.answered(answered[end], surprise=float(end % 3 == 0))
            if through_snapshots:
                document, arrays = of.to_state()
                of = ReviewSampler.from_state(orjson.loads(orjson.dumps(document)), arrays, review)
            begin = end
        document, arrays = of.to_state()
        return [np.concatenate(column) for column in zip(*parts, strict=True)], document, arrays

    whole, document, arrays = run([], through_snapshots=False)
    parts, other_document, other_arrays = run(np.cumsum(cuts), through_snapshots=True)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)
    assert document == other_document
    for name in arrays:
        np.testing.assert_array_equal(arrays[name], other_arrays[name], err_msg=name)
    assert (whole[0] > 0).sum() > 20
