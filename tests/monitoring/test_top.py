"""The answers, from readings that are what a worker says in one case after the other."""

import math

import pytest
from prometheus_client import generate_latest

from streamssl.engine.live_accuracy import Estimate
from streamssl.monitoring.metrics import Metrics
from streamssl.monitoring.scrape import Scrape, quantile, rate
from streamssl.monitoring.top import answers, title

NOW = 1_800_000_000.0


@pytest.fixture
def metrics():
    """A worker that has been up for an hour and is well."""
    metrics = Metrics()
    metrics.started.set(NOW - 3_600)
    metrics.server_answered.set(NOW - 0.5)
    metrics.last_tick.set(NOW - 1)
    metrics.snapshot_time.set(NOW - 30)
    metrics.build.info({"version": "0.1.0", "worker": "worker-7"})
    return metrics


def scrape(metrics, time=NOW):
    return Scrape(generate_latest(metrics.registry).decode(), time)


def shown(metrics, question, before=None):
    return next(answer for answer in answers(scrape(metrics), before) if answer.question == question)


def test_a_worker_that_is_well(metrics):
    assert title(scrape(metrics)) == "worker-7 0.1.0, up 60 min"
    assert shown(metrics, "behind by").value == "0 s"
    assert shown(metrics, "snapshot").value == "30 s old"
    assert {answer.mood for answer in answers(scrape(metrics))} == {"plain", "well", "unknown"}


@pytest.mark.parametrize(("seconds", "mood"), [(9, "well"), (11, "warning"), (301, "bad")])
def test_how_far_behind_it_is(metrics, seconds, mood):
    metrics.lag_seconds.set(seconds)
    metrics.lag_records.labels("events", "0").set(700)
    metrics.lag_records.labels("events", "1").set(500)
    answer = shown(metrics, "behind by")
    assert answer.mood == mood
    assert "1,200 records to go" in answer.detail


def test_rates_and_latency_are_those_since_the_reading_before(metrics):
    counter = metrics._counters["events"].labels("predicted")
    counter.inc(1_000_000)
    for _ in range(1_000):
        metrics.latency.observe(500)
    before = scrape(metrics, NOW - 2)
    counter.inc(240)
    for _ in range(100):
        metrics.latency.observe(0.02)
    detail = shown(metrics, "behind by", before).detail
    assert "120 events/s" in detail
    assert "99% predicted within 25 ms" in detail


def test_a_new_process_counts_from_nothing(metrics):
    metrics._counters["events"].labels("predicted").inc(90)
    metrics.latency.observe(0.02)
    later = scrape(metrics)
    metrics._counters["events"].labels("predicted").inc(910)
    for _ in range(9):
        metrics.latency.observe(500)
    earlier = scrape(metrics, NOW - 10)
    assert rate(later, earlier, "streamssl_events_total") == 9
    assert quantile(0.5, later, earlier, "streamssl_prediction_latency_seconds") < 0.025


def test_without_labels_no_accuracy_is_shown(metrics):
    metrics.live_accuracy.accuracy.value.labels("learner", "recent").set(math.nan)
    metrics.live_accuracy.labels.labels("learner", "recent").set(3)
    answer = shown(metrics, "right")
    assert (answer.value, answer.detail, answer.mood) == ("too few labels", "3 labels in it", "unknown")
    assert shown(metrics, "gain over the twin").value == "too few labels"


def an_estimate(value):
    return Estimate(value, value - 0.02, value + 0.01, value - 0.01, value + 0.01, labels=240, events=10_000)


def test_accuracy_is_that_of_the_recent_events_with_the_guaranteed_interval(metrics):
    live = metrics.live_accuracy
    metrics.accuracy.labels("learner").set(0.3)
    metrics.gain.set(-0.5)
    for window, value in (("since_start", 0.5), ("recent", 0.9)):
        live.accuracy.show(an_estimate(value), "learner", window)
        live.accuracy.show(an_estimate(value - 0.04), "twin", window)
        live.labels.labels("learner", window).set(240)
        live.gain.show(an_estimate(0.04 if window == "recent" else -0.5), window)
    assert shown(metrics, "right")[1:3] == ("90.0%", "88.0% to 91.0%, 240 labels in it")
    assert shown(metrics, "gain over the twin")[1:] == (
        "+4.0 points",
        "+2.0 to +5.0, the twin is right on 86.0%",
        "well",
    )


