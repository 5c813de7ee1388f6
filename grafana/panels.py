"""Panels, with what all of them have in common: colours, axes, legends."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.common import DataSourceRef

from grafana.colours import AMBER, BLUE, DARK_BLUE, GREEN, PLAIN, PURPLE, RED

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

TEXT_SIZE = 24
"""Of a word, in pixels; sized by Grafana, a long one is cut at a sixth of a narrow screen."""

Property = tuple[str, object]
"""A field's property, by its id, and its value."""


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and the legend of its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or a few of one kind, of a time series: its query and how it is drawn."""

    expr: str
    legend: str
    colour: str = ""
    style: Literal["solid", "dashed", "area", "bars", "hidden"] = "solid"
    properties: tuple[Property, ...] = ()


def steps(*pairs: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Return colours from values on; the first value is None."""
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=colour) for value, colour in pairs])
    )


NEUTRAL = steps((None, PLAIN))
ANY_IS_BAD = steps((None, GREEN), (1, RED))
ANY_IS_ODD = steps((None, GREEN), (1, AMBER))
NEAR_LEVEL = steps((None, GREEN), (2 / 3, AMBER), (1, RED))
"""Of a figure divided by the configured level at which someone is notified."""


def value_mappings(texts: Mapping[str, tuple[str, str]]) -> list[models.ValueMapping]:
    """Return a mapping from values to texts with their colours."""
    return [
        models.ValueMap(
            options={
                value: models.ValueMappingResult(text=text, color=colour, index=index)
                for index, (value, (text, colour)) in enumerate(texts.items())
            }
        )
    ]


def query_of(query: Query, letter: str) -> prometheus.Dataquery:
    """Return a query under its letter."""
    built = prometheus.Dataquery().expr(query.expr).ref_id(letter)
    return built.legend_format(query.legend) if query.legend else built


