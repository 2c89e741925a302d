"""The people: are they asked, do they answer, how late, do they agree."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.dashboards.parts import (
    PLAIN,
    SECONDS,
    SHARE,
    Panel,
    Query,
    chart,
    dashboard,
    increase,
    known,
    of,
    quantile,
)
from deploy.dashboards.top_row import ANSWERS, top_row


def people() -> Dashboard:
    """Return the dashboard of whoever leads the people that label."""
    return dashboard(
        "streamssl-people",
        "streamssl: the people",
        "Are they asked, do they answer, how late, and do they agree?",
        {
            "": top_row(),
            "Asked and answered": _asking(),
            "How late labels come": _delay(),
            "Who labels, and how well": _annotators(),
        },
    )


def _asking() -> list[Panel]:
    asked = "streamssl_review_requests_total"
    labels = "streamssl_labels_total"
    return [
        chart(
            "Review requests",
            "In the hour before: asked, or swallowed by the cap.",
            [Query("{{outcome}}", f"sum by (outcome) ({increase(asked, '1h')})")],
            unit=PLAIN,
        ),
        chart(
            "Labels",
            "In the hour before, by what became of them.",
            [Query("{{case}}", f"sum by (case) ({increase(labels, '1h')})")],
            unit=PLAIN,
            stacked=True,
        ),
        chart(
            "Answers to a request",
            "Labels and 'I don't know' of the last day, to each review request of that day. Volunteered labels"
            " count too, so it may be above 100%.",
            [
                Query(
                    "answers",
                    f"sum({increase(labels, '1d', case=ANSWERS)}) / sum({increase(asked, '1d', outcome='asked')})",
                )
            ],
            unit=SHARE,
        ),
    ]


def _delay() -> list[Panel]:
    delay = "streamssl_label_delay_seconds"
    return [
        chart(
            "From event to label",
            "Of the labels of the hour before.",
            [
                Query(
                    name,
                    quantile(share, delay, over="1h"),
                )
                for name, share in (("half within", 0.5), ("90% within", 0.9), ("99% within", 0.99))
            ],
            unit=SECONDS,
            span=12,
        ),
        chart(
            "Labels that wait for their event",
            "The label came first, or its event never comes: then it becomes a dead letter.",
            [Query("{{instance}}", of("streamssl_waiting_labels"))],
            unit=PLAIN,
            span=12,
        ),
    ]


def _annotators() -> list[Panel]:
    return [
        chart(
            "Events labelled",
            "By each annotator, since the beginning.",
            [Query("{{annotator}}", f"sum by (annotator) ({of('streamssl_annotator_labels')})")],
            unit=PLAIN,
            span=6,
        ),
        chart(
            "Reliability",
            "Estimated share of right ones among an annotator's labels.",
            [Query("{{annotator}}", f"avg by (annotator) ({known(of('streamssl_annotator_reliability_ratio'))})")],
            unit=SHARE,
            span=6,
            least=None,
            most=1,
        ),
        chart(
            "Agreement",
            "Share of the doubles, events that somebody else has labelled too, in which the label that holds is the"
            " annotator's.",
            [Query("{{annotator}}", f"avg by (annotator) ({known(of('streamssl_annotator_agreement_ratio'))})")],
            unit=SHARE,
            span=6,
            least=None,
            most=1,
        ),
        chart(
            "Doubles",
            "Events that the annotator and somebody else have labelled: what the agreement rests on.",
            [Query("{{annotator}}", f"sum by (annotator) ({of('streamssl_annotator_doubles')})")],
            unit=PLAIN,
            span=6,
        ),
    ]
