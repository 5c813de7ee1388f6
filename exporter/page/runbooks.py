"""The runbooks of the alerts, as pages."""

from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from exporter.fleet.findings import Finding, Kind, State
from exporter.page.poll_state import COLOURS
from exporter.page.templating import environment

_FOLDERS = (
    Path(__file__).parent / "runbooks",  # where the package is installed
    Path(__file__).parents[2] / "prometheus" / "runbooks",  # where it is run from its sources
)

_ALERTS = {
    Kind.LEAVING: "SendKitMailboxesLeavingActive",
    Kind.UNHEALTHY: "SendKitDomainUnhealthy",
    Kind.STALLED: "SendKitSendingStalled",
    Kind.LISTED: "SendKitBlacklisted",
    Kind.REFUSED: "SendKitAuthFailed",
    Kind.KEYLESS: "SendKitAuthFailed",
    Kind.STALE: "SendKitWorkspaceStale",
}
_TICKETS = {Kind.BOUNCES: "SendKitMailboxBouncing", Kind.UNHEALTHY: "SendKitDomainDegraded"}
"""Of what is a warning, where that is an alert of its own."""


def alert_of(finding: Finding) -> str:
    """Return the alert that fires for a finding, whose runbook says what to do."""
    if finding.state is State.WARNING and finding.kind in _TICKETS:
        return _TICKETS[finding.kind]
    if finding.kind in _ALERTS:
        return _ALERTS[finding.kind]
    return f"SendKit{finding.level.title()}BounceSpike"


@cache
def alerts() -> tuple[str, ...]:
    """Return the alerts that have a runbook."""
    folder = next(filter(Path.is_dir, _FOLDERS), None)
    return tuple(sorted(path.stem for path in folder.glob("SendKit*.md"))) if folder else ()


def render(alert: str, version: str) -> str | None:
    """Return the page of an alert's runbook; `None` if there is none."""
    if alert not in alerts():
        return None
    return environment.get_template("runbook.html.j2").render(
        title=alert,
        runbook=Markup(_html(alert)),  # noqa: S704 - of a file of this package, without HTML of its own
        others=[other for other in alerts() if other != alert],
        version=version,
        root="../",
        colour=COLOURS["wait"],
        refresh_seconds=None,
    )


@cache
def _html(alert: str) -> str:
    folder = next(filter(Path.is_dir, _FOLDERS))
    html: str = _markdown.render((folder / f"{alert}.md").read_text("utf-8"))
    return html.replace("<pre>", '<pre tabindex="0">')


_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
