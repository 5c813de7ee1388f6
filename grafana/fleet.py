"""The fleet: what fires, whether it is whole, sends, bounces, and is answered."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import queries as q
from grafana.layout import (
    Builder,
    Place,
    Row,
    build,
    to_domain,
    to_exporter,
    to_fleet,
    to_mailbox,
    workspace_variable,
)
from grafana.panels import (
    AMBER,
    ANY_IS_BAD,
    ANY_IS_ODD,
    BLUE,
    DARK_RED,
    GREEN,
    GREY,
    NEAR_LEVEL,
    PURPLE,
    RED,
    STATUS_COLOURS,
    WARMUP_COLOURS,
    Cell,
    Line,
    Query,
    band,
    bar,
    bars,
    cells_of_time,
    coloured,
    figure,
    lines,
    link,
    named,
    rows,
    steps,
)

W = q.WORKSPACES
LAST_SUCCESS = f"workspace:sendkit_last_success:timestamp_seconds{{{W}}}"
STALE_AFTER = f"clamp_min(3 * workspace:sendkit_poll_interval:seconds{{{W}}}, 300)"
SENT_1D = f"sum(workspace:sendkit_emails_sent:increase1d{{{W}}})"
BOUNCED_1D = f"sum(workspace:sendkit_emails_bounced:increase1d{{{W}}})"
SENT_7D = f"sum({q.newest(f'workspace:sendkit_emails_sent:increase7d{{{W}}}')})"
BOUNCED_7D = f"sum({q.newest(f'workspace:sendkit_emails_bounced:increase7d{{{W}}}')})"
SHOWN_DOMAINS, SHOWN_MAILBOXES = 5, 8
ROWS_OF_HEATMAP = 20


def dashboard() -> Dashboard:
    """Return the fleet's dashboard."""
    return build(
        "sendkit-fleet",
        "SendKit · Fleet",
        "Every mailbox of the workspaces chosen: what fires, what bounces, what is sent and answered.",
        "now-2d",
        [workspace_variable()],
        [_attention(), _fleet(), _sending(), _bouncing(), _where(), _since_when(), _answers()],
    )


def _attention() -> Row:
    critical = figure(
        "Critical",
        "Critical alerts that fire. Above 0: open the alert's runbook now; the table beside it says which.",
        q.count(q.firing(f'severity="critical",{W}')),
        colours=ANY_IS_BAD,
    )
    warnings = figure(
        "Warnings",
        "Warnings that fire: tickets for today, nobody needs to be woken.",
        q.count(q.firing(f'severity="warning",{W}')),
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
    by = "severity, alertname, workspace, domain, mailbox_id"
    fires = q.firing(W)
    since = (
        f'min by ({by}) (ALERTS_FOR_STATE{{alertname=~"SendKit.*",{W}}} and ignoring (alertstate) {fires})'
    )
    info = f"max by (workspace, mailbox_id, email) (sendkit_mailbox_info{{{W}}})"
    with_email = (
        f"{since} * on (workspace, mailbox_id) group_left (email) topk by (workspace, mailbox_id) (1, {info})"
    )
    table = rows(
        "Firing now",
        "Critical and warning alerts that fire, the longest first. Follow the workspace, domain or mailbox to "
        "its dashboard; the runbook of each alert has its name.",
        [
            (
                "label_replace(label_replace("
                f'1000 * (({with_email}) or on ({by}) {since}), "alert", "$1", "alertname", "SendKit(.*)"), '
                '"address", "$1", "email", "(.+)")'
            )
        ],
        [
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
                properties=link("Exporter: polls of this workspace", to_exporter("Workspace")),
            ),
            Cell("domain", "Domain", properties=link("Domain", to_domain("Workspace", "Domain"))),
            Cell(
                "address",
                "Mailbox",
                properties=link("Mailbox", to_mailbox("Workspace", "Domain", "Id")),
            ),
            Cell("A", "Since", "dateTimeFromNow", 120),
            Cell("mailbox_id", "Id", width=75),
        ],
        hidden=("alertname", "email"),
        sort="Severity",
        descending=False,
        no_value="Nothing fires",
    )
    return Row(
        "What needs attention now?",
        (*((6, 3, each) for each in (critical, warnings, stale, age)), (24, 8, table)),
    )


