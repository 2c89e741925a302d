"""The live accuracy holds what it says, and each case that would spoil it has a test that the naive way fails."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from streamssl.engine.live_accuracy import LiveAccuracy, Observed, read
from streamssl.engine.live_accuracy.blocks import MOST
from streamssl.engine.live_accuracy.estimator import FLOOR
from streamssl.engine.live_accuracy.evidence import evidence
from streamssl.engine.live_accuracy.intervals import (
    BOUND,
    ENOUGH,
    Evidence,
    boldest_slope,
    crossing,
    estimate,
    slopes,
    tally,
)
from streamssl.engine.live_accuracy.requests import Status

SHARE = 0.2
WINDOW = 4_000
RUNS = 40
ALWAYS = 10**9
"""Seconds until a request expires that never does."""


class Simulation:
    """A stream of which the truth is known, and who is asked about it.

    The model is 80% sure of everything and rightly so; a third of its predictions are pseudo-labels.
    """

    def __init__(self, seed, n=WINDOW + 200, share=SHARE, window=WINDOW, expires=ALWAYS, believed=0.8, every=1):
        self.random = np.random.default_rng(seed)
        self.n, self.share = n, share
        self.right = self.random.random(n) < 0.8
        self.twin_right = np.where(self.random.random(n) < 0.9, self.right, ~self.right)
        self.asked = self.random.random(n) < share
        self.decisions = self.random.integers(0, 3, n)
        self.pseudo = np.where(self.random.random(n) < 1 / 3, self.decisions, -1)
        self.believed = believed
        self.expires = expires
        self.every = every
        self.live = LiveAccuracy(share=share, window=window)

    def observed(self, begin, end, asked=None, is_capped=None):
        n, part = end - begin, slice(begin, end)
        asked = self.asked[part] if asked is None else asked[part]
        arrivals = np.arange(begin, end, dtype=np.int64) * 1_000 * self.every
        twins = np.where(self.twin_right[part] == self.right[part], self.decisions[part], 9)
        return Observed(
            first=begin,
            arrivals=arrivals,
            expires=arrivals + 1_000 * self.expires,
            decisions=self.decisions[part],
            confidences=np.full(n, self.believed, dtype=np.float32),
            propensities=np.where(asked, np.float32(self.share), np.float32(0)),
            pseudo=self.pseudo[part],
            twins=np.where(asked, twins, -1),
            is_capped=is_capped,
        )

    def pass_by(self, **how):
        """Let all events pass."""
        self.live.observe(self.observed(0, self.n, **how), 0)
        return self

    def answer(self, events):
        for event in np.asarray(events).tolist():
            self.live.answer(event, bool(self.right[event]), bool(self.twin_right[event]))
        return self

    @property
    def requests(self):
        return np.flatnonzero(self.asked)

    def window(self):
        """Return the events of the recent window."""
        end = self.live.end_block()
        begin = self.live.recent_block(end)
        return slice(int(self.live.blocks.begins[begin]), int(self.live.blocks.begins[end]))

    def truth(self):
        return self.right[self.window()].mean()

    def recent(self):
        return read(self.live, 3).recent.learner

    def holds(self):
        return self.recent().low <= self.truth() <= self.recent().high


def of_the_answered_alone(simulation, window):
    """Return the estimate in the naive way: what was not answered counts as if nobody had been asked."""
    live = simulation.live
    places = live.requests.places(window.start, window.stop)
    chosen = np.arange(places.start, places.stop)
    answered = chosen[live.requests["status"][places] == Status.ANSWERED]
    grid = slopes(live.floor)
    events = window.stop - window.start
    sums = tally(evidence(live.requests, answered, "learner"), grid)
    return estimate(sums, grid, events=events, believed=simulation.believed * events)


def naive_holds(simulation, window):
    naive = of_the_answered_alone(simulation, window)
    return naive.low <= simulation.right[window].mean() <= naive.high


# The method.


def test_where_all_are_asked_and_answer_the_estimate_is_the_accuracy():
    simulation = Simulation(0, share=1.0).pass_by()
    simulation.answer(simulation.requests)
    assert simulation.recent().value == pytest.approx(simulation.truth())
    assert simulation.recent().approximate_low == pytest.approx(simulation.truth(), abs=0.02)


@given(
    st.lists(
        st.tuples(st.booleans(), st.floats(0.01, 0.99), st.floats(0.1, 1.0)),
        min_size=1,
        max_size=7,
    ),
    st.sampled_from([0.01, 0.3, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_the_bet_against_the_truth_never_pays_on_average(events, boldness):
    """Over all ways in which the draws can fall: the product over exp(slope * sum) is 1 at the most."""
    outcome, belief, propensity = (np.array(each, dtype=np.float64) for each in zip(*events, strict=True))
    residual = outcome - belief
    slope = np.array([boldest_slope(0.1) * boldness])
    low = high = 0.0
    for draw in itertools.product([False, True], repeat=len(events)):
        asked = np.array(draw)
        chance = np.where(asked, propensity, 1 - propensity).prod()
        sums = tally(
            Evidence(propensity[asked], residual[asked], asked[asked], residual[asked], residual[asked]), slope
        )
        low += chance * math.exp(sums.low[0] - slope[0] * residual.sum())
        high += chance * math.exp(sums.high[0] + slope[0] * residual.sum())
    assert max(low, high) <= 1 + 1e-9


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=10), st.floats(1e-4, 0.5))
@settings(deadline=None)
def test_the_bound_is_where_the_mean_of_the_bets_is_won(logs, steepest):
    grid = steepest * 0.5 ** np.arange(len(logs))
    at = crossing(np.array(logs), grid)
    assert logsumexp(np.array(logs) - grid * at) - math.log(len(logs)) == pytest.approx(BOUND, abs=1e-6)


def test_it_holds_for_learner_twin_gain_classes_and_pseudo_labels():
    held = []
    for seed in range(RUNS):
        simulation = Simulation(seed).pass_by()
        simulation.answer(simulation.requests)
        reading, window = read(simulation.live, 3), simulation.window()
        right, twin_right = simulation.right[window], simulation.twin_right[window]
        of_class = simulation.decisions[window] == 1
        pseudo = simulation.pseudo[window] >= 0
        truths = [right, twin_right, right * 1.0 - twin_right, right, right[of_class], right[pseudo]]
        found = [*reading.recent, reading.since_start.learner, reading.classes[1], reading.pseudo_labels["all"]]
        assert [each.events for each in found[3:]] == [window.stop, of_class.sum(), pseudo.sum()]
        truths[3] = simulation.right[: window.stop]
        held.append([each.low <= t.mean() <= each.high for each, t in zip(found, truths, strict=True)])
        assert all(each.high - each.low < 0.3 for each in found), "an interval that says something"
    assert (np.mean(held, axis=0) >= 0.95).all()


def test_a_model_that_thinks_too_well_of_itself_does_not_deceive():
    held, naive = [], []
    for seed in range(RUNS):
        simulation = Simulation(seed, believed=0.99).pass_by()
        simulation.answer(simulation.requests)
        held.append(simulation.holds())
        naive.append(abs(simulation.live.blocks.sums(0, 5)[1] / simulation.live.blocks.sums(0, 5)[0] - 0.8) < 0.05)
    assert np.mean(held) >= 0.95
    assert not any(naive), "what it believes on average is no estimate"


def test_below_fifty_labels_to_be_expected_nothing_is_said():
    few = Simulation(0, n=450).pass_by()
    few.answer(few.requests)
    reading = read(few.live, 3)
    assert reading.recent.learner.is_too_few
    assert reading.recent.learner.labels > 30
    more = Simulation(0, n=850).pass_by()
    more.answer(more.requests)
    reading = read(more.live, 3)
    assert not reading.recent.learner.is_too_few
    assert reading.classes[0].is_too_few, "a third of the events are not enough"


# What would spoil it.


def test_volunteered_labels_stay_out():
    """Those who volunteer complain: only wrong predictions are labelled."""
    held, naive = [], []
    for seed in range(RUNS):
        simulation = Simulation(seed)
        complaints = ~simulation.right & (simulation.random.random(simulation.n) < 0.3)
        simulation.pass_by().answer(simulation.requests)
        simulation.answer(np.flatnonzero(complaints & ~simulation.asked))
        held.append(simulation.holds())
        everyone = Simulation(seed)
        everyone.pass_by(asked=everyone.asked | complaints)
        everyone.answer(np.flatnonzero(everyone.asked | complaints))
        naive.append(everyone.holds())
    assert np.mean(held) >= 0.95
    assert np.mean(naive) < 0.5


def test_labels_made_with_the_guess_shown_stay_out():
    """Half of the reviewers see the guess, and who sees it agrees."""
    held, naive = [], []
    for seed in range(RUNS):
        simulation, trusting = Simulation(seed).pass_by(), Simulation(seed).pass_by()
        sees = simulation.random.random(simulation.n) < 0.5
        for event in simulation.requests.tolist():
            if sees[event]:
                simulation.live.see(event)
                trusting.live.answer(event, right=True, twin_right=True)
            else:
                simulation.answer([event])
                trusting.answer([event])
        held.append(simulation.holds())
        naive.append(trusting.holds())
    assert np.mean(held) >= 0.95
    assert np.mean(naive) < 0.5


@pytest.mark.parametrize("way", ["abstained", "expired", "capped"])
def test_what_is_not_answered_is_not_taken_to_be_like_the_rest(way):
    """The hard ones are those that nobody answers."""
    held, naive = [], []
    for seed in range(RUNS):
        simulation = Simulation(seed, expires=10 if way == "expired" else ALWAYS)
        silent = ~simulation.right & (simulation.random.random(simulation.n) < 0.6)
        simulation.pass_by(is_capped=silent if way == "capped" else None)
        simulation.answer([event for event in simulation.requests if not silent[event]])
        if way == "abstained":
            for event in np.flatnonzero(silent & simulation.asked).tolist():
                simulation.live.abstain(event)
        held.append(simulation.holds())
        naive.append(naive_holds(simulation, simulation.window()))
        shares = read(simulation.live, 0).unanswered
        assert shares[way] == pytest.approx(0.12, abs=0.05)
        assert sum(shares.values()) == shares[way]
    assert np.mean(held) >= 0.95
    assert np.mean(naive) < 0.5


def test_the_window_ends_before_the_oldest_request_that_is_open():
    """Wrong predictions are looked at for longer: what has been answered so far looks too good."""
    held, naive = [], []
    for seed in range(RUNS):
        simulation = Simulation(seed, n=3 * WINDOW).pass_by()
        quick = simulation.right | (np.arange(simulation.n) < 2 * WINDOW)
        simulation.answer([event for event in simulation.requests if quick[event]])
        held.append(simulation.holds())
        naive.append(naive_holds(simulation, slice(2 * WINDOW, 3 * WINDOW)))
        first_open = simulation.requests[~quick[simulation.requests]][0]
        assert 0 <= first_open - simulation.window().stop < WINDOW // 40
    assert np.mean(held) >= 0.95
    assert np.mean(naive) < 0.5


def test_an_answer_or_the_end_of_the_request_lets_the_window_move_on():
    simulation = Simulation(0, expires=1_000)
    simulation.live.observe(simulation.observed(0, 900), 0)
    early, late = simulation.requests[:2].tolist()
    simulation.answer(simulation.requests[2:])
    assert simulation.window() == slice(0, 0)
    simulation.live.observe(simulation.observed(900, early + 1_000), 0)
    assert simulation.window() == slice(0, 0)
    simulation.live.observe(simulation.observed(early + 1_000, early + 1_001), 0)
    assert simulation.window() == slice(0, 0), "the second one is open"
    simulation.answer([late])
    last = int(simulation.requests[simulation.requests < 900][-1])
    next_one = int(simulation.requests[simulation.requests >= 900][0])
    assert last < simulation.window().stop <= next_one


def test_a_correction_replaces_and_a_retraction_removes():
    right, corrected = Simulation(0).pass_by(), Simulation(0).pass_by()
    right.answer(right.requests)
    middle = len(right.requests) // 2
    event = int(right.requests[middle])
    corrected.answer(corrected.requests)
    before = corrected.recent()
    corrected.live.answer(event, right=not right.right[event], twin_right=None)
    assert corrected.recent().value != before.value
    corrected.answer([event])
    assert same(corrected.live, right.live)
    assert corrected.recent() == before
    corrected.live.take_back(event)
    assert corrected.window().stop <= event, "the request is open again"
    never = Simulation(0).pass_by()
    never.answer(np.delete(never.requests, middle))
    assert corrected.recent() == never.recent()


def test_i_do_not_know_after_an_answer_changes_nothing():
    simulation = Simulation(0).pass_by()
    simulation.answer(simulation.requests)
    before = simulation.recent()
    simulation.live.abstain(int(simulation.requests[5]))
    simulation.live.see(int(simulation.requests[6]))
    assert simulation.recent() == before


def test_where_both_agree_the_gain_needs_no_answer():
    simulation = Simulation(0).pass_by()
    disagree = simulation.right != simulation.twin_right
    for event in simulation.requests.tolist():
        if disagree[event]:
            simulation.answer([event])
        else:
            simulation.live.abstain(event)
    everything = Simulation(0).pass_by()
    everything.answer(everything.requests)
    found, expected = read(simulation.live, 0).recent, read(everything.live, 0).recent
    assert (found.gain.low, found.gain.high) == (expected.gain.low, expected.gain.high)
    assert found.learner.high - found.learner.low > 0.3


# Times and places.


def test_pseudo_labels_by_their_age():
    simulation = Simulation(0, n=120_000, share=0.02, window=2_000, expires=10)
    simulation.right[: 120_000 - 86_400] = False
    simulation.right[-3_600:] = True
    simulation.share, simulation.live = SHARE, LiveAccuracy(share=SHARE, window=2_000)
    simulation.asked = simulation.random.random(simulation.n) < SHARE
    for begin in range(0, simulation.n, 1_000):
        simulation.live.observe(simulation.observed(begin, begin + 1_000), begin)
        events = np.arange(begin, begin + 1_000)
        simulation.answer(events[simulation.asked[begin : begin + 1_000]])
    found = read(simulation.live, 0).pseudo_labels
    assert found["hour"].events == pytest.approx(1_200, rel=0.1)
    assert found["day"].events == pytest.approx(82_800 / 3, rel=0.05)
    assert found["older"].events == pytest.approx(33_600 / 3, rel=0.05)
    assert found["hour"].low > 0.85
    assert found["day"].low < 0.8 < found["day"].high
    assert found["older"].high < 0.1


def test_what_has_been_forgotten_still_counts_since_the_start():
    forgetting, remembering = (Simulation(0, n=6_000, window=200) for _ in range(2))
    for begin in range(0, 6_000, 500):
        for simulation in (forgetting, remembering):
            first = begin if simulation is forgetting else 0
            simulation.live.observe(simulation.observed(begin, begin + 500), first)
            simulation.answer([e for e in simulation.requests if begin <= e < begin + 500])
            simulation.live.clock += 10 * 86_400_000  # what is younger than a day is kept
    assert len(forgetting.live.requests) < len(remembering.live.requests) / 2
    found, expected = (read(each.live, 0).since_start for each in (forgetting, remembering))
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-9)
    assert found.learner.events >= 5_900
    assert found.learner.low <= forgetting.right[: found.learner.events].mean() <= found.learner.high


def test_memory_has_an_end_where_nobody_answers():
    simulation = Simulation(0, n=20_000, window=600).pass_by()
    assert len(simulation.live.blocks) <= MOST + 1
    assert simulation.live.blocks.sums(0, len(simulation.live.blocks))[0] == 20_000
    simulation.answer(simulation.requests)
    assert simulation.recent().low <= simulation.truth() <= simulation.recent().high


def test_another_promise_begins_anew_what_is_known_since_the_start_alone():
    simulation = Simulation(0).pass_by()
    simulation.answer(simulation.requests)
    simulation.live.promise(SHARE, 0)
    assert read(simulation.live, 0).since_start.learner.events > 0
    before = simulation.recent()
    simulation.live.promise(SHARE / 2, 0)
    reading = read(simulation.live, 0)
    assert reading.since_start.learner.events == 0
    assert simulation.live.start == simulation.n
    assert reading.recent.learner.value == pytest.approx(before.value, abs=0.01)


def test_a_promise_that_rises_leaves_what_is_known_as_it_was():
    """The window is longer for a while, so that it says something although little was promised in its beginning."""
    simulation = promised(Simulation(0, n=40_000, window=None), SHARE / 40, SHARE, at=30_000)
    assert simulation.live.share_since_start == SHARE / 40
    since_start = read(simulation.live, 0).since_start.learner
    assert since_start.events == int(simulation.live.blocks.begins[simulation.live.end_block()])
    assert since_start.low <= simulation.right.mean() <= since_start.high
    assert len(simulation.right[simulation.window()]) >= ENOUGH / (FLOOR * SHARE / 40)
    assert simulation.holds()
    simulation = promised(Simulation(0, n=60_000, window=None), SHARE / 40, SHARE, at=30_000)
    assert len(simulation.right[simulation.window()]) == simulation.live.window


@pytest.mark.parametrize("shares", [(0.0, SHARE), (SHARE, 0.0)])
def test_where_nobody_was_asked_everything_begins_anew(shares):
    simulation = Simulation(0)
    simulation.live = LiveAccuracy(share=shares[0], window=WINDOW)
    simulation.pass_by().answer(simulation.requests)
    simulation.live.promise(shares[1], 0)
    assert len(simulation.live.requests) == 0
    assert simulation.recent().is_too_few
    assert len(simulation.live.blocks) == 1


def promised(simulation, first, then, at):
    """Let all events pass, a fall of the promise in between; what is asked falls with it."""
    share = np.where(np.arange(simulation.n) < at, first, then)
    simulation.asked = simulation.random.random(simulation.n) < share
    observed = simulation.observed(0, simulation.n)
    propensities = np.where(simulation.asked, share, 0).astype(np.float32)
    simulation.live.observe(observed._replace(propensities=propensities, promised=share), 0)
    return simulation.answer(simulation.requests)


def test_over_a_promise_that_falls_it_holds_with_the_least_of_the_window():
    held, widths, naive = [], [], []
    for seed in range(RUNS):
        simulation = promised(Simulation(seed), 1.0, 0.03, at=WINDOW // 2)
        assert simulation.live.blocks.least_promised(0, len(simulation.live.blocks)) == 0.03
        held.append(simulation.holds())
        widths.append(simulation.recent().high - simulation.recent().low)
        simulation.live.blocks.promised[:] = 1.0
        with np.errstate(invalid="ignore"):
            naive.append(simulation.recent().high - simulation.recent().low)
    assert np.mean(held) >= 0.95
    assert np.mean(widths) < 0.4
    assert np.mean(naive) > 0.7, "bets as bold as at first lose more than they have, and nothing follows from them"


def test_since_a_promise_fell_only_what_came_later_counts():
    simulation = promised(Simulation(0, n=6_000, window=200), 4 * SHARE, 2 * SHARE, at=1_000)
    found = read(simulation.live, 0).since_start.learner
    end = int(simulation.live.blocks.begins[simulation.live.end_block()])
    assert found.events == end - 1_000
    assert found.labels == simulation.asked[1_000:end].sum()
    assert found.low <= simulation.right[1_000:end].mean() <= found.high


def test_what_was_forgotten_of_before_a_promise_fell_does_not_come_back():
    simulation = Simulation(0, n=6_000, window=200)
    simulation.live.clock += 10 * 86_400_000
    for begin in range(0, 6_000, 500):
        share = np.full(500, SHARE if begin < 3_000 else SHARE / 2)
        seen = simulation.observed(begin, begin + 500)
        seen = seen._replace(promised=share, arrivals=seen.arrivals + begin * 10**6)
        simulation.live.observe(seen, begin)
        simulation.answer([e for e in simulation.requests if begin <= e < begin + 500])
    assert simulation.live.blocks.begins[0] > 3_000, "the blocks before are forgotten"
    found = read(simulation.live, 0).since_start.learner
    end = int(simulation.live.blocks.begins[simulation.live.end_block()])
    assert found.events == end - 3_000
    assert found.labels == simulation.asked[3_000:end].sum()


def test_i_do_not_know_that_is_taken_back_opens_the_request_again():
    simulation = Simulation(0).pass_by()
    abstained, answered = simulation.requests[:2].tolist()
    simulation.answer([answered])
    simulation.live.abstain(abstained)
    simulation.live.reopen(abstained)
    simulation.live.reopen(answered)
    statuses = simulation.live.requests["status"][:2].tolist()
    assert statuses == [Status.OPEN, Status.ANSWERED]


# The same bits.


def same(one, other):
    document, arrays = one.to_state()
    other_document, other_arrays = other.to_state()
    equal = [np.array_equal(arrays[name], other_arrays[name]) for name in arrays]
    return document == other_document and arrays.keys() == other_arrays.keys() and all(equal)


@pytest.mark.parametrize("seed", range(4))
def test_one_by_one_in_batches_or_from_a_snapshot_it_is_the_same(seed):
    """Over blocks that are made fewer, requests that expire, events that leave the pending store."""
    cuts = np.random.default_rng([seed, 1])
    n, step = 6_000, 250
    simulations = [Simulation(seed, n=n, window=80, expires=2_400, every=60) for _ in range(3)]
    for begin in range(0, n, step):
        first = max(0, begin - 1_500)
        inner = np.sort(cuts.choice(np.arange(begin + 1, begin + step), 3, replace=False)).tolist()
        pieces = [[begin, begin + step], [begin, *inner, begin + step], list(range(begin, begin + step + 1))]
        for simulation, ends in zip(simulations, pieces, strict=True):
            for piece in itertools.pairwise(ends):
                simulation.live.observe(simulation.observed(*piece), first)
            answered = [e for e in simulation.requests if begin <= e + 100 < begin + step and e % 7]
            simulation.answer(answered)
        if begin == 3_000:
            simulations[1].live = LiveAccuracy.from_state(*simulations[1].live.to_state())
    assert same(simulations[0].live, simulations[1].live)
    assert same(simulations[0].live, simulations[2].live)
    assert simulations[0].live.settled[0].weight > 0, "some were forgotten"
    assert np.diff(simulations[0].live.blocks.begins).max() > 2, "some were put together"
    assert read(simulations[0].live, 3) == read(simulations[2].live, 3)
