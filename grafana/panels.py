"""Panels, with what all of them have in common: colours, axes, legends, tables.

Green, amber and red mean well, look at it and act, everywhere; blue is volume, grey is what to compare with.
"""

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
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN, AMBER, RED, DARK_RED = "green", "orange", "red", "semi-dark-red"
BLUE, DARK_BLUE, GREY, PURPLE, PLAIN = "blue", "dark-blue", "#8e8e99", "purple", "text"

STATUS_COLOURS = {"active": GREEN, "inactive": AMBER, "error": RED, "suspended": DARK_RED}
WARMUP_COLOURS = {"completed": GREEN, "in_progress": BLUE, "idle": AMBER, "not_started": GREY}

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


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of a table: the label or the query's letter it comes from, its title and looks."""

    source: str
    title: str
    unit: str = ""
    width: int = 0
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
"""Of a figure divided by the configured level at which someone is told."""


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


def _query(query: Query, letter: str) -> prometheus.Dataquery:
    built = prometheus.Dataquery().expr(query.expr).ref_id(letter)
    return built.legend_format(query.legend) if query.legend else built


def _letters(things: Sequence[object]) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(things)]


_Panel = TypeVar(
    "_Panel", stat.Panel, timeseries.Panel, table.Panel, bargauge.Panel, heatmap.Panel, statetimeline.Panel
)


def _described(panel: _Panel, title: str, description: str, no_value: str) -> _Panel:
    panel.title(title)
    panel.description(description)
    panel.datasource(DATASOURCE)
    panel.no_value(no_value)
    return panel


def figure(  # noqa: PLR0913 - what a figure is
    title: str,
    description: str,
    expr: str,
    unit: str = "short",
    *,
    colours: dashboard.ThresholdsConfig = NEUTRAL,
    mappings: list[models.ValueMapping] | None = None,
    no_value: str = "none",
    decimals: int | None = None,
) -> stat.Panel:
    """Return one figure, as of the end of the time range."""
    panel = _described(stat.Panel(), title, description, no_value)
    panel.with_target(_query(Query(expr), "A").instant()).unit(unit).thresholds(colours)
    panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    panel.graph_mode(common_models.BigValueGraphMode.NONE)
    panel.color_mode(common_models.BigValueColorMode.VALUE)
    panel.text_mode(common_models.BigValueTextMode.VALUE)
    if mappings:
        panel.mappings(mappings)
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
    """Return a plot over time; lines are told apart by their query, or by name where `colours` says so."""
    panel = _described(timeseries.Panel(), title, description, no_value)
    for letter, line in zip(_letters(drawn), drawn, strict=True):
        panel.with_target(_query(Query(line.expr, line.legend), letter).range())
        if properties := _drawn(line):
            panel.override_by_query(letter, _values(properties))
    for name, colour in (colours or {}).items():
        panel.override_by_name(name, _values([("color", {"mode": "fixed", "fixedColor": colour})]))
    panel.unit(unit).line_width(1.5).fill_opacity(0).show_points(common_models.VisibilityMode.NEVER)
    panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
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
    """Return a ratio within its 99 % interval, and the levels at which someone is told."""
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


def rows(  # noqa: PLR0913 - what a table is
    title: str,
    description: str,
    queries: Sequence[str],
    cells: Sequence[Cell],
    *,
    sort: str,
    hidden: Sequence[str] = (),
    descending: bool = True,
    no_value: str = "No data",
) -> table.Panel:
    """Return a table of the queries' newest values, put together by the labels that they share.

    `hidden` are labels that no column shows.
    """
    panel = _described(table.Panel(), title, description, no_value)
    for letter, expr in zip(_letters(queries), queries, strict=True):
        panel.with_target(_query(Query(expr), letter).instant().format(PromQueryFormat.TABLE))
    if len(queries) > 1:
        panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    names = {cell.source: _column(cell.source, queries) for cell in cells}
    unshown = [_column(letter, queries) for letter in _letters(queries) if letter not in names]
    panel.with_transformation(
        models.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": dict.fromkeys(("Time", "__name__", *unshown, *hidden), True),
                "includeByName": {},
                "indexByName": {names[cell.source]: index for index, cell in enumerate(cells)},
                "renameByName": {names[cell.source]: cell.title for cell in cells},
            },
        )
    )
    for cell in cells:
        panel.override_by_name(cell.title, _values(_looks(cell)))
    panel.unit("short").min_width(70).cell_height(common_models.TableCellHeight.SM)
    panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
    return panel


