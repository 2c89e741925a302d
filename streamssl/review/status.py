"""The status page: the answers of the dashboards' top row, how the queue stands, and small pictures of both.

The learner's /metrics are read when somebody looks (at most every two seconds) or when the process says so, and the
last readings stay in memory for the pictures.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from starlette.responses import HTMLResponse, Response

from streamssl.config import Config
from streamssl.monitoring.reading import Silent, read
from streamssl.monitoring.scrape import Scrape
from streamssl.monitoring.top import ANSWERS, RECENT, Answer, answers, duration, title
from streamssl.review import looks
from streamssl.review.desk import Counts, Desk
from streamssl.review.visits import Visit

ANSWERS_WITHIN = 1.5
"""Seconds that the learner has: the page does not wait longer."""
READ_EVERY_MS = 2_000
KEPT_EVERY_MS = 5_000
"""How far the pictures' readings lie apart, at least."""
MOST_KEPT = 360
WIDTH, HEIGHT = 240.0, 48.0
"""Of a picture, in its own units."""


class Reading(NamedTuple):
    """What the pictures show of one moment; NaN where nothing is known."""

    time: int
    accuracy: float
    low: float
    high: float
    behind: float
    """Seconds."""
    answered: float
    """Labels that said something new, since the learner began."""
    waiting: float
    """Open questions."""


class Spark(NamedTuple):
    """A small picture: a line, and a band where there is an interval. Paths of SVG."""

    title: str
    last: str
    line: str
    band: str
    words: str
    """What it shows, for those who do not see it."""


class Watch:
    """Reads the learner's metrics and remembers. Safe to be called from many threads.

    Parameters
    ----------
    config
        Where the learner's metrics are.
    desk
        The queue.
    fetch
        Returns one reading of an address.
    """

    def __init__(
        self, config: Config, desk: Desk, fetch: Callable[[str], Scrape] = lambda url: read(url, ANSWERS_WITHIN)
    ) -> None:
        self.url = config.review_service.learner_metrics or _own_metrics(config)
        self._desk = desk
        self._fetch = fetch
        self._scrapes: deque[Scrape] = deque(maxlen=2)
        self._counts: Counts | None = None
        self._problem = ""
        self._readings: deque[Reading] = deque(maxlen=MOST_KEPT)
        self._as_of = -math.inf
        self._one_at_a_time = threading.Lock()

    def look(self, now: int) -> None:
        """Take a reading, unless the last one is fresh. Cost: an HTTP request, and some 10 ms for the counts."""
        with self._one_at_a_time:
            if 0 <= now - self._as_of < READ_EVERY_MS:
                return
            self._counts = self._desk.counts(now)
            scrape = None
            try:
                scrape = self._fetch(self.url)
                self._scrapes.append(scrape)
                self._problem = ""
            except Silent as error:
                self._problem = str(error)
            self._as_of = now
            if not self._readings or now - self._readings[-1].time >= KEPT_EVERY_MS:
                self._readings.append(_reading(scrape, self._counts, now))

    def reliability(self, name: str, now: int) -> float:
        """Return the share of somebody's labels that the learner takes to be right; NaN where it does not say."""
        self.look(now)
        with self._one_at_a_time:
            if not self._scrapes:
                return math.nan
            return self._scrapes[-1].value("streamssl_annotator_reliability_ratio", annotator=name)

    def values(self, now: int) -> dict[str, object]:
        """Return what the page shows."""
        self.look(now)
        with self._one_at_a_time:
            scrapes = list(self._scrapes)
            latest = scrapes[-1] if scrapes else None
            shown: list[Answer] = []
            if latest is not None:
                shown = answers(latest, scrapes[0] if len(scrapes) > 1 else None)
            return {
                "worker": "" if latest is None else title(latest),
                "answers": shown,
                "silent": self._problem,
                "queue": [] if self._counts is None else _queue(self._counts, now),
                "sparks": _sparks(list(self._readings)),
                "lately": duration((self._readings[-1].time - self._readings[0].time) / 1_000),
            }


def status(watch: Watch, visit: Visit) -> Response:
    """Show how things stand."""
    values = watch.values(visit.now) | {"session": visit.session, "here": "status", "problem": ""}
    return HTMLResponse(looks.fragment("status_body.html" if visit.wants_fragment else "status.html", **values))


