"""Tables: the newest values of several queries side by side, a row for the labels that they share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard, table
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.panels import NEUTRAL, Property, Query, described, letters, query_of, value_mappings, values


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of a table: the label or the query's letter it comes from, its title and looks."""

    source: str
    title: str
    unit: str = ""
    width: int = 0
    properties: tuple[Property, ...] = ()


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
    panel = described(table.Panel(), title, description, no_value)
    for letter, expr in zip(letters(queries), queries, strict=True):
        panel.with_target(query_of(Query(expr), letter).instant().format(PromQueryFormat.TABLE))
    if len(queries) > 1:
        panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    names = {cell.source: _column(cell.source, queries) for cell in cells}
    unshown = [_column(letter, queries) for letter in letters(queries) if letter not in names]
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
        panel.override_by_name(cell.title, values(_looks(cell)))
    panel.unit("locale").min_width(70).cell_height(common_models.TableCellHeight.SM)
    panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
    return panel


def _column(source: str, queries: Sequence[str]) -> str:
    """Return how Grafana names what a query's letter means; labels go by their own name."""
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
    """Return the properties of a cell whose value is shown as a coloured text."""
    return (("custom.cellOptions", {"type": "color-text"}), ("mappings", value_mappings(texts)))


def link(*targets: tuple[str, str]) -> tuple[Property, ...]:
    """Return the properties of a cell that leads elsewhere: titles and addresses; of several one is chosen."""
    return (("links", [{"title": title, "url": url} for title, url in targets]),)


UNSEEN_ID = Cell("mailbox_id", "Id", width=75, properties=(("custom.hidden", True),))
"""The column of a mailbox's id, which only links read."""