def _column(source: str, queries: Sequence[str]) -> str:
    """Return how Grafana names what a query's letter stands for; labels go by their own name."""
    if len(source) > 1:
        return source
    return f"Value #{source}" if len(queries) > 1 else "Value"


def _looks(cell: Cell) -> list[Property]:
    unit = [("unit", cell.unit)] if cell.unit else []
    width = [("custom.width", cell.width)] if cell.width else []
    return [("noValue", "-"), *unit, *width, *cell.properties]


def bar(colours: dashboard.ThresholdsConfig = NEUTRAL, most: float = 1) -> tuple[Property, ...]:
    """Return the properties of a cell that shows its number as a bar."""
    return (
        ("custom.cellOptions", {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}),
        ("min", 0),
        ("max", most),
        ("thresholds", colours.build()),
        ("color", {"mode": "thresholds"}),
    )


def coloured(colours: dashboard.ThresholdsConfig) -> tuple[Property, ...]:
    """Return the properties of a cell whose number is coloured by its value."""
    return (
        ("custom.cellOptions", {"type": "color-text"}),
        ("thresholds", colours.build()),
        ("color", {"mode": "thresholds"}),
    )


def named(texts: Mapping[str, tuple[str, str]]) -> tuple[Property, ...]:
    """Return the properties of a cell whose value stands for a coloured text."""
    return (("custom.cellOptions", {"type": "color-text"}), ("mappings", value_mappings(texts)))


def link(title: str, url: str) -> tuple[Property, ...]:
    """Return the properties of a cell that leads elsewhere."""
    return (("links", [{"title": title, "url": url}]),)


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
    panel = _described(bargauge.Panel(), title, description, no_value)
    for letter, (query, colour) in zip(_letters(queries), queries, strict=True):
        panel.with_target(_query(query, letter).instant())
        if colour:
            fixed: list[Property] = [("color", {"mode": "fixed", "fixedColor": colour})]
            panel.override_by_query(letter, _values(fixed))
    panel.unit(unit).decimals(decimals).min(0).thresholds(steps((None, BLUE)))
    panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    panel.orientation(common_models.VizOrientation.HORIZONTAL)
    panel.display_mode(common_models.BarGaugeDisplayMode.BASIC)
    panel.value_mode(common_models.BarGaugeValueMode.TEXT)
    panel.name_placement(common_models.BarGaugeNamePlacement.LEFT)
    panel.sizing(common_models.BarGaugeSizing.AUTO)
    panel.text(common.VizTextDisplayOptions().title_size(13).value_size(14))
    return panel


def cells_of_time(
    title: str, description: str, query: Query, unit: str, interval: str, no_value: str
) -> heatmap.Panel:
    """Return a heatmap with a row for each series."""
    panel = _described(heatmap.Panel(), title, description, no_value)
    panel.with_target(_query(query, "A").range()).interval(interval).calculate(calculate=False)
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
    """Return bars of states over time; values stand for texts."""
    panel = _described(statetimeline.Panel(), title, description, no_value)
    for letter, query in zip(_letters(queries), queries, strict=True):
        panel.with_target(_query(query, letter).range())
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


def _values(properties: Iterable[Property]) -> list[models.DynamicConfigValue]:
    return [models.DynamicConfigValue(id_val=name, value=_plain(value)) for name, value in properties]


def _plain(value: Any) -> Any:  # noqa: ANN401 - the library's own type of a property's value
    return value.to_json() if hasattr(value, "to_json") else value
