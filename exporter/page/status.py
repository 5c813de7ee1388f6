"""The status page: what a person on call sees at a glance.

In two steps: `look` copies what may change, on the event loop, without touching a mailbox; `render` does the
work of each mailbox and may run in a thread.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from markupsafe import Markup

from exporter.exposition.rendering import Disclosure
from exporter.fleet.incidents import Incident
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.workspace import Fleet
from exporter.page import charts, report, trouble, wording
from exporter.page.figures import Figures
from exporter.page.headline import Headline
from exporter.page.mail import Mail
from exporter.page.poll_state import COLOURS, LEVELS, SYMBOLS, Level
from exporter.page.polls import Seen, rows
from exporter.page.runbooks import alert_of
from exporter.page.templating import environment
from exporter.page.trouble import Concern, Troubled

REFRESH_SECONDS = 30
MOST_TROUBLED = 15
MOST_ROWS, MOST_OF_A_WORKSPACE = 10, 200
"""Domains that are shown."""
MOST_INCIDENTS = 15


@dataclass(frozen=True, slots=True)
class View:
    """The fleet as it was at a moment; `notices` name trouble outside its workspaces.

    `incidents` are the last ones, the newest first.
    """

    now: Instant
    workspaces: Sequence[Seen]
    notices: Sequence[str] = ()
    incidents: Sequence[Incident] = ()

    def of(self, label: str) -> "View | None":
        """Return what it shows of one workspace; `None` if there is none of that name."""
        workspaces = [seen for seen in self.workspaces if seen.label == label]
        incidents = [incident for incident in self.incidents if incident.workspace == label]
        return View(self.now, workspaces, (), incidents) if workspaces else None


def look(fleet: Fleet, now: Instant, disclosure: Disclosure, notices: Sequence[str] = ()) -> View:
    """Return the fleet as it is now, cheaply: polls are copied, answers are shared, as they never change."""
    workspaces = [
        Seen(
            workspace.label,
            dict(workspace.thresholds),
            {name: _copied(poll) for name, poll in workspace.polls.items()},
            now,
            workspace.recent,
            workspace.judged,
            disclosure,
        )
        for workspace in fleet
    ]
    return View(now, workspaces, tuple(notices), [copy(incident) for incident in fleet.incidents][::-1])


def _copied(poll: Poll) -> Poll:
    return replace(poll, failures=Counter(poll.failures), suspects=Counter())


def render(
    view: View, host: str, version: str, scheme: str = "http", refresh_seconds: int = REFRESH_SECONDS
) -> str:
    """Return the page; `scheme` and `host` are what the request was addressed to."""
    return environment.get_template("status.html.j2").render(
        **_shown(view, MOST_ROWS),
        snippets=_snippets(host, scheme),
        version=version,
        root="",
        refresh_seconds=refresh_seconds,
    )


def render_workspace(view: View, version: str, refresh_seconds: int = REFRESH_SECONDS) -> str:
    """Return the page of the one workspace that is in view."""
    [seen] = view.workspaces
    hours = charts.hours(seen.recent)
    return environment.get_template("workspace.html.j2").render(
        **_shown(view, MOST_OF_A_WORKSPACE),
        name=seen.label,
        hours=hours,
        sent_chart=Markup(charts.bars(hours, "sent", "Mails sent by the hour")),  # noqa: S704 - of numbers
        bounced_chart=Markup(charts.bars(hours, "bounced", "Bounces by the hour")),  # noqa: S704 - as above
        version=version,
        root="../",
        refresh_seconds=refresh_seconds,
    )


def _shown(view: View, most: int) -> dict[str, object]:
    """Return what both pages show: of what there may be many, the first ones."""
    workspaces = sorted(view.workspaces, key=_urgency)
    known = [seen for seen in view.workspaces if seen.answers]
    fleet = [trouble.watched(seen) for seen in known]
    nearest, concerns = trouble.nearest(fleet, MOST_TROUBLED)
    domains = report.domains(view.workspaces)
    mail, headline = Mail.of(view.workspaces), Headline.of(workspaces, view.notices)
    level = max(mail.level, headline.level, key=LEVELS.index)
    return {
        "mail": mail,
        "alert": alert_of(mail.worst) if mail.worst else "",
        "headline": headline,
        "level": level,
        "symbol": SYMBOLS[level],
        "colour": COLOURS[level],
        "notices": view.notices,
        "figures": Figures.of([seen.answers for seen in known], [seen.parked for seen in known]),
        "fresh": len(fleet),
        "rows": [row for seen in workspaces for row in rows(seen)],
        "workspaces": len(workspaces),
        "domains": domains[:most],
        "more_domains": len(domains) - len(domains[:most]),
        "nearest": [_mailbox(troubled, view.workspaces[0].disclosure) for troubled in nearest],
        "in_trouble": sum(count for concern, count in concerns.items() if concern.is_trouble),
        "near_trouble": sum(count for concern, count in concerns.items() if not concern.is_trouble),
        "concerns": [(_CONCERNS[concern], concerns[concern]) for concern in sorted(concerns, reverse=True)],
        "standing": trouble.standing(fleet).most_common(),
        "incidents": [report.Told.of(incident, view) for incident in view.incidents[:MOST_INCIDENTS]],
        "moment": datetime.fromtimestamp(view.now.unix, UTC),
    }


def _urgency(seen: Seen) -> tuple[int, int, str]:
    return -seen.state.rank, -seen.judged.state.rank, seen.label.casefold()


_CONCERNS = {
    Concern.BOUNCING_BADLY: "bouncing badly",
    Concern.STOPPED: "suspended or in error",
    Concern.BOUNCING: "bouncing",
    Concern.LAST_ERROR: "with a last error",
    Concern.OVER_LIMIT: "over the daily limit",
    Concern.INACTIVE: "inactive",
    Concern.NEAR_BOUNCING: "near the bounce threshold",
    Concern.NEAR_LIMIT: "near the daily limit",
}


def _mailbox(troubled: Troubled, disclosure: Disclosure) -> dict[str, object]:
    """Return a mailbox as the page shows it."""
    warning = wording.percent(troubled.thresholds["mailbox_bounce_ratio_warning"])
    critical = wording.percent(troubled.thresholds["mailbox_bounce_ratio_critical"])
    words: Mapping[Concern, str] = {
        Concern.BOUNCING_BADLY: f"bounces above {critical}",
        Concern.STOPPED: f"status is {troubled.status}",
        Concern.BOUNCING: f"bounces above {warning}",
        Concern.LAST_ERROR: f"last error: {troubled.last_error}",
        Concern.OVER_LIMIT: "over the daily limit",
        Concern.INACTIVE: "status is inactive",
        Concern.NEAR_BOUNCING: f"bounces near {warning}",
        Concern.NEAR_LIMIT: "near the daily limit",
    }
    worst = troubled.concerns[0]
    level: Level = "bad" if worst is Concern.BOUNCING_BADLY else "warn" if worst.is_trouble else "wait"
    return {
        "name": disclosure.email(troubled.email) or troubled.mailbox_id,
        "troubled": troubled,
        "level": level,
        "symbol": SYMBOLS[level],
        "reasons": [words[concern] for concern in troubled.concerns],
    }


def _snippets(host: str, scheme: str) -> dict[str, str]:
    """Return what to write into prometheus.yml: for one scrape of everything, and for one a workspace."""
    job = "scrape_configs:\n  - job_name: sendkit-exporter\n"
    if scheme == "https":
        job += "    scheme: https\n"
    # JSON's strings are YAML's double-quoted ones.
    target, url = json.dumps(host), json.dumps(f"{scheme}://{host}/sd")
    return {
        "plain": f"{job}    static_configs:\n      - targets: [{target}]\n",
        "discovered": f"{job}    http_sd_configs:\n      - url: {url}\n",
    }
