"""One reading of ``/metrics``, and what two of them say about the time between."""

from __future__ import annotations

import math

from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    r"""What a process said of itself at one moment.

    Parameters
    ----------
    text
        In Prometheus' text format.
    time
        When it was read, seconds since the epoch.

    Raises
    ------
    ValueError
        When the text is something else.

    Examples
    --------
    >>> scrape = Scrape('labels_total{case="joined"} 3.0\nlabels_total{case="early"} 1.0\n', time=0.0)
    >>> scrape.total("labels_total"), scrape.total("labels_total", case="joined"), scrape.value("other")
    (4.0, 3.0, nan)
    """

    def __init__(self, text: str, time: float) -> None:
        self.time = time
        self._samples: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append((sample.labels, sample.value))

    def __contains__(self, name: str) -> bool:
        return name in self._samples

    def values(self, name: str, **labels: str) -> list[float]:
        """Return the values of the series with this name and these labels."""
        return [value for given, value in self._samples.get(name, ()) if labels.items() <= given.items()]

    def value(self, name: str, **labels: str) -> float:
        """Return the value of the only series that matches; NaN when there is none."""
        return next(iter(self.values(name, **labels)), math.nan)

    def total(self, name: str, **labels: str) -> float:
        """Return the sum over the series that match, 0 when there is none."""
        return math.fsum(self.values(name, **labels))

    def label(self, name: str, label: str) -> str:
        """Return a label's value in the first series of this name; empty when there is none."""
        return next((given.get(label, "") for given, _ in self._samples.get(name, ())), "")

    def buckets(self, name: str) -> dict[float, float]:
        """Return a histogram without labels: upper end -> observations up to there."""
        return {float(given["le"]): value for given, value in self._samples.get(f"{name}_bucket", ())}


def rate(now: Scrape, before: Scrape | None, name: str, **labels: str) -> float:
    """Return by how much a counter rose a second between two scrapes; NaN without an earlier one.

    A counter that fell has begun anew, with a new process: it rose by what it shows.
    """
    if before is None or now.time <= before.time:
        return math.nan
    value, earlier = now.total(name, **labels), before.total(name, **labels)
    return (value - earlier if value >= earlier else value) / (now.time - before.time)


def quantile(share: float, now: Scrape, before: Scrape | None, name: str) -> float:
    """Return a quantile of what a histogram took in between two scrapes, or ever; NaN when it took in nothing.

    Within a bucket the observations are taken to be spread evenly, as Prometheus does.
    """
    counts = now.buckets(name)
    earlier = before.buckets(name) if before is not None else {}
    if any(earlier.get(end, 0) > count for end, count in counts.items()):
        earlier = {}  # a new process
    low, below = 0.0, 0.0
    wanted = share * max((counts[end] - earlier.get(end, 0) for end in counts), default=0.0)
    for end in sorted(counts):
        upto = counts[end] - earlier.get(end, 0)
        if upto > 0 and upto >= wanted:
            return low if math.isinf(end) else low + (end - low) * (wanted - below) / (upto - below)
        low, below = end, upto
    return math.nan