def letters(things: Sequence[object]) -> str:
    """Return the letters by which Grafana separates as many queries."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(things)]


_Panel = TypeVar(
    "_Panel", stat.Panel, timeseries.Panel, table.Panel, bargauge.Panel, heatmap.Panel, statetimeline.Panel
)


def described(panel: _Panel, title: str, description: str, no_value: str) -> _Panel:
    """Return a panel with what every panel has."""
    panel.title(title)
    panel.description(description)
    panel.datasource(DATASOURCE)
    panel.no_value(no_value)
    return panel


def figure(  # noqa: PLR0913 - what a figure is
    title: str,
    description: str,
    expr: str,
    unit: str = "locale",
    *,
    colours: dashboard.ThresholdsConfig = NEUTRAL,
    mappings: list[models.ValueMapping] | None = None,
    no_value: str = "none",
    decimals: int | None = None,
) -> stat.Panel:
    """Return one figure, as of the end of the time range."""
    panel = described(stat.Panel(), title, description, no_value)
    panel.with_target(query_of(Query(expr), "A").instant()).unit(unit).thresholds(colours)
    panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    panel.graph_mode(common_models.BigValueGraphMode.NONE)
    panel.color_mode(common_models.BigValueColorMode.VALUE)
    panel.text_mode(common_models.BigValueTextMode.VALUE)
    if mappings:
        panel.mappings(mappings).text(common.VizTextDisplayOptions().value_size(TEXT_SIZE))
    if decimals is not None:
        panel.decimals(decimals)
    return panel


def lines(  # noqa: PLR0913 - what a plot is
    title: str,
    description: str,
    drawn: Sequence[Line],
    unit: str,
    *,
    stacked: bool = False,
    colours: Mapping[str, str] | None = None,
    least: float | None = 0,
    interval: str = "",
    no_value: str = "No data",
) -> timeseries.Panel:
    """Return a plot over time; lines differ by their query, or by name where `colours` says so."""
    panel = described(timeseries.Panel(), title, description, no_value)
    for letter, line in zip(letters(drawn), drawn, strict=True):
        panel.with_target(query_of(Query(line.expr, line.legend), letter).range())
        if properties := _drawn(line):
            panel.override_by_query(letter, values(properties))
    for name, colour in (colours or {}).items():
        panel.override_by_name(name, values([("color", {"mode": "fixed", "fixedColor": colour})]))
    panel.unit(unit).line_width(1.5).fill_opacity(0).show_points(common_models.VisibilityMode.NEVER)
    panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.CONTINUOUS_BL_PU))
    panel.legend(
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
        .calcs([])
    )
    panel.tooltip(
        common.VizTooltipOptions()
        .mode(common_models.TooltipDisplayMode.MULTI)
        .sort(common_models.SortOrder.DESCENDING)
    )
    if least is not None:
        panel.min(least)
    if interval:
        panel.interval(interval)
    if stacked:
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
        panel.fill_opacity(60).line_width(0)
    return panel


_STYLES: Mapping[str, tuple[Property, ...]] = {
    "solid": (),
    "dashed": (("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}), ("custom.lineWidth", 1)),
    "area": (("custom.fillOpacity", 15),),
    "bars": (("custom.drawStyle", "bars"), ("custom.fillOpacity", 70), ("custom.lineWidth", 0)),
    "hidden": (
        ("custom.lineWidth", 0),
        ("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False}),
    ),
}


def _drawn(line: Line) -> list[Property]:
    colour = [("color", {"mode": "fixed", "fixedColor": line.colour})] if line.colour else []
    return [*colour, *_STYLES[line.style], *line.properties]


def band(lower: str, upper: str, ratio: str, levels: Iterable[Line]) -> list[Line]:
    """Return a ratio within its 99 % interval, and the levels at which someone is notified."""
    return [
        Line(lower, "lower bound", BLUE, "hidden"),
        Line(
            upper,
            "99 % interval",
            DARK_BLUE,
            properties=(
                ("custom.lineWidth", 0),
                ("custom.fillBelowTo", "lower bound"),
                ("custom.fillOpacity", 30),
            ),
        ),
        Line(ratio, "bounces of sends", BLUE, properties=(("custom.lineWidth", 2),)),
        *levels,
    ]


def bars(
    title: str,
    description: str,
    queries: Sequence[tuple[Query, str]],
    unit: str,
    *,
    no_value: str = "No data",
    decimals: int = 0,
) -> bargauge.Panel:
    """Return bars of the newest values; each query has its colour, "" for that of the value."""
    panel = described(bargauge.Panel(), title, description, no_value)
    for letter, (query, colour) in zip(letters(queries), queries, strict=True):
        panel.with_target(query_of(query, letter).instant())
        if colour:
            fixed: list[Property] = [("color", {"mode": "fixed", "fixedColor": colour})]
            panel.override_by_query(letter, values(fixed))
    panel.unit(unit).decimals(decimals).min(0).thresholds(steps((None, BLUE)))
    panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    panel.orientation(common_models.VizOrientation.HORIZONTAL)
    panel.display_mode(common_models.BarGaugeDisplayMode.BASIC)
    panel.value_mode(common_models.BarGaugeValueMode.TEXT)
    panel.name_placement(common_models.BarGaugeNamePlacement.LEFT)
    panel.sizing(common_models.BarGaugeSizing.AUTO)
    # The size for which Grafana keeps room beside thin bars: at a larger one it cuts names off.
    panel.text(common.VizTextDisplayOptions().title_size(12).value_size(14))
    return panel


def cells_of_time(
    title: str, description: str, query: Query, unit: str, interval: str, no_value: str
) -> heatmap.Panel:
    """Return a heatmap with a row for each series."""
    panel = described(heatmap.Panel(), title, description, no_value)
    panel.with_target(query_of(query, "A").range()).interval(interval).calculate(calculate=False)
    panel.color(
        heatmap.HeatmapColorOptions()
        .mode(heatmap_models.HeatmapColorMode.SCHEME)
        .scheme("Oranges")
        .fill("dark-orange")
        .scale(heatmap_models.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.5)
        .steps(32)
        .min(0)
    )
    panel.unit(unit).cell_gap(1).exemplars_color(PURPLE)
    panel.cell_values(heatmap.CellValues().unit(unit))
    panel.filter_values(heatmap.FilterValueRange().le(0.5))
    panel.y_axis(heatmap.YAxisConfig().unit(unit))
    return panel


def timeline(
    title: str,
    description: str,
    queries: Sequence[Query],
    texts: Mapping[str, tuple[str, str]],
    no_value: str,
) -> statetimeline.Panel:
    """Return bars of states over time; values are shown as texts."""
    panel = described(statetimeline.Panel(), title, description, no_value)
    for letter, query in zip(letters(queries), queries, strict=True):
        panel.with_target(query_of(query, letter).range())
    panel.mappings(value_mappings(texts)).merge_values(merge_values=True)
    panel.show_value(common_models.VisibilityMode.AUTO).row_height(0.8).line_width(0).fill_opacity(75)
    panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    panel.legend(
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(show_legend=False)
        .calcs([])
    )
    return panel


def values(properties: Iterable[Property]) -> list[models.DynamicConfigValue]:
    """Return properties as an override holds them."""
    return [models.DynamicConfigValue(id_val=name, value=_plain(value)) for name, value in properties]


def _plain(value: Any) -> Any:  # noqa: ANN401 - the library's own type of a property's value
    return value.to_json() if hasattr(value, "to_json") else value
