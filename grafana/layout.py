"""Dashboards: rows of panels, and what all dashboards share: variables, links, time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.dashboard import GridPos

from grafana.panels import DATASOURCE

GRID_WIDTH = 24
TAG = "sendkit"
TIME = "${__url_time_range}"
SOURCE = "${datasource:queryparam}"


class Builder(Protocol):
    """Whatever builds a panel."""

    def build(self) -> models.Panel:
        """Return the panel."""


Place = tuple[int, int, Builder]
"""A panel with its width, of 24, and its height."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question, and the panels that answer it, from left to right, in as many lines as they need."""

    title: str
    panels: tuple[Place, ...]


def build(
    uid: str,
    title: str,
    description: str,
    since: str,
    variables: Sequence[builders.QueryVariable],
    rows: Sequence[Row],
) -> models.Dashboard:
    """Return a dashboard that shows the time from `since` to now."""
    built = (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .editable()
        .time(since, "now")
        .timezone("browser")
        .refresh("1m")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .variables([_datasource_variable(), *variables])
        .link(
            builders.DashboardLink("SendKit dashboards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(as_dropdown=False)
            .include_vars(include_vars=True)
            .keep_time(keep_time=True)
        )
        .build()
    )
    built.panels = list(_placed(rows))
    return built


def _placed(rows: Sequence[Row]) -> Iterator[models.Panel | models.RowPanel]:
    """Yield the rows and their panels with their places; ids go up in hundreds by row."""
    y = 0
    for number, row in enumerate(rows, start=1):
        yield (
            builders.Row(row.title)
            .id(100 * number)
            .grid_pos(GridPos(h=1, w=GRID_WIDTH, x=0, y=y))
            .collapsed(collapsed=False)
            .build()
        )
        y += 1
        x = line_height = 0
        for place, (width, height, panel) in enumerate(row.panels, start=1):
            if x + width > GRID_WIDTH:
                x, y, line_height = 0, y + line_height, 0
            built = panel.build()
            built.id_val = 100 * number + place
            built.grid_pos = GridPos(h=height, w=width, x=x, y=y)
            yield built
            x, line_height = x + width, max(line_height, height)
        y += line_height


def _datasource_variable() -> builders.DatasourceVariable:
    return builders.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _variable(name: str, label: str, query: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": name})
        .definition(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )


def workspace_variable() -> builders.QueryVariable:
    """Return the choice of workspaces: all, one or several."""
    return _several("workspace", "Workspace", "label_values(sendkit_workspace_info, workspace)")


def _choice(name: str, label: str, info: str) -> builders.QueryVariable:
    query = f'label_values({info}{{workspace=~"$workspace"}}, {name})'
    return _several(name, label, query).description(
        "Whole domains are shown in plots of the fleet; alerts and workspaces are never left out."
    )


def _several(name: str, label: str, query: str) -> builders.QueryVariable:
    everything = models.VariableOption(selected=True, text="All", value="$__all")
    return (
        _variable(name, label, query)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(everything)
    )


def choice_variables() -> list[builders.QueryVariable]:
    """Return the choices of providers and of tags: all, one or several; none where they are not known."""
    return [
        _choice("provider", "Provider", "sendkit_mailbox_provider_info"),
        _choice("tag", "Tag", "sendkit_mailbox_tag_info"),
    ]


def domain_variable() -> builders.QueryVariable:
    """Return the choice of one domain of the workspaces chosen."""
    query = 'label_values(sendkit_mailbox_info{workspace=~"$workspace"}, domain)'
    return _variable("domain", "Domain", query)


def mailbox_variable() -> builders.QueryVariable:
    """Return the choice of one mailbox of the domain: its id, by its address where that is shown.

    The result of the query is the labels as text, in alphabetical order; an empty one is left out.
    """
    query = (
        "query_result(max by (email, mailbox_id) "
        '(sendkit_mailbox_info{workspace=~"$workspace", domain="$domain"}))'
    )
    return _variable("mailbox", "Mailbox", query).regex(
        '/(?:email="(?<text>[^"]*)",)?mailbox_id="(?<value>[^"]*)"/'
    )


def to_fleet(workspace: str) -> str:
    """Return the address of the fleet's dashboard for a workspace, by the column that names it."""
    return f"/d/sendkit-fleet?{SOURCE}&var-workspace={_field(workspace)}&{TIME}"


def to_domain(workspace: str, domain: str) -> str:
    """Return the address of a domain's dashboard, by the columns that name it."""
    return f"/d/sendkit-domain?{SOURCE}&var-workspace={_field(workspace)}&var-domain={_field(domain)}&{TIME}"


def to_mailbox(workspace: str, domain: str, mailbox_id: str) -> str:
    """Return the address of a mailbox's dashboard, by the columns that name it."""
    return (
        f"/d/sendkit-mailbox?{SOURCE}&var-workspace={_field(workspace)}&var-domain={_field(domain)}"
        f"&var-mailbox={_field(mailbox_id)}&{TIME}"
    )


def to_mailbox_of_domain(mailbox_id: str) -> str:
    """Return the address of a mailbox's dashboard from that of its domain, by the column that names it."""
    chosen = "${workspace:queryparam}&${domain:queryparam}"
    return f"/d/sendkit-mailbox?{SOURCE}&{chosen}&var-mailbox={_field(mailbox_id)}&{TIME}"


def to_exporter(workspace: str) -> str:
    """Return the address of the exporter's dashboard for a workspace, by the column that names it."""
    return f"/d/sendkit-exporter?{SOURCE}&var-workspace={_field(workspace)}&{TIME}"


def _field(name: str) -> str:
    return f"${{__data.fields.{name}:percentencode}}"
