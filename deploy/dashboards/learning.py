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


_TOO_FEW = of("streamssl_live_accuracy_too_few_labels", who="learner", **right.RECENT)


def _by_class(which: str, metric: str) -> str:
    """Return what is known of each class, on all the workers together."""
    return f"{which} by (class) ({known(of(metric))})"


def _right() -> list[Panel]:
    return [
        chart(
            "Accuracy on all events",
            "Of the last events, estimated from answers to review requests, with its guaranteed 95% interval;"
            " inside it, dotted, the approximate one. The target is the recording rule"
            " streamssl:accuracy_target:ratio.",
            [
                Query("at most", f"max({known(right.AT_MOST)})"),
                Query("at least", f"min({known(right.AT_LEAST)})"),
                Query("probably at most", f"max({known(right.PROBABLY_AT_MOST)})"),
                Query("probably at least", f"min({known(right.PROBABLY_AT_LEAST)})"),
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
            "Accuracy since the start",
            "Of all events since people began to be asked at this share. Its 95% interval holds at all times"
            " together: look as often as you like.",
            [
                Query("at most", f"max({known(right.EVER_AT_MOST)})"),
                Query("at least", f"min({known(right.EVER_AT_LEAST)})"),
                Query("accuracy", f"avg({known(right.EVER)})"),
            ],
            unit=SHARE,
            span=12,
            least=None,
            most=1,
            styles=BAND,
        ),
        chart(
            "The learner and its twin",
            "The twin is the same learner fed with labelled events only; both estimated on all recent events.",
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
            "What unlabelled events are worth, in accuracy, with its guaranteed 95% interval. Below 0 they do"
            " harm.",
            [
                Query("at most", f"max({known(right.GAIN_AT_MOST)})"),
                Query("at least", f"min({known(right.GAIN_AT_LEAST)})"),
                Query("gain", f"avg({known(right.GAIN)})"),
            ],
            unit=SHARE,
            span=12,
            least=None,
            styles=BAND,
        ),
        chart(
            "By predicted class",
            "Share of right ones among the recent predictions of each class, with its guaranteed 95% interval.",
            [
                Query("{{class}}", _by_class("avg", "streamssl_live_class_accuracy_ratio")),
                Query("{{class}}, at least", _by_class("min", "streamssl_live_class_accuracy_low_ratio")),
                Query("{{class}}, at most", _by_class("max", "streamssl_live_class_accuracy_high_ratio")),
            ],
            unit=SHARE,
            span=12,
            least=None,
            most=1,
        ),
        chart(
            "Labels behind the accuracy",
            "Answers to review requests. Few labels, wide interval.",
            [Query("{{instance}}", right.LABELS)],
            unit=PLAIN,
            span=6,
        ),
        chart(
            "Events that it is about",
            "The last ones before the oldest review request that is still open; and workers that have too few"
            " labels to say anything.",
            [
                Query("{{instance}}", right.EVENTS),
                Query("workers with too few labels", f"sum({_TOO_FEW})"),
            ],
            unit=PLAIN,
            span=6,
        ),
        chart(
            "Not answered",
            "Share of the recent review requests that were given up, that nobody could answer, that were answered"
            " by somebody who had seen the guess, or that a cap swallowed. The interval allows for the worst.",
            [Query("{{why}}", f"avg by (why) ({known(of('streamssl_live_accuracy_unanswered_ratio'))})")],
            unit=SHARE,
            span=6,
            most=1,
            stacked=True,
        ),
        chart(
            "Accuracy on all labels",
            "Volunteered labels too: how well the labelled events were foreseen, not how right it is on all.",
            [Query("{{who}}", f"avg by (who) ({known(of('streamssl_accuracy_ratio'))})")],
            unit=SHARE,
            span=6,
            least=None,
            most=1,
        ),
    ]


def _pseudo_labels() -> list[Panel]:
    return [
        chart(
            "Precision",
            "Share of right ones among all recent pseudo-labels, estimated from answers to review requests, with"
            " its guaranteed 95% interval, against what they promise (recording rule"
            " streamssl:pseudo_label_promise:ratio).",
            [
                Query(
                    "at most", f"max({known(of('streamssl_live_pseudo_label_precision_high_ratio', age='all'))})"
                ),
                Query(
                    "at least", f"min({known(of('streamssl_live_pseudo_label_precision_low_ratio', age='all'))})"
                ),
                Query("precision", f"avg({known(of('streamssl_live_pseudo_label_precision_ratio', age='all'))})"),
                Query("target", "streamssl:pseudo_label_promise:ratio"),
            ],
            unit=SHARE,
            span=8,
            least=None,
            most=1,
            styles=BAND,
        ),
        chart(
            "Precision by age",
            "Of pseudo-labels given within the hour, within the day before that, earlier, and of all recent ones.",
            [Query("{{age}}", f"avg by (age) ({known(of('streamssl_live_pseudo_label_precision_ratio'))})")],
            unit=SHARE,
            span=8,
            least=None,
            most=1,
        ),
        chart(
            "Precision on all labels",
            "Share of right ones among those that got a label, volunteered ones too: not that of all.",
            [Query("precision", f"avg({known(of('streamssl_pseudo_label_precision_ratio'))})")],
            unit=SHARE,
            span=8,
            least=None,
            most=1,
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
            span=8,
        ),
        chart(
            "Given",
            "Pseudo-labels a second, by class.",
            [Query("{{class}}", f"sum by (class) ({rate('streamssl_pseudo_labels_total')})")],
            unit=A_SECOND,
            span=8,
            stacked=True,
        ),
        chart(
            "Confidence that makes one",
            "From which confidence a prediction of the class becomes a pseudo-label.",
            [Query("{{class}}", f"avg by (class) ({of('streamssl_pseudo_label_threshold_ratio')})")],
            unit=SHARE,
            span=8,
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
