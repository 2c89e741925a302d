"""What dashboards are made of: selectors, answers (one big number each), charts, and the frame around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DashboardSpecialValueMapOptions,
    DataSourceRef,
    DynamicConfigValue,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMappingResult,
    VariableRefresh,
)

Panel = Stat | TimeSeries
P = TypeVar("P", Stat, TimeSeries)
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = 24
TAG = "streamssl"

SECONDS, SHARE, PLAIN, BYTES, A_SECOND = "s", "percentunit", "short", "bytes", "suffix: /s"


THE_CHOSEN_TIME = "$__range"


class Query(NamedTuple):
    """One query of a panel."""

    name: str
    """What its series are called; may hold ``{{label}}``."""
    expr: str
    unit: str = ""
    """Where it differs from the panel's."""
    warn: tuple[float, float] | None = None
    """Where an answer turns yellow and red; descending where low is bad."""


def of(metric: str, **labels: str) -> str:
    """Return the selector of a metric's series on the chosen workers; a value that begins with ~ is a pattern.

    Examples
    --------
    >>> of("streamssl_labels_total", case="~joined|corrected")
    'streamssl_labels_total{instance=~"$instance",case=~"joined|corrected"}'
    """
    matchers = [
        f'{label}=~"{value[1:]}"' if value[0] == "~" else f'{label}="{value}"' for label, value in labels.items()
    ]
    return metric + "{" + ",".join(['instance=~"$instance"', *matchers]) + "}"


def rate(metric: str, **labels: str) -> str:
    """Return the rate per second of a counter's series on the chosen workers."""
    return f"rate({of(metric, **labels)}[$__rate_interval])"


def increase(metric: str, over: str, **labels: str) -> str:
    """Return what a counter's series on the chosen workers have gained over a time."""
    return f"increase({of(metric, **labels)}[{over}])"


def quantile(share: float, histogram: str, over: str = "$__rate_interval") -> str:
    """Return a quantile of a histogram over a time, of the chosen workers together."""
    return f"histogram_quantile({share:g}, sum by (le) ({increase(f'{histogram}_bucket', over)}))"


def known(expr: str) -> str:
    """Return the series of an expression that are numbers: NaN means that nothing is known yet."""
    return f"({expr} == {expr})"


def answer(title: str, why: str, queries: Sequence[Query], *, unit: str, span: int, unknown: str = "none") -> Stat:
    """Return a panel with one number a query, which says ``unknown`` where a query gives none."""
    panel = (
        _with_queries(Stat(), title, why, queries, instant=True)
        .unit(unit)
        .height(4)
        .span(span)
        .no_value(unknown)
        .mappings([_nothing_known(unknown)])
        .thresholds(_steps(None))
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .text_mode(BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 else BigValueTextMode.VALUE)
        .orientation(VizOrientation.VERTICAL)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )
    for query in queries:
        properties = [DynamicConfigValue("unit", query.unit)] if query.unit else []
        if query.warn:
            properties.append(DynamicConfigValue("thresholds", _steps(query.warn).build()))
        if properties:
            panel.override_by_name(query.name, properties)
    return panel


def chart(
    title: str,
    why: str,
    queries: Sequence[Query],
    *,
    unit: str,
    span: int = 8,
    least: float | None = 0,
    most: float | None = None,
    stacked: bool = False,
    styles: Mapping[str, Mapping[str, object]] | None = None,
) -> TimeSeries:
    """Return a panel with lines over time; ``styles`` overrides how the series of a name are drawn."""
    panel = (
        _with_queries(TimeSeries(), title, why, queries, instant=False)
        .unit(unit)
        .height(8)
        .span(span)
        .line_width(1)
        .fill_opacity(25 if stacked else 5)
        .legend(
            VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if least is not None:
        panel.min(least)
    if most is not None:
        panel.max(most)
    if stacked:
        panel.stacking(StackingConfig().mode(StackingMode.NORMAL))
    for query in queries:
        if query.unit:
            panel.override_by_name(query.name, [DynamicConfigValue("unit", query.unit)])
    for name, style in (styles or {}).items():
        panel.override_by_name(name, [DynamicConfigValue(*each) for each in style.items()])
    return panel


BAND: dict[str, dict[str, object]] = {
    "at most": {"custom.lineWidth": 0, "custom.fillBelowTo": "at least", "custom.fillOpacity": 15},
    "at least": {"custom.lineWidth": 0, "custom.fillOpacity": 0},
    "probably at most": {"custom.lineStyle": {"fill": "dot", "dash": [2, 6]}, "custom.fillOpacity": 0},
    "probably at least": {"custom.lineStyle": {"fill": "dot", "dash": [2, 6]}, "custom.fillOpacity": 0},
    "target": {"custom.lineStyle": {"fill": "dash", "dash": [8, 6]}, "custom.fillOpacity": 0},
}
"""Styles of an interval, drawn as a band, and of the line that it is held against."""


def dashboard(uid: str, title: str, question: str, rows: Mapping[str, Sequence[Panel]]) -> Dashboard:
    """Return a dashboard; the panels under an empty row title stand above all rows."""
    board = (
        Dashboard(title)
        .uid(uid)
        .description(question)
        .tags([TAG])
        .readonly()
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(
            QueryVariable("instance")
            .label("worker")
            .datasource(SOURCE)
            .query("label_values(streamssl_start_timestamp_seconds, instance)")
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)
            .include_all(True)
            .all_value(".*")
        )
        .link(
            DashboardLink("streamssl")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .keep_time(True)
            .include_vars(True)
        )
    )
    number = 0
    for row, panels in rows.items():
        if row:
            board.with_row(Row(row))
        for panel in panels:
            board.with_panel(panel.id(number := number + 1))
    return board


def _with_queries(panel: P, title: str, why: str, queries: Sequence[Query], *, instant: bool) -> P:
    panel.title(title).description(why).datasource(SOURCE)
    for number, query in enumerate(queries):
        target = Dataquery().ref_id(chr(ord("A") + number)).expr(query.expr).legend_format(query.name)
        panel.with_target(target.instant() if instant else target.range())
    return panel


def _steps(warn: tuple[float, float] | None) -> ThresholdsConfig:
    """Return where a number changes its colour; without a place it stays plain."""
    if warn is None:
        steps = [Threshold(None, "text")]
    elif warn[0] <= warn[1]:
        steps = [Threshold(None, "green"), Threshold(warn[0], "yellow"), Threshold(warn[1], "red")]
    else:
        steps = [Threshold(None, "red"), Threshold(warn[1], "yellow"), Threshold(warn[0], "green")]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _nothing_known(text: str) -> SpecialValueMap:
    result = ValueMappingResult(text=text, color="text")
    return SpecialValueMap(DashboardSpecialValueMapOptions(SpecialValueMatch.NULL_AND_NAN, result))