def test_the_precision_of_pseudo_labels_is_that_of_all_ages_together(metrics):
    for age, value in (("hour", 0.2), ("all", 0.9)):
        metrics.live_accuracy.pseudo_labels.show(an_estimate(value), age)
    metrics.pseudo_precision.set(0.1)
    answer = shown(metrics, "pseudo-labels right")
    assert (answer.value, answer.detail) == ("90.0%", "88.0% to 91.0%, 0 given")


def test_unlabelled_events_that_do_harm(metrics):
    metrics.live_accuracy.gain.show(an_estimate(-0.03), "recent")
    assert shown(metrics, "gain over the twin").mood == "warning"


def test_asked_and_answered(metrics):
    metrics._counters["review_requests"].labels("asked").inc(40)
    metrics._counters["review_requests"].labels("capped").inc(7)
    for case, n in (("joined", 20), ("abstained", 2), ("duplicate", 5), ("early", 9), ("unmatched", 3)):
        metrics._counters["labels"].labels(case).inc(n)
    assert shown(metrics, "labels").value == "40 asked, 22 came"


def test_dead_letters_warn_while_they_come(metrics):
    metrics._counters["events"].labels("invalid").inc(4)
    metrics._counters["labels"].labels("unmatched").inc(3)
    before = scrape(metrics, NOW - 2)
    answer = shown(metrics, "dead letters", before)
    assert (answer.value, answer.mood) == ("7", "plain")
    assert answer.detail == "4 events, 3 labels of unknown events"
    metrics._counters["labels"].labels("invalid").inc(1)
    answer = shown(metrics, "dead letters", before)
    assert (answer.value, answer.mood) == ("8", "warning")
    assert "0.5/s" in answer.detail


@pytest.mark.parametrize(("age", "mood"), [(299, "well"), (301, "warning"), (901, "bad")])
def test_a_snapshot_that_gets_old(metrics, age, mood):
    metrics.snapshot_time.set(NOW - age)
    assert shown(metrics, "snapshot").mood == mood


def test_before_the_first_snapshot_the_start_counts(metrics):
    metrics.started.set(NOW - 20)
    metrics.snapshot_time.set(0)
    assert shown(metrics, "snapshot")[1::2] == ("none since the start", "well")


def test_a_recovery_that_missed_something_is_said(metrics):
    metrics.recovered(records=90, lost=2, mismatches=0, refused=0)
    answer = shown(metrics, "snapshot")
    assert (answer.mood, answer.detail) == ("bad", "90 records replayed at the last start, and not all came back")


def test_a_server_that_is_silent_and_one_that_was_not_asked_yet(metrics):
    metrics.server_answered.set(NOW - 61)
    assert shown(metrics, "topics' server")[1::2] == ("answered 61 s ago", "bad")
    metrics.server_answered.set(0)
    assert shown(metrics, "topics' server").value == "not asked yet"


def test_control_characters_do_not_reach_the_terminal(metrics):
    metrics.build.info({"version": "0.1.0", "worker": "w\x1b[2J"})
    assert "\x1b" not in title(scrape(metrics))


def test_a_quantile_lies_where_prometheus_puts_it():
    text = (
        'h_bucket{le="1.0"} 50.0\nh_bucket{le="2.0"} 100.0\nh_bucket{le="+Inf"} 110.0\nh_count 110.0\nh_sum 1.0\n'
    )
    now = Scrape("# TYPE h histogram\n" + text, NOW)
    assert quantile(0.25, now, None, "h") == pytest.approx(0.55)
    assert quantile(0.5, now, None, "h") == pytest.approx(1.1)
    assert quantile(0.99, now, None, "h") == 2.0
    assert math.isnan(quantile(0.5, now, now, "h"))
    assert math.isnan(quantile(0.5, now, None, "nothing"))
