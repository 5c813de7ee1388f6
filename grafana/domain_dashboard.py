"""One domain: whether it is in trouble, and whether it is one mailbox or all of them."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import choice, groups
from grafana import queries as q
from grafana.colours import AMBER, BLUE, DARK_RED, GREEN, GREY, PURPLE, RED
from grafana.layout import (
    Builder,
    Place,
    Row,
    build,
    choice_variables,
    domain_variable,
    to_mailbox_of_domain,
    workspace_variable,
)
from grafana.panels import (
    ANY_IS_BAD,
    NEAR_LEVEL,
    Line,
    Query,
    band,
    bars,
    figure,
    lines,
    steps,
    value_mappings,
)
from grafana.tables import UNSEEN_ID, Cell, bar, link, named, rows
from prometheus.table.bounce_limits import DOMAIN_SPIKE, MAILBOX_SPIKE

D = q.DOMAIN
UNHEALTHY = f"max(domain:sendkit_unhealthy_mailboxes:ratio{{{D}}})"
STATUS_TEXTS = {
    "active": ("active", GREEN),
    "inactive": ("inactive", AMBER),
    "error": ("error", RED),
    "suspended": ("suspended", DARK_RED),
}


def dashboard() -> Dashboard:
    """Return the dashboard of one domain."""
    return build(
        "sendkit-domain",
        "SendKit · Domain",
        "One sending domain: its health, its bounces, its mailboxes.",
        "now-2d",
        [workspace_variable(), domain_variable(), *choice_variables()],
        [_trouble(), _mailboxes(), _bounces(), _volume(), _placement()],
    )


def _placement() -> Row:
    return Row("Does it land in the inbox?", (groups.placement(D, "this domain", _chosen),))


def _chosen(vector: str) -> str:
    """Return those of a vector of mailboxes that have the provider and tag chosen."""
    return choice.of_mailboxes(vector, D)


def _trouble() -> Row:
    warning, critical = (
        q.level_of_domain(f"unhealthy_mailboxes_{severity}") for severity in ("warning", "critical")
    )
    health = figure(
        "Health",
        "By the share of mailboxes that are not active or bounce too much, against the configured levels, and by "
        "the alerts of the domain. Critical: stop the domain's campaigns.",
        f"clamp_max(({UNHEALTHY} >= bool {warning}) + ({UNHEALTHY} >= bool {critical}) + "
        f"({_fires('critical|warning')}) + ({_fires('critical')}), 2)",
        mappings=value_mappings({"0": ("Healthy", GREEN), "1": ("Warning", AMBER), "2": ("Critical", RED)}),
        no_value="unknown",
    )
    alerts = figure(
        "Firing alerts",
        "Critical alerts and warnings of this domain and its mailboxes. Above 0: open the alert's runbook.",
        q.count(q.firing(D)),
        colours=ANY_IS_BAD,
    )
    unhealthy = figure(
        "Unhealthy",
        "Share of the mailboxes that are not active or bounce too much; the table below says which.",
        UNHEALTHY,
        "percentunit",
        decimals=0,
    )
    bounces = figure(
        "Bounces",
        "Mails of this domain that bounced within 24 h.",
        choice.of_domain("sendkit_emails_bounced:increase1d"),
        "suffix: in 24 h",
    )
    sends = figure(
        "Sends",
        "Campaign mails that this domain sent within 24 h.",
        choice.of_domain("sendkit_emails_sent:increase1d"),
        "suffix: in 24 h",
    )
    page = figure(
        "Of page level",
        "The bound of an hour, a day or 7 days divided by its threshold, the highest of them: at 100 % a bounce "
        "spike of the domain pages, while mails bounce. Few bounces count for less.",
        q.of_page(DOMAIN_SPIKE, D, q.BY_DOMAIN),
        "percentunit",
        colours=NEAR_LEVEL,
        decimals=0,
        no_value="no sends",
    )
    figures = (health, alerts, unhealthy, page, bounces, sends)
    return Row("Is this domain in trouble?", tuple((4, 3, each) for each in figures))


def _fires(severities: str) -> str:
    """Return 1 where an alert of the domain itself fires, else 0."""
    alerts = q.firing(f'{D},mailbox_id="",severity=~"{severities}"')
    return f"({q.count(alerts)}) > bool 0"


def _mailboxes() -> Row:
    bounced = _chosen(f"mailbox:sendkit_emails_bounced:increase1d{{{D}}}")
    share = bars(
        "Share of the bounces, 24 h",
        "One long bar: one mailbox's list, pause that mailbox. All alike: the domain itself is refused, stop all "
        "of it.",
        [
            (
                Query(
                    "sort_desc("
                    + q.in_domain(f"topk(10, max by ({q.BY_MAILBOX}) ({bounced} > 0))")
                    + f" / on () group_left () sum({bounced}))",
                    "{{address}}",
                ),
                "",
            )
        ],
        "percentunit",
        no_value="No mail bounced within 24 h",
    )
    hourly = lines(
        "Bounces per hour",
        "When it began and whether it goes on. Empty hours at the right: it has stopped.",
        [Line(choice.of_domain("sendkit_emails_bounced:increase1h"), "bounces", AMBER, "bars")],
        "locale",
        interval="1h",
    )
    return Row(
        "One mailbox or all of them, and since when?",
        ((24, 11, _table()), (12, 9, share), (12, 9, hourly)),
    )


def _table() -> Builder:
    lower = "mailbox:sendkit_bounce_ratio:wilson_lower"
    by = q.BY_MAILBOX

    def own(series: str) -> str:
        return f"max by ({by}) ({_chosen(series)})"

    status = f"max by ({by}, status) ({_chosen(f'sendkit_mailbox_status{{{D}}}')}) == 1"
    return rows(
        "Mailboxes",
        "Every mailbox of the domain, the surest bouncers first. `Of page level` is the bound of 24 h divided by "
        "its threshold: at 100 % a bounce spike of the mailbox pages. Follow the address for its history.",
        [
            q.addressed(f"({status})", D),
            own(f"sendkit_mailbox_sent_today{{{D}}}")
            + f" / (max by ({by}) (sendkit_mailbox_daily_send_limit{{{D}}}) > 0)",
            own(f"mailbox:sendkit_emails_bounced:increase1d{{{D}}}"),
            own(f"mailbox:sendkit_emails_sent:increase1d{{{D}}}"),
            own(f'{lower}{{{D},window="1d",confidence="99"}}'),
            _chosen(q.of_page(MAILBOX_SPIKE, D, by)),
            f"round({own(f'increase(sendkit_mailbox_emails_replied_total{{{D}}}[1d])')})",
        ],
        [
            Cell(
                "address",
                "Mailbox",
                properties=link(("Mailbox", to_mailbox_of_domain("Id"))),
            ),
            Cell("status", "Status", width=95, properties=named(STATUS_TEXTS)),
            Cell("B", "Sent of limit", "percentunit", 125, (*bar(steps((None, BLUE))), ("decimals", 0))),
            Cell("C", "Bounces", width=80),
            Cell("D", "Sends 24 h", width=95),
            Cell("E", "Bound", "percentunit", 75, (("decimals", 1),)),
            Cell("F", "Of page level", "percentunit", 125, (*bar(NEAR_LEVEL), ("decimals", 0))),
            Cell("G", "Replies", width=75),
            UNSEEN_ID,
        ],
        hidden=("domain", "email", "workspace"),
        sort="Bound",
        no_value="No mailbox of this domain is known",
    )


def _bounces() -> Row:
    page = Line(q.level_of_domain("domain_bounce_ratio_critical"), "page, the domain", RED, "dashed")
    severe = Line(q.level_of_domain("mailbox_bounce_ratio_critical"), "page, a mailbox", DARK_RED, "dashed")
    burn = Line(
        q.level_of_domain("mailbox_bounce_ratio_warning"),
        "slow burn, a mailbox",
        AMBER,
        "dashed",
    )

    def plot(window: str) -> list[Line]:
        labels = f'{D},window="{window}"'
        return band(
            f'max(domain:sendkit_bounce_ratio:wilson_lower{{{labels},confidence="99"}})',
            f'max(domain:sendkit_bounce_ratio:wilson_upper{{{labels},confidence="99"}})',
            f"max(domain:sendkit_bounce_ratio:rolling{{{labels}}})",
            [burn, page, severe],
        )

    day = lines(
        "Bounces of sends, 24 h",
        "The rolling ratio with what it may be by chance. The band's lower edge above the red line: hardly luck; "
        "stop the domain's campaigns.",
        plot("1d"),
        "percentunit",
    )
    week = lines(
        "Bounces of sends, 7 d",
        "The same over a week, as mailbox providers remember it. Send less from this domain until it falls.",
        plot("7d"),
        "percentunit",
    )
    return Row("Does it bounce?", ((12, 8, day), (12, 8, week)))


def _volume() -> Row:
    def compared(title: str, description: str, now: str, before: str, interval: str = "") -> Place:
        return (
            8,
            8,
            lines(
                title,
                description,
                [
                    Line(now, "this week", BLUE, "bars" if interval else "area"),
                    Line(before, "a week ago", GREY, "dashed"),
                ],
                "locale",
                interval=interval,
            ),
        )

    replied = f"domain:sendkit_emails_replied:increase1h{{{D}}}"

    def today(series: str) -> str:
        return f"sum(max by ({q.BY_MAILBOX}) ({_chosen(series)}))"

    sent_today = lines(
        "Sent today against the limit",
        "What the domain's mailboxes sent today and what their daily limits allow in all.",
        [
            Line(
                today(f"sendkit_mailbox_sent_today{{{D}}}"),
                "sent today",
                BLUE,
                "area",
            ),
            Line(
                today(f"sendkit_mailbox_sent_today{{{D}}} {q.WEEK_AGO}"),
                "a week ago",
                GREY,
                "dashed",
            ),
            Line(
                today(f"sendkit_mailbox_daily_send_limit{{{D}}}"),
                "daily limits",
                PURPLE,
                "dashed",
            ),
        ],
        "locale",
    )
    return Row(
        "Does it send, and is it answered, as last week?",
        (
            (8, 8, sent_today),
            compared(
                "Campaign mails sent per hour",
                "Sends of each last hour. A gap that last week does not have: its mailboxes stopped.",
                choice.of_domain("sendkit_emails_sent:increase1h"),
                choice.of_domain("sendkit_emails_sent:increase1h", q.week_ago),
            ),
            compared(
                "Replies per hour",
                "Replies of each last hour. Sends as ever and no replies: mails land in spam.",
                f"sum({replied})",
                f"sum({q.week_ago(replied)})",
                "1h",
            ),
        ),
    )
