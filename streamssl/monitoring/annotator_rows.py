"""What the metrics say of annotators: the first 50 by name, all others together."""

from __future__ import annotations

from typing import NamedTuple

from streamssl.engine.annotators import Report
from streamssl.engine.state import EngineState

ANNOTATORS_SHOWN = 50


class AnnotatorRow(NamedTuple):
    """The gauges of one annotator."""

    labels: int
    reliability: float
    doubles: int
    agreement: float
    """NaN without doubles."""


def annotator_rows(state: EngineState) -> dict[str, AnnotatorRow]:
    """Return what is shown of each annotator, by the value of the metrics' label.

    The reliability of those who are shown together is their mean, weighted by their labels.
    """
    reports = state.annotators.report(len(state.classes))
    rows = {report.name or "(unnamed)": _row([report]) for report in reports[:ANNOTATORS_SHOWN]}
    if len(reports) > ANNOTATORS_SHOWN:
        rows["(other)"] = _row(reports[ANNOTATORS_SHOWN:])
    return rows


def _row(reports: list[Report]) -> AnnotatorRow:
    labels = sum(report.labels for report in reports)
    doubles = sum(report.doubles for report in reports)
    agreed = sum(report.agreed for report in reports)
    return AnnotatorRow(
        labels=labels,
        reliability=sum(report.labels * report.reliability for report in reports) / labels,
        doubles=doubles,
        agreement=agreed / doubles if doubles else float("nan"),
    )
