"""The fleet: what fires, whether it is whole, sends, bounces, and is answered."""

from itertools import product

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import choice, fleet_answers, fleet_bounces, groups
from grafana import queries as q
from grafana.colours import AMBER, BLUE, GREEN, GREY, PLAIN, PURPLE, RED, STATUS_COLOURS
from grafana.layout import (
    Row,
    build,
    choice_variables,
    to_domain,
    to_exporter,
    to_fleet,
    to_mailbox,
    workspace_variable,
)
from grafana.panels import ANY_IS_BAD, ANY_IS_ODD, NEAR_LEVEL, Line, figure, lines, steps
from grafana.tables import UNSEEN_ID, Cell, bar, coloured, link, named, rows
from prometheus.table.bounce_limits import WORKSPACE_SPIKE

SEVERITIES = ("critical", "warning")
W, ALERTS = q.WORKSPACES, q.WORKSPACES_OR_NONE
LAST_SUCCESS = f"workspace:sendkit_last_success:timestamp_seconds{{{W}}}"
STALE_AFTER = f"clamp_min(3 * workspace:sendkit_poll_interval:seconds{{{W}}}, 300)"


def dashboard() -> Dashboard:
    """Return the fleet's dashboard."""
    return build(
        "sendkit-fleet",
        "SendKit · Fleet",
        "Every mailbox of the workspaces chosen: what fires, what bounces, what is sent and answered.",
        "now-2d",
        [workspace_variable(), *choice_variables()],
        [
            _attention(),
            _fleet(),
            _sending(),
            fleet_bounces.bouncing(),
            fleet_bounces.where(),
            fleet_bounces.since_when(),
            groups.of_fleet(),
            fleet_answers.answers(),
        ],
    )


def _attention() -> Row:
    critical = figure(
        "Critical",
        "Critical alerts that fire. Above 0: open the alert's runbook now; the table beside it says which.",
        q.count(q.firing(f'severity="critical",{ALERTS}')),
        colours=ANY_IS_BAD,
    )
    warnings = figure(
        "Warnings",
        "Warnings that fire: tickets for today, nobody needs to be woken.",
        q.count(q.firing(f'severity="warning",{ALERTS}')),
        colours=ANY_IS_ODD,
    )
    stale = figure(
        "Stale workspaces",
        "Workspaces without a successful poll for three intervals and 5 minutes. Above 0: their figures "
        "below are old; see the Exporter dashboard before judging them.",
        q.count(f"time() - {LAST_SUCCESS} > on (workspace) {STALE_AFTER}"),
        colours=ANY_IS_BAD,
    )
    age = figure(
        "Oldest figures",
        "Age of the figures of the workspace that was polled longest ago. It should stay near the poll "
        "interval.",
        f"max(time() - {LAST_SUCCESS})",
        "s",
        no_value="no poll yet",
    )
    table = rows(
        "Firing now",
        "Alerts that fire, or will if nothing changes: those of workspaces, then of domains, then of mailboxes, "
        "critical ones first, of each the longest first. Follow a name to its dashboard; the runbook of each alert has its name.",
        [_alerts()],
        [
            Cell(
                "level",
                "Level",
                width=100,
                properties=named(
                    {
                        str(place): (level, PLAIN)
                        for place, level in enumerate(
                            level for level in ("workspace", "domain", "mailbox") for _ in SEVERITIES
                        )
                    }
                ),
            ),
            Cell(
                "state",
                "State",
                width=80,
                properties=named({"firing": ("firing", RED), "pending": ("pending", AMBER)}),
            ),
            Cell(
                "severity",
                "Severity",
                width=90,
                properties=named({"critical": ("critical", RED), "warning": ("warning", AMBER)}),
            ),
            Cell("alert", "Alert", width=190),
            Cell(
                "workspace",
                "Workspace",
                properties=link(
                    ("This workspace alone", to_fleet("Workspace")),
                    ("Exporter: polls of this workspace", to_exporter("Workspace")),
                ),
            ),
            Cell("domain", "Domain", properties=link(("Domain", to_domain("Workspace", "Domain")))),
            Cell(
                "address",
                "Mailbox",
                properties=link(("Mailbox", to_mailbox("Workspace", "Domain", "Id"))),
            ),
            Cell("A", "For", "s", 120),
            UNSEEN_ID,
        ],
        hidden=("alertname", "email"),
        sort="Level",
        descending=False,
        no_value="Nothing fires",
    )
    return Row(
        "What needs attention now?",
        (*((6, 3, each) for each in (critical, warnings, stale, age)), (24, 8, table)),
    )