def _fleet() -> Row:
    mailboxes = f"sum(workspace:sendkit_mailboxes:count{{{W}}})"
    active = f'max by (workspace) (sendkit_workspace_mailboxes{{{W},status="active"}})'
    total = figure("Mailboxes", "Mailboxes of all statuses. A sudden fall is told by an alert.", mailboxes)
    inactive = figure(
        "Not active",
        "Mailboxes that are inactive, suspended or in error. They send nothing: see the statuses below.",
        f"{mailboxes} - sum({active})",
        colours=ANY_IS_ODD,
    )
    bouncing = figure(
        "Bouncing",
        "Mailboxes whose bounces of 24 h are above the warning level for certain (99 % bound). Look at the worst "
        "mailboxes below.",
        f"sum(mailbox:sendkit_bouncing:bool{{{W}}}) or vector(0)",
        colours=ANY_IS_ODD,
    )
    limit = figure(
        "At their limit",
        "Share of the mailboxes that used up their daily limit. Near 100 % early in the day: spread the "
        "campaigns or add mailboxes.",
        f"sum(workspace:sendkit_mailboxes_at_limit:count{{{W}}}) / {mailboxes}",
        "percentunit",
        decimals=0,
    )
    page = 'workspace:sendkit_alert_threshold:last2h{threshold="workspace_bounce_ratio_critical"}'
    table = rows(
        "Workspaces",
        "One row a workspace. `Of page level` is the 99.9 % bound of 24 h divided by the level at which a bounce "
        "spike pages: at 100 % it does. Follow a name to see that workspace alone.",
        [
            f"max by (workspace) (workspace:sendkit_mailboxes:count{{{W}}})",
            f"workspace:sendkit_mailboxes:count{{{W}}} - on (workspace) {active}",
            f"workspace:sendkit_mailbox_sent_today:sum{{{W}}} / (workspace:sendkit_mailbox_daily_send_limit:sum{{{W}}} > 0)",
            f"max by (workspace) (workspace:sendkit_emails_bounced:increase1d{{{W}}})",
            f"max by (workspace) (workspace:sendkit_emails_sent:increase1d{{{W}}})",
            f'max by (workspace) (workspace:sendkit_bounce_ratio:wilson_lower{{{W},window="1d",confidence="99"}})',
            (
                f'max by (workspace) (workspace:sendkit_bounce_ratio:wilson_lower{{{W},window="1d",confidence="99.9"}}'
                f" / on (workspace) group_left () {page})"
            ),
            f"time() - {LAST_SUCCESS}",
        ],
        [
            Cell("workspace", "Workspace", properties=link("This workspace alone", to_fleet("Workspace"))),
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
        "short",
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
        "short",
    )
    hourly = lines(
        "Campaign mails sent per hour",
        "Sends of each last hour beside the same hour a week ago; nights and weekends are quiet in both.",
        [
            Line(f"sum(workspace:sendkit_emails_sent:increase1h{{{W}}})", "sent", BLUE, "area"),
            Line(
                f"sum(workspace:sendkit_emails_sent:increase1h{{{W}}} {q.WEEK_AGO})",
                "a week ago",
                GREY,
                "dashed",
            ),
        ],
        "short",
    )
    return Row(
        "Do all mailboxes send as they should?",
        ((8, 8, statuses), (8, 8, capacity), (8, 8, hourly)),
    )


def _bouncing() -> Row:
    slow_burn = Line(
        f"2 / 3 * {q.level('mailbox_bounce_ratio_warning')}", "slow burn, a mailbox", AMBER, "dashed"
    )
    page = Line(q.level("workspace_bounce_ratio_critical"), "page, the workspace", RED, "dashed")
    severe = Line(q.level("mailbox_bounce_ratio_critical"), "page, a mailbox", DARK_RED, "dashed")

    def plot(title: str, description: str, bounced: str, sent: str) -> Place:
        ratio, lower, upper = q.bounds(bounced, sent)
        return (
            12,
            8,
            lines(title, description, band(lower, upper, ratio, [slow_burn, page, severe]), "percentunit"),
        )

    day = plot(
        "Bounces of sends, 24 h",
        "The rolling ratio with what it may be by chance. The band's lower edge above the red line: that many "
        "bounces are no accident; stop the campaigns of the worst domain below.",
        BOUNCED_1D,
        SENT_1D,
    )
    week = plot(
        "Bounces of sends, 7 d",
        "The same over a week: the reputation that mailbox providers see. It rises slowly and falls slowly; a "
        "climb here means list hygiene, not an incident.",
        BOUNCED_7D,
        SENT_7D,
    )
    return Row("Do mails bounce?", (day, week))


def _where() -> Row:
    return Row(
        "Where do they bounce?",
        ((24, 7, _worst_domains()), (24, 10, _worst_mailboxes())),
    )


def _since_when() -> Row:
    heat = cells_of_time(
        "Bounces per hour by domain",
        f"The {ROWS_OF_HEATMAP} domains with the most bounces of 24 h. One dark row is that domain's list; dark "
        "in many rows at once is a provider that refuses your mails.",
        Query(
            f"sum by (domain) (domain:sendkit_emails_bounced:increase1h{{{W}}} and on ({q.BY_DOMAIN}) "
            f"topk({ROWS_OF_HEATMAP}, domain:sendkit_emails_bounced:increase1d{{{W}}} @ end() > 0))",
            "{{domain}}",
        ),
        "short",
        "1h",
        "No mail bounced within 24 h",
    )
    return Row("Since when?", ((24, 8, heat),))


def _worst_domains() -> Builder:
    lower = "domain:sendkit_bounce_ratio:wilson_lower"
    worst = f'topk({SHOWN_DOMAINS}, max by ({q.BY_DOMAIN}) ({lower}{{{W},window="1d",confidence="99"}} > 0))'
    page = 'workspace:sendkit_alert_threshold:last2h{threshold="domain_bounce_ratio_critical"}'

    def of_worst(series: str) -> str:
        return f"max by ({q.BY_DOMAIN}) ({series} and on ({q.BY_DOMAIN}) {worst})"

    return rows(
        "Worst domains by lower bound",
        "Domains whose bounces of 24 h are high for certain, not by chance. `Of page level` at 100 % pages. "
        "Follow the domain to see whether it is one mailbox or all of them.",
        [
            worst,
            of_worst(f"domain:sendkit_emails_bounced:increase1d{{{W}}}"),
            of_worst(f"domain:sendkit_emails_sent:increase1d{{{W}}}"),
            f"""{of_worst(f'{lower}{{{W},window="1d",confidence="99.9"}}')} / on (workspace) group_left () {page}""",
            of_worst(f"domain:sendkit_unhealthy_mailboxes:ratio{{{W}}}"),
        ],
        [
            Cell("domain", "Domain", properties=link("Domain", to_domain("Workspace", "Domain"))),
            Cell("workspace", "Workspace"),
            Cell("B", "Bounces", width=80),
            Cell("C", "Sends 24 h", width=95),
            Cell("A", "Bound", "percentunit", 75, (("decimals", 1),)),
            Cell("D", "Of page level", "percentunit", 125, (*bar(NEAR_LEVEL), ("decimals", 0))),
            Cell("E", "Unhealthy", "percentunit", 90, (("decimals", 0),)),
        ],
        sort="Bound",
        no_value="No mail bounced within 24 h",
    )


def _worst_mailboxes() -> Builder:
    lower = "mailbox:sendkit_bounce_ratio:wilson_lower"
    worst = (
        f'topk({SHOWN_MAILBOXES}, max by ({q.BY_MAILBOX}) ({lower}{{{W},window="1d",confidence="99"}} > 0))'
    )
    page = 'workspace:sendkit_alert_threshold:last2h{threshold="mailbox_bounce_ratio_critical"}'

    def of_worst(series: str) -> str:
        return f"max by ({q.BY_MAILBOX}) ({series} and on ({q.BY_MAILBOX}) {worst})"

    return rows(
        "Worst mailboxes by lower bound",
        "Mailboxes whose bounces of 24 h are high for certain: 1 of 4 ranks below 12 of 200. `Of page level` at "
        "100 % pages. Pause the mailbox, then clean the list it sends to.",
        [
            q.addressed(worst),
            of_worst(f"mailbox:sendkit_emails_bounced:increase1d{{{W}}}"),
            of_worst(f"mailbox:sendkit_emails_sent:increase1d{{{W}}}"),
            f"""{of_worst(f'{lower}{{{W},window="1d",confidence="99.9"}}')} / on (workspace) group_left () {page}""",
        ],
        [
            Cell(
                "address",
                "Mailbox",
                properties=link("Mailbox", to_mailbox("Workspace", "Domain", "Id")),
            ),
            Cell("domain", "Domain", properties=link("Domain", to_domain("Workspace", "Domain"))),
            Cell("workspace", "Workspace"),
            Cell("B", "Bounces", width=80),
            Cell("C", "Sends 24 h", width=95),
            Cell("A", "Bound", "percentunit", 75, (("decimals", 1),)),
            Cell("D", "Of page level", "percentunit", 125, (*bar(NEAR_LEVEL), ("decimals", 0))),
            Cell("mailbox_id", "Id", width=75),
        ],
        hidden=("email",),
        sort="Bound",
        no_value="No mail bounced within 24 h",
    )


def _answers() -> Row:
    sent = SENT_7D
    replied = f"workspace:sendkit_emails_replied:increase7d{{{W}}}"
    positive = f"workspace:sendkit_emails_positive_replied:increase7d{{{W}}}"
    sent_before = f"sum(last_over_time(workspace:sendkit_emails_sent:increase7d{{{W}}}[1h] {q.WEEK_AGO}))"

    def plot(title: str, description: str, series: str, colour: str) -> Place:
        before = f"sum(last_over_time({series}[1h] {q.WEEK_AGO}))"
        return (
            8,
            8,
            lines(
                title,
                description,
                [
                    Line(f"sum({q.newest(series)}) / ({sent} > 0)", "of 7 days", colour, "area"),
                    Line(f"{before} / ({sent_before} > 0)", "of the 7 days before", GREY, "dashed"),
                ],
                "percentunit",
            ),
        )

    replies = plot(
        "Replies of sends, 7 d",
        "Far below the week before: mails land in spam or the copy no longer works. Send a test to your own "
        "inboxes first.",
        replied,
        BLUE,
    )
    positives = plot(
        "Positive replies of sends, 7 d",
        "Replies tagged positive. It falls while all replies do not: the list is wrong rather than the delivery.",
        positive,
        GREEN,
    )
    warmup = bars(
        "Warm-up",
        "Mailboxes by the status of their warm-up. `idle` and `not_started` ones are not getting ready to send; "
        "start them, or leave them out of campaigns.",
        [
            (
                Query(
                    f'sum(workspace_status:sendkit_mailboxes_warmup:count{{{W},status="{status}"}})', status
                ),
                colour,
            )
            for status, colour in WARMUP_COLOURS.items()
        ],
        "short",
    )
    return Row(
        "Do people answer, and do mailboxes warm up?",
        (replies, positives, (8, 8, warmup)),
    )
