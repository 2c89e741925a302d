"""The answers that a dashboard owes at a glance, from two readings of ``/metrics``: what ``streamssl top`` shows.

The same ones, in the same order, as the top row of the Grafana dashboards.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from streamssl.monitoring.scrape import Scrape, quantile, rate

Mood = Literal["plain", "well", "warning", "bad", "unknown"]
"""Plain: a figure that only its reader can judge."""

RECENT = {"window": "recent"}
"""Which of the live accuracies is shown: that of the last events, rather than of all since the start."""
ANSWERS = ("joined", "corrected", "combined", "abstained", "from_features")
"""Cases of labels that say something new, or "I don't know"."""
BEHIND = (10.0, 300.0)
SNAPSHOT_AGE = (300.0, 900.0)
SILENCE = (10.0, 60.0)
"""Seconds from which something is worth a look, and from which it is bad."""


class Answer(NamedTuple):
    """One question, answered."""

    question: str
    value: str
    detail: str
    mood: Mood


def answers(now: Scrape, before: Scrape | None = None) -> list[Answer]:
    r"""Answer what anybody asks first; rates come from the time between the two readings.

    Examples
    --------
    >>> text = "streamssl_consumer_lag_seconds 0.0\nstreamssl_waiting_labels 3.0\n"
    >>> [answer.value for answer in answers(Scrape(text, time=0.0))[:3]]
    ['0 s', 'too few labels', 'too few labels']
    """
    return [
        _behind(now, before),
        _right(now),
        _gain(now),
        _pseudo_labels(now, before),
        _labels(now, before),
        _dead_letters(now, before),
        _safety(now),
        _server(now),
    ]


def title(now: Scrape) -> str:
    """Say which process this is and for how long it has been up."""
    name = now.label("streamssl_build_info", "worker") or "worker"
    version = now.label("streamssl_build_info", "version")
    shown = "".join(each if each.isprintable() else "?" for each in f"{name} {version}".strip())
    return f"{shown}, up {duration(now.time - now.value('streamssl_start_timestamp_seconds'))}"


def duration(seconds: float) -> str:
    """Return a time in the unit that reads best.

    Examples
    --------
    >>> [duration(each) for each in (0.004, 0.25, 12.3, 90, 7_300, 200_000, float("nan"))]
    ['4 ms', '250 ms', '12 s', '90 s', '2.0 h', '2.3 days', 'unknown']
    """
    if math.isnan(seconds):
        return "unknown"
    if 0 < seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    for unit, length, until in (("s", 1, 120), ("min", 60, 7_200), ("h", 3_600, 172_800)):
        if seconds < until:
            value = seconds / length
            return f"{value:.0f} {unit}" if unit != "h" else f"{value:.1f} {unit}"
    return f"{seconds / 86_400:.1f} days"


def _behind(now: Scrape, before: Scrape | None) -> Answer:
    seconds = now.value("streamssl_consumer_lag_seconds")
    records = now.total("streamssl_consumer_lag_records")
    latency = quantile(0.99, now, before, "streamssl_prediction_latency_seconds")
    detail = [
        f"{records:,.0f} records to go",
        _per_second(rate(now, before, "streamssl_events_total"), "events"),
        "" if math.isnan(latency) else f"99% predicted within {duration(latency)}",
    ]
    return Answer("behind by", duration(seconds), _joined(detail), _mood(seconds, BEHIND))


def _right(now: Scrape) -> Answer:
    value, low, high = _interval(now, "streamssl_live_accuracy", who="learner", **RECENT)
    labels = now.total("streamssl_live_accuracy_labels", who="learner", **RECENT)
    detail = f"{labels:,.0f} labels in it"
    if math.isnan(value) or math.isnan(low):
        return Answer("right", "too few labels", detail, "unknown")
    return Answer("right", f"{value:.1%}", f"{low:.1%} to {high:.1%}, {detail}", "plain")


def _gain(now: Scrape) -> Answer:
    gain, low, high = _interval(now, "streamssl_live_gain", **RECENT)
    twin = now.value("streamssl_live_accuracy_ratio", who="twin", **RECENT)
    if math.isnan(gain):
        return Answer("gain over the twin", "too few labels", "", "unknown")
    mood: Mood = "well" if gain >= 0 else "warning"
    detail = f"{100 * low:+.1f} to {100 * high:+.1f}, the twin is right on {twin:.1%}"
    return Answer("gain over the twin", f"{100 * gain:+.1f} points", detail, mood)


def _pseudo_labels(now: Scrape, before: Scrape | None) -> Answer:
    precision, low, high = _interval(now, "streamssl_live_pseudo_label_precision", age="all")
    given = now.total("streamssl_pseudo_labels_total")
    per_second = rate(now, before, "streamssl_pseudo_labels_total")
    detail = _joined([f"{given:,.0f} given", _per_second(per_second, "")])
    if math.isnan(precision):
        return Answer("pseudo-labels right", "too few labels", detail, "unknown")
    return Answer("pseudo-labels right", f"{precision:.1%}", f"{low:.1%} to {high:.1%}, {detail}", "plain")


def _labels(now: Scrape, before: Scrape | None) -> Answer:
    asked = now.total("streamssl_review_requests_total", outcome="asked")
    came = sum(now.total("streamssl_labels_total", case=case) for case in ANSWERS)
    waiting = now.total("streamssl_waiting_labels")
    delay = quantile(0.5, now, None, "streamssl_label_delay_seconds")
    detail = [
        _per_second(sum(rate(now, before, "streamssl_labels_total", case=case) for case in ANSWERS), "answers"),
        "" if math.isnan(delay) else f"half of them within {duration(delay)}",
        f"{waiting:,.0f} wait for their event" if waiting else "",
    ]
    return Answer("labels", f"{asked:,.0f} asked, {came:,.0f} came", _joined(detail), "plain")


def _dead_letters(now: Scrape, before: Scrape | None) -> Answer:
    kinds = [
        ("events", "streamssl_events_total", {"outcome": "invalid"}),
        ("labels", "streamssl_labels_total", {"case": "invalid"}),
        ("labels of unknown events", "streamssl_labels_total", {"case": "unmatched"}),
    ]
    counts = [(name, now.total(metric, **label)) for name, metric, label in kinds]
    rates = [rate(now, before, metric, **label) for _, metric, label in kinds]
    detail = [
        *(f"{count:,.0f} {name}" for name, count in counts if count),
        "" if not sum(rates) > 0 else _per_second(sum(rates), ""),
    ]
    mood: Mood = "warning" if sum(rates) > 0 else "plain" if any(count for _, count in counts) else "well"
    return Answer("dead letters", f"{sum(count for _, count in counts):,.0f}", _joined(detail), mood)


def _safety(now: Scrape) -> Answer:
    started = now.value("streamssl_start_timestamp_seconds")
    written = now.value("streamssl_snapshot_timestamp_seconds")
    age = now.time - max(written, started)
    lost = now.total("streamssl_recovery_lost_records") + now.total("streamssl_recovery_digest_mismatches")
    detail = f"{now.total('streamssl_recovery_replayed_records'):,.0f} records replayed at the last start"
    if lost:
        return Answer("snapshot", duration(age) + " old", f"{detail}, and not all came back", "bad")
    if not written > started:
        return Answer("snapshot", "none since the start", detail, _mood(age, SNAPSHOT_AGE))
    return Answer("snapshot", duration(age) + " old", detail, _mood(age, SNAPSHOT_AGE))


def _server(now: Scrape) -> Answer:
    silence = now.time - now.value("streamssl_server_answered_timestamp_seconds")
    tick = now.time - now.value("streamssl_loop_last_tick_timestamp_seconds")
    if not silence < now.time:  # it has not gone live yet: the gauge is still 0
        return Answer("topics' server", "not asked yet", "starting", "unknown")
    detail = f"loop went round {duration(max(0.0, tick))} ago"
    return Answer("topics' server", f"answered {duration(max(0.0, silence))} ago", detail, _mood(silence, SILENCE))


def _interval(now: Scrape, name: str, **labels: str) -> tuple[float, float, float]:
    """Return an estimate and the ends of its guaranteed interval."""
    value, low, high = (now.value(f"{name}{end}_ratio", **labels) for end in ("", "_low", "_high"))
    return value, low, high


def _mood(value: float, limits: tuple[float, float]) -> Mood:
    if math.isnan(value):
        return "unknown"
    return "well" if value < limits[0] else "warning" if value < limits[1] else "bad"


def _per_second(value: float, what: str) -> str:
    if math.isnan(value):
        return ""
    number = f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.2g}"
    return f"{number} {what}/s" if what else f"{number}/s"


def _joined(parts: list[str]) -> str:
    return ", ".join(part for part in parts if part)