def _alerts() -> str:
    """Return for how many seconds alerts fire or are pending, with their place by level and severity.

    In the order of time, which the table keeps among rows of one place.
    """
    by = "severity, alertname, workspace, domain, mailbox_id"

    def since(state: str, alerts: str) -> str:
        began = f'ALERTS_FOR_STATE{{alertname=~"SendKit.*",{ALERTS}}} and ignoring (alertstate) {alerts}'
        return f'label_replace(min by ({by}) ({began}), "state", "{state}", "", "")'

    # One that began to fire a moment ago may still be seen pending, too.
    each = f"({since('firing', q.firing(ALERTS))} or on ({by}) {since('pending', q.pending(ALERTS))})"
    addressed = q.address_of(f"time() - (({q.with_email(each)}) or on ({by}) {each})")
    levels = f'label_join({addressed}, "level", "/", "severity", "domain", "mailbox_id")'
    whose = ("//", "/[^/]+/", "/[^/]*/.+")  # of a workspace or the exporter, of a domain, of a mailbox
    for place, (parts, severity) in enumerate(product(whose, SEVERITIES)):
        levels = f'label_replace({levels}, "level", "{place}", "level", "{severity}{parts}")'
    return f'sort_desc(label_replace({levels}, "alert", "$1", "alertname", "SendKit(.*)"))'


