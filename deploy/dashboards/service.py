"""The service: is it keeping up, is anything wrong with it."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.dashboards.parts import (
    A_SECOND,
    BYTES,
    PLAIN,
    SECONDS,
    SHARE,
    Panel,
    Query,
    answer,
    chart,
    dashboard,
    increase,
    of,
    quantile,
    rate,
)
from deploy.dashboards.top_row import SNAPSHOT_AGE, top_row


def service() -> Dashboard:
    """Return the dashboard of whoever runs the service."""
    return dashboard(
        "streamssl-service",
        "streamssl: the service",
        "Is it keeping up, and is anything wrong?",
        {
            "": top_row(),
            "Is it keeping up?": _keeping_up(),
            "Is anything wrong?": _wrong(),
            "What does it take?": _resources(),
        },
    )


def _keeping_up() -> list[Panel]:
    return [
        chart(
            "Events",
            "Events a second, by what became of them.",
            [Query("{{outcome}}", f"sum by (outcome) ({rate('streamssl_events_total')})")],
            unit=A_SECOND,
        ),
        chart(
            "Behind by, seconds",
            "Age of the newest event processed while behind; 0 when not behind.",
            [Query("{{instance}}", of("streamssl_consumer_lag_seconds"))],
            unit=SECONDS,
        ),
        chart(
            "Behind by, records",
            "Records between here and the end of each topic. Labels and examples are read whole by every worker:"
            " of several workers, the one that is furthest behind.",
            [
                Query(
                    "{{topic}}",
                    f"max by (topic) (sum by (topic, instance) ({of('streamssl_consumer_lag_records')}))",
                )
            ],
            unit=PLAIN,
        ),
        chart(
            "From event to prediction",
            "From an event's record timestamp to its committed prediction.",
            [
                Query("half within", quantile(0.5, "streamssl_prediction_latency_seconds")),
                Query("99% within", quantile(0.99, "streamssl_prediction_latency_seconds")),
            ],
            unit=SECONDS,
        ),
        chart(
            "How busy it is",
            "Share of the time that goes into computing, committing and snapshots; near 100% it cannot go faster.",
            [
                Query(name, f"avg({rate(f'streamssl_{what}_duration_seconds_sum')})")
                for name, what in (("computing", "step"), ("committing", "commit"), ("snapshots", "snapshot"))
            ],
            unit=SHARE,
            most=1,
            stacked=True,
        ),
        chart(
            "How long a batch takes",
            "99% of the batches within this time.",
            [
                Query("computing", quantile(0.99, "streamssl_step_duration_seconds")),
                Query("committing", quantile(0.99, "streamssl_commit_duration_seconds")),
            ],
            unit=SECONDS,
        ),
    ]


def _wrong() -> list[Panel]:
    within = "5m"
    return [
        chart(
            "Records that could not be used",
            "In the five minutes before. Those of events and labels are in the dead-letter topic; broken examples"
            " are counted only.",
            [
                Query(
                    f"{name}: {{{{{label}}}}}",
                    f"sum by ({label}) ({increase(metric, within, **{label: value})})",
                )
                for name, label, metric, value in (
                    ("events", "outcome", "streamssl_events_total", "invalid"),
                    ("labels", "case", "streamssl_labels_total", "~invalid|unmatched"),
                    ("examples", "case", "streamssl_examples_total", "invalid"),
                )
            ],
            unit=PLAIN,
        ),
        chart(
            "Feature values that could not be used",
            "In the five minutes before. The event is predicted without them.",
            [
                Query(
                    "{{trouble}}",
                    f"sum by (trouble) ({increase('streamssl_feature_troubles_total', within)})",
                )
            ],
            unit=PLAIN,
        ),
        chart(
            "Silence",
            "Time since the topics' server last answered, and since the loop last went round.",
            [
                Query("server, {{instance}}", f"time() - {of('streamssl_server_answered_timestamp_seconds')}"),
                Query("loop, {{instance}}", f"time() - {of('streamssl_loop_last_tick_timestamp_seconds')}"),
            ],
            unit=SECONDS,
        ),
        chart(
            "Age of the newest snapshot",
            "What a crash would have to replay.",
            [Query("{{instance}}", SNAPSHOT_AGE)],
            unit=SECONDS,
        ),
        chart(
            "Labels without a verdict",
            "Labels that wait for their event; labels and examples that nobody could use so far, until one worker"
            " has decided for all.",
            [
                Query("wait for their event", f"sum({of('streamssl_waiting_labels')})"),
                Query("undecided", f"max({of('streamssl_undecided_records')})"),
            ],
            unit=PLAIN,
        ),
        answer(
            "The last recovery",
            "Records replayed at the last start; records that the journal names and retention has removed; batches"
            " that came out differently; damaged snapshots. All but the first should be 0.",
            [
                Query("replayed", f"sum({of('streamssl_recovery_replayed_records')})"),
                Query("lost", f"sum({of('streamssl_recovery_lost_records')})", warn=(1, 1)),
                Query("came out differently", f"sum({of('streamssl_recovery_digest_mismatches')})", warn=(1, 1)),
                Query("snapshots refused", f"sum({of('streamssl_recovery_refused_snapshots')})", warn=(1, 1)),
            ],
            unit=PLAIN,
            span=8,
        ).height(8),
    ]


def _resources() -> list[Panel]:
    return [
        chart(
            "Processor",
            "Cores in use.",
            [Query("{{instance}}", rate("process_cpu_seconds_total"))],
            unit=PLAIN,
        ),
        chart(
            "Memory",
            "Of each process, and the pending store's part of it.",
            [
                Query("{{instance}}", of("process_resident_memory_bytes")),
                Query("pending, {{instance}}", of("streamssl_pending_bytes", where="memory")),
            ],
            unit=BYTES,
        ),
        chart(
            "Disk",
            "What the pending store takes.",
            [Query("pending, {{instance}}", of("streamssl_pending_bytes", where="disk"))],
            unit=BYTES,
        ),
        chart(
            "Events that wait for a label",
            "And those that have waited too long and were let go, a second.",
            [
                Query("waiting", f"sum({of('streamssl_pending_events')})"),
                Query("let go", f"sum({rate('streamssl_pending_evicted_total')})", unit=A_SECOND),
            ],
            unit=PLAIN,
        ),
        chart(
            "How long a snapshot takes",
            "Nothing is processed meanwhile.",
            [
                Query(
                    "99% within",
                    quantile(0.99, "streamssl_snapshot_duration_seconds", over="10m"),
                )
            ],
            unit=SECONDS,
        ),
        chart(
            "Open files",
            "Of each process, and how many it may open.",
            [
                Query("{{instance}}", of("process_open_fds")),
                Query("at most", f"min({of('process_max_fds')})"),
            ],
            unit=PLAIN,
        ),
    ]