def spark_paths(
    times: Sequence[float],
    values: Sequence[float],
    low: Sequence[float] = (),
    high: Sequence[float] = (),
    span: tuple[float, float] | None = None,
) -> tuple[str, str]:
    """Return the paths of a line and of the band around it; gaps where a value is NaN.

    Parameters
    ----------
    times, values, low, high
        Of the same length; no band without ``low`` and ``high``.
    span
        Values at the lower and the upper edge; None: from 0 to a bit above the highest.

    Examples
    --------
    >>> spark_paths([0, 1], [0.0, 1.0], span=(0.0, 1.0))
    ('M0.0 48.0L240.0 0.0', '')
    """
    known = [each for each in (*values, *high) if math.isfinite(each)]
    bottom, top = span or (0.0, 1.05 * max(known, default=1.0) or 1.0)
    first, last = times[0], times[-1]

    def at(time: float, value: float) -> str:
        x = WIDTH * (time - first) / (last - first) if last > first else WIDTH
        share = min(1.0, max(0.0, (value - bottom) / ((top - bottom) or 1.0)))
        return f"{x:.1f} {HEIGHT * (1 - share):.1f}"

    line, is_down = "", False
    for time, value in zip(times, values, strict=True):
        if math.isfinite(value):
            line += ("L" if is_down else "M") + at(time, value)
        is_down = math.isfinite(value)
    whole = [each for each in zip(times, low, high, strict=False) if math.isfinite(each[1] + each[2])]
    edge = [at(time, upper) for time, _, upper in whole] + [at(time, lower) for time, lower, _ in reversed(whole)]
    return line, f"M{'L'.join(edge)}Z" if len(whole) > 1 else ""


def _sparks(readings: list[Reading]) -> list[Spark]:
    if len(readings) < 2:
        return []
    times = [each.time for each in readings]
    last = readings[-1]
    minutes = duration((times[-1] - times[0]) / 1_000)
    known = [end for each in readings for end in (each.low, each.high) if math.isfinite(end)]
    span = (max(0.0, min(known, default=0.0) - 0.05), min(1.0, max(known, default=1.0) + 0.05))
    accuracy = [each.accuracy for each in readings]
    line, band = spark_paths(times, accuracy, [r.low for r in readings], [r.high for r in readings], span)
    sparks = [_spark("right", _share(last.accuracy), line, band, minutes)]
    for name, values, text in (
        ("behind by", [each.behind for each in readings], duration(last.behind)),
        ("labels that came", _risen([each.answered for each in readings]), _count(last.answered)),
        ("questions waiting", [each.waiting for each in readings], _count(last.waiting)),
    ):
        line, _ = spark_paths(times, values, span=_span(values) if name == "labels that came" else None)
        sparks.append(_spark(name, text, line, "", minutes))
    return sparks


def _spark(name: str, last: str, line: str, band: str, minutes: str) -> Spark:
    return Spark(name, last, line, band, f"{name} over the last {minutes}, now {last}")


def _risen(values: list[float]) -> list[float]:
    """Return a counter by how far it rose since the first reading; a new process begins at 0."""
    risen, total, before = [], 0.0, math.nan
    for value in values:
        if math.isfinite(value) and math.isfinite(before):
            total += value - before if value >= before else value
        before = value if math.isfinite(value) else before
        risen.append(total if math.isfinite(value) else math.nan)
    return risen


def _span(values: list[float]) -> tuple[float, float]:
    known = [each for each in values if math.isfinite(each)]
    return (0.0, max(known, default=0.0) or 1.0)


def _reading(scrape: Scrape | None, counts: Counts, now: int) -> Reading:
    if scrape is None:
        return Reading(now, math.nan, math.nan, math.nan, math.nan, math.nan, counts.standing.open)
    value, low, high = (
        scrape.value(f"streamssl_live_accuracy{end}_ratio", who="learner", **RECENT)
        for end in ("", "_low", "_high")
    )
    answered = sum(scrape.total("streamssl_labels_total", case=case) for case in ANSWERS)
    behind = scrape.value("streamssl_consumer_lag_seconds")
    return Reading(now, value, low, high, behind, answered, counts.standing.open)


def _queue(counts: Counts, now: int) -> list[Answer]:
    standing = counts.standing
    oldest = "" if standing.oldest is None else f"the oldest came {looks.ago(now - standing.oldest)}"
    return [
        Answer("questions waiting", f"{standing.open:,}", oldest, "plain"),
        Answer("being looked at", f"{standing.leased:,}", "", "plain"),
        Answer("answers kept", f"{counts.decisions:,}", "", "plain"),
        Answer(
            "on their way to the learner",
            f"{counts.outbox:,}",
            "labels not in the topic yet" if counts.outbox else "all labels are in the topic",
            "well" if counts.outbox < 100 else "warning",
        ),
        Answer("not reached in time", f"{standing.expired:,}", "of the last 30 days", "plain"),
    ]


def _share(value: float) -> str:
    return "too few labels" if math.isnan(value) else f"{value:.1%}"


def _count(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:,.0f}"


def _own_metrics(config: Config) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.metrics.host, config.metrics.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{config.metrics.port}/metrics"
