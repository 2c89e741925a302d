"""The row above every dashboard: the answers, before any chart. `streamssl top` shows the same ones."""

from __future__ import annotations

from deploy.dashboards import right
from deploy.dashboards.parts import (
    PLAIN,
    SECONDS,
    SHARE,
    THE_CHOSEN_TIME,
    Panel,
    Query,
    answer,
    increase,
    known,
    of,
)

DEAD_LETTERS = (
    f"(sum({increase('streamssl_events_total', THE_CHOSEN_TIME, outcome='invalid')}) or vector(0))"
    f" + (sum({increase('streamssl_labels_total', THE_CHOSEN_TIME, case='~invalid|unmatched')}) or vector(0))"
)
ANSWERS = "~joined|corrected|combined|abstained|from_features"
"""Cases of labels that say something new, or "I don't know"."""
SNAPSHOT_AGE = (
    f"time() - ({of('streamssl_snapshot_timestamp_seconds')} > {of('streamssl_start_timestamp_seconds')}"
    f" or {of('streamssl_start_timestamp_seconds')})"
)
"""Until the first snapshot is due, the age of the process."""


def top_row() -> list[Panel]:
    """Return the answers. Where several workers are chosen: the sum, the worst, or the widest of them."""
    return [
        answer(
            "Behind by",
            "Age of the newest event processed, while more are waiting. Of several workers, the worst.",
            [Query("behind by", f"max({of('streamssl_consumer_lag_seconds')})", warn=(10, 300))],
            unit=SECONDS,
            span=3,
        ),
        answer(
            "Right",
            "Accuracy of the last events, from answers to review requests, with its guaranteed 95% interval. Of"
            " several workers, the mean, and the widest interval.",
            [
                Query("accuracy", f"avg({known(right.ACCURACY)})"),
                Query("at least", f"min({known(right.AT_LEAST)})"),
                Query("at most", f"max({known(right.AT_MOST)})"),
                Query("labels in it", f"sum({right.LABELS})", unit=PLAIN),
            ],
            unit=SHARE,
            span=6,
            unknown="too few labels",
        ),
        answer(
            "Gain over the twin",
            "Accuracy minus that of the same learner fed with labelled events only: what the unlabelled are worth.",
            [Query("gain", f"avg({known(right.GAIN)})")],
            unit=SHARE,
            span=3,
            unknown="too few labels",
        ),
        answer(
            "Labels",
            "Review requests and answers over the chosen time, and labels that wait for their event.",
            [
                Query(
                    "asked", f"sum({increase('streamssl_review_requests_total', THE_CHOSEN_TIME, outcome='asked')})"
                ),
                Query("answered", f"sum({increase('streamssl_labels_total', THE_CHOSEN_TIME, case=ANSWERS)})"),
                Query("labels without their event", f"sum({of('streamssl_waiting_labels')})"),
            ],
            unit=PLAIN,
            span=6,
        ),
        answer(
            "Anything wrong",
            "Records that could not be used and starts of the process over the chosen time; age of the snapshot"
            " from which a crash would be recovered.",
            [
                Query("dead letters", DEAD_LETTERS, warn=(1, 100)),
                Query(
                    "restarts", f"sum(changes({of('streamssl_start_timestamp_seconds')}[$__range]))", warn=(1, 3)
                ),
                Query("snapshot age", f"max({SNAPSHOT_AGE})", unit=SECONDS, warn=(300, 900)),
            ],
            unit=PLAIN,
            span=6,
        ),
    ]
