"""The learning: is it right, do unlabelled events help."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.dashboards import right
from deploy.dashboards.parts import (
    A_SECOND,
    BAND,
    PLAIN,
    SHARE,
    Panel,
    Query,
    chart,
    dashboard,
    increase,
    known,
    of,
    rate,
)
from deploy.dashboards.top_row import top_row


def learning() -> Dashboard:
    """Return the dashboard of whoever answers for the predictions."""
    return dashboard(
        "streamssl-learning",
        "streamssl: the learning",
        "Is it right, and do unlabelled events help?",
        {
            "": top_row(),
            "Is it right?": _right(),
            "Can its pseudo-labels be trusted?": _pseudo_labels(),
            "What is it made of?": _learner(),
        },
    )


def _right() -> list[Panel]:
    return [
        chart(
            "Accuracy on all events",
            "Estimated from answers to review requests, with its 95% interval; the target is the recording rule"
            " streamssl:accuracy_target:ratio.",
            [
                Query("at most", f"max({known(right.AT_MOST)})"),
                Query("at least", f"min({known(right.AT_LEAST)})"),
                Query("accuracy", f"avg({known(right.ACCURACY)})"),
                Query("target", "streamssl:accuracy_target:ratio"),
            ],
            unit=SHARE,
            span=12,
            least=None,
            most=1,
            styles=BAND,
        ),
        chart(
            "The learner and its twin",
            "The twin is the same learner fed with labelled events only, compared on the same events.",
            [
                Query("learner", f"avg({known(right.ACCURACY)})"),
                Query("twin", f"avg({known(right.TWINS_ACCURACY)})"),
            ],
            unit=SHARE,
            span=12,
            least=None,
            most=1,
        ),
        chart(
            "Gain over the twin",
            "What unlabelled events are worth, in accuracy. Below 0 they do harm.",
            [Query("{{instance}}", known(right.GAIN))],
            unit=SHARE,
            least=None,
        ),
        chart(
            "Labels behind the accuracy",
            "Few labels, wide interval.",
            [Query("{{instance}}", right.LABELS)],
            unit=PLAIN,
        ),
        chart(
            "Accuracy on all labels",
            "Volunteered labels too: how well the labelled events were foreseen, not how right it is on all.",
            [Query("{{who}}", f"avg by (who) ({known(of('streamssl_accuracy_ratio', labels='all'))})")],
            unit=SHARE,
            least=None,
            most=1,
        ),
    ]


def _pseudo_labels() -> list[Panel]:
    return [
        chart(
            "Precision",
            "Share of right ones among pseudo-labels whose event got a label later, against what they promise"
            " (recording rule streamssl:pseudo_label_promise:ratio).",
            [
                Query("precision", f"avg({known(of('streamssl_pseudo_label_precision_ratio'))})"),
                Query("target", "streamssl:pseudo_label_promise:ratio"),
            ],
            unit=SHARE,
            span=6,
            least=None,
            most=1,
            styles={"target": BAND["target"]},
        ),
        chart(
            "Checked by labels",
            "Pseudo-labels whose event got a label, in the hour before.",
            [
                Query(
                    "{{verdict}}",
                    f"sum by (verdict) ({increase('streamssl_pseudo_labels_checked_total', '1h')})",
                )
            ],
            unit=PLAIN,
            span=6,
        ),
        chart(
            "Given",
            "Pseudo-labels a second, by class.",
            [Query("{{class}}", f"sum by (class) ({rate('streamssl_pseudo_labels_total')})")],
            unit=A_SECOND,
            span=6,
            stacked=True,
        ),
        chart(
            "Confidence that makes one",
            "From which confidence a prediction of the class becomes a pseudo-label.",
            [Query("{{class}}", f"avg by (class) ({of('streamssl_pseudo_label_threshold_ratio')})")],
            unit=SHARE,
            span=6,
            least=None,
        ),
    ]


def _learner() -> list[Panel]:
    return [
        chart(
            "Who has the say",
            "Weight of each expert in the mixture, by how well it foresaw the labels.",
            [Query("{{expert}}", f"avg by (expert) ({of('streamssl_expert_weight_ratio')})")],
            unit=SHARE,
            span=12,
            most=1,
            stacked=True,
        ),
        chart(
            "Examples learnt from",
            "Events joined with their labels, in the five minutes before, by what became of them.",
            [Query("{{case}}", f"sum by (case) ({increase('streamssl_examples_total', '5m')})")],
            unit=PLAIN,
            span=12,
        ),
        chart(
            "Fields that give the answer away",
            "Fields that alone predict the labels too well to be true: found out after the label, perhaps. None is"
            " drawn as 0.",
            [
                Query(
                    "{{field}}",
                    f"max by (field) ({of('streamssl_suspected_leak_ratio')})"
                    " or on() label_replace(vector(0), 'field', '(none)', '', '')",
                )
            ],
            unit=SHARE,
            span=12,
            most=1,
        ),
        chart(
            "Classes and columns",
            "Classes known, and columns that the features take.",
            [
                Query("classes", f"max({of('streamssl_classes')})"),
                Query("columns", f"max({of('streamssl_feature_columns')})"),
            ],
            unit=PLAIN,
            span=12,
        ),
    ]
