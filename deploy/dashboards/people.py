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
            "What is asked, and why": _choosing(),
            "The reviewers' page": _page(),
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
            "In the hour before: asked, swallowed by a cap; expired before anybody answered.",
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


def _choosing() -> list[Panel]:
    return [
        chart(
            "Why these events",
            "Requests of the hour before, by what made their event likely to be asked about.",
            [Query("{{reason}}", f"sum by (reason) ({increase('streamssl_review_asked_total', '1h')})")],
            unit=PLAIN,
            stacked=True,
            span=6,
        ),
        chart(
            "Share that is asked about",
            "Of all events, at present: what is to be, and what the live accuracy may rest on. Below review.share"
            " where people have no time for more.",
            [
                Query("{{instance}}: asked", of("streamssl_review_share_ratio")),
                Query("{{instance}}: promised", of("streamssl_review_promised_share_ratio")),
            ],
            unit=SHARE,
            span=6,
        ),
        chart(
            "More than usual, and less",
            "What is asked beyond the share for a while (at the start, for new or vanished classes, after a drift),"
            " as a part of it; what all probabilities are multiplied by, so that the budget is kept; and the reach:"
            " smaller keys count for the live accuracy. Below 1 where people do not get through the queue.",
            [
                Query("{{instance}}: more", of("streamssl_review_raise_ratio")),
                Query("{{instance}}: control", of("streamssl_review_control_ratio")),
                Query("{{instance}}: reach", of("streamssl_review_reach_ratio")),
            ],
            unit=PLAIN,
            span=6,
        ),
        chart(
            "Waiting, and the budget",
            "Requests that wait for an answer; what an hour's and a day's answers are enough for; in the hour"
            " before, what expired requests gave back, and what a cap swallowed.",
            [
                Query("waiting", f"sum({of('streamssl_review_open_requests')})"),
                Query("enough for: {{per}}", f"sum by (per) ({of('streamssl_review_budget_requests')})"),
                Query("given back", f"sum({increase('streamssl_review_returned_requests_total', '1h')})"),
                Query(
                    "swallowed by the cap: {{cap}}",
                    f"sum by (cap) ({increase('streamssl_review_capped_total', '1h')})",
                ),
            ],
            unit=PLAIN,
            span=6,
        ),
    ]


def _page() -> list[Panel]:
    # Of the review service, which is no worker: whatever workers are chosen, it is the same.
    fast = "sum by (le, kind) (increase(streamssl_review_http_seconds_bucket[1h]))"
    return [
        chart(
            "Questions",
            "Open ones, those of them that somebody looks at; those of 30 days that nobody got to in time.",
            [Query("{{state}}", "sum by (state) (streamssl_review_questions)")],
            unit=PLAIN,
            span=8,
        ),
        chart(
            "The oldest question has waited",
            "People are served by key, not by age: an old one is no mistake, an ever older one says that more is"
            " asked than answered.",
            [Query("{{instance}}", "streamssl_review_oldest_question_seconds")],
            unit=SECONDS,
            span=8,
        ),
        chart(
            "Decisions, and labels on their way",
            "What people have said and not taken back; labels that are not in the topic yet: they should be there"
            " within a second.",
            [
                Query("decisions", "sum(streamssl_review_decisions)"),
                Query("on their way", "sum(streamssl_review_unsent_labels)"),
            ],
            unit=PLAIN,
            span=8,
        ),
        chart(
            "How fast the page answers",
            "99% of the requests of the hour before: those that enter an answer, and all others; and how many were"
            " refused or failed.",
            [
                Query("{{kind}}", f"histogram_quantile(0.99, {fast})"),
                Query(
                    "status {{status}}",
                    "sum by (status) (increase(streamssl_review_http_requests_total[1h]))",
                    PLAIN,
                ),
            ],
            unit=SECONDS,
            span=12,
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