def _fleet() -> Row:
    chosen = choice.of_mailboxes(f"sendkit_mailbox_info{{{W},{choice.SOME}}}")
    mailboxes = (
        f"(sum(workspace:sendkit_mailboxes:count{{{W},{choice.EVERY}}}) or "
        f"count(group by ({q.BY_MAILBOX}) ({chosen})))"
    )
    active = f'max by (workspace) (sendkit_workspace_mailboxes{{{W},status="active"}})'
    every_active = f'max by (workspace) (sendkit_workspace_mailboxes{{{W},{choice.EVERY},status="active"}})'
    some_active = f"mailbox:sendkit_active:bool{{{W},{choice.SOME}}}"
    today, allowed = (
        f"max by ({q.BY_MAILBOX}) (sendkit_mailbox_{name}{{{W},{choice.SOME}}})"
        for name in ("sent_today", "daily_send_limit")
    )
    at_limit = choice.of_mailboxes(f"({today} >= bool {allowed})")
    total = figure("Mailboxes", "Mailboxes of all statuses. A sudden fall is told by an alert.", mailboxes)
    inactive = figure(
        "Not active",
        "Mailboxes that are inactive, suspended or in error. They send nothing: see the statuses below.",
        f"{mailboxes} - sum({every_active}) or sum(1 - {choice.of_mailboxes(some_active)})",
        colours=ANY_IS_ODD,
    )
    bouncing = figure(
        "Bouncing mailboxes",
        "Mailboxes whose bounces of 24 h are above the warning level (99.9 % bound, by the rules). Look at the worst "
        "mailboxes below.",
        f"sum({choice.of_mailboxes(f'mailbox:sendkit_bouncing:bool{{{W}}}')}) or vector(0)",
        colours=ANY_IS_ODD,
    )
    limit = figure(
        "At their limit",
        "Share of the mailboxes that used up their daily limit. Near 100 % early in the day: spread the "
        "campaigns or add mailboxes.",
        f"(sum(workspace:sendkit_mailboxes_at_limit:count{{{W},{choice.EVERY}}}) or sum({at_limit})) / {mailboxes}",
        "percentunit",
        decimals=0,
    )
    table = rows(
        "Workspaces",
        "One row a workspace. `Of page level` is the bound of an hour or a day divided by its threshold: at "
        "100 % a bounce spike of the workspace pages. Follow a name to see that workspace alone.",
        [
            f"max by (workspace) (workspace:sendkit_mailboxes:count{{{W}}})",
            f"workspace:sendkit_mailboxes:count{{{W}}} - on (workspace) {active}",
            f"workspace:sendkit_mailbox_sent_today:sum{{{W}}} / (workspace:sendkit_mailbox_daily_send_limit:sum{{{W}}} > 0)",
            f"max by (workspace) (workspace:sendkit_emails_bounced:increase1d{{{W}}})",
            f"max by (workspace) (workspace:sendkit_emails_sent:increase1d{{{W}}})",
            f'max by (workspace) (workspace:sendkit_bounce_ratio:wilson_lower{{{W},window="1d",confidence="99"}})',
            q.of_page(WORKSPACE_SPIKE, W, "workspace"),
            f"time() - {LAST_SUCCESS}",
        ],
        [
            Cell("workspace", "Workspace", properties=link(("This workspace alone", to_fleet("Workspace")))),
            Cell("A", "Mailboxes", width=90),
            Cell("B", "Not active", width=90, properties=coloured(steps((None, GREEN), (1, AMBER)))),
            Cell("C", "Sent of capacity", "percentunit", 130, (*bar(steps((None, BLUE))), ("decimals", 0))),
            Cell("D", "Bounces", width=80),
            Cell("E", "Sends 24 h", width=95),
            Cell("F", "Bound", "percentunit", 80, (("decimals", 1),)),
            Cell("G", "Of page level", "percentunit", 130, (*bar(NEAR_LEVEL), ("decimals", 0))),
            Cell("H", "Age", "s", 75, (("decimals", 0),)),
        ],
        sort="Of page level",
        no_value="No workspace is polled yet",
    )
    return Row(
        "Is the fleet whole?",
        (*((6, 3, each) for each in (total, inactive, bouncing, limit)), (24, 6, table)),
    )


def _sending() -> Row:
    statuses = lines(
        "Mailboxes by status",
        "A step from green to another colour is mailboxes that stopped sending. Several at once, in one "
        "workspace: the platform acted on it; stop its campaigns and ask support.",
        [
            Line(
                f"sum by (status) (max by (workspace, status) (sendkit_workspace_mailboxes{{{W}}}))",
                "{{status}}",
            )
        ],
        "locale",
        stacked=True,
        colours=STATUS_COLOURS,
    )
    today = f"sum(workspace:sendkit_mailbox_sent_today:sum{{{W}}})"
    capacity = lines(
        "Sent today against capacity",
        "What was sent today, what the daily limits of the active mailboxes allow, and the same time a week ago. "
        "Flat while last week's line climbs: sending has stalled.",
        [
            Line(today, "sent today", BLUE, "area"),
            Line(
                f"sum(workspace:sendkit_mailbox_sent_today:sum{{{W}}} {q.WEEK_AGO})",
                "a week ago",
                GREY,
                "dashed",
            ),
            Line(f"sum(workspace:sendkit_mailbox_daily_send_limit:sum{{{W}}})", "capacity", PURPLE, "dashed"),
        ],
        "locale",
    )
    hourly = lines(
        "Campaign mails sent per hour",
        "Sends of each last hour beside the same hour a week ago; nights and weekends are quiet in both.",
        [
            Line(choice.of_fleet("sendkit_emails_sent:increase1h"), "sent", BLUE, "area"),
            Line(
                choice.of_fleet("sendkit_emails_sent:increase1h", q.week_ago),
                "a week ago",
                GREY,
                "dashed",
            ),
        ],
        "locale",
    )
    return Row(
        "Do all mailboxes send as they should?",
        ((8, 8, statuses), (8, 8, capacity), (8, 8, hourly)),
    )
