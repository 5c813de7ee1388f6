"""One mailbox: whether it may send, how much, whether it bounces, and whether it is alone in it."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from exporter.catalogue.mailbox import STATUSES, WARMUP_STATUSES
from grafana import groups
from grafana import queries as q
from grafana.colours import AMBER, BLUE, DARK_BLUE, GREY, PURPLE, RED, STATUS_COLOURS, WARMUP_COLOURS
from grafana.layout import (
    Builder,
    Row,
    build,
    domain_variable,
    mailbox_variable,
    workspace_variable,
)
from grafana.panels import ANY_IS_BAD, NEAR_LEVEL, Line, Query, bars, figure, lines, timeline, value_mappings
from prometheus.table.bounce_limits import MAILBOX_SPIKE

M, D = q.MAILBOX, q.DOMAIN
LOWER = "mailbox:sendkit_bounce_ratio:wilson_lower"
BOUND = f'max({LOWER}{{{M},window="1d",confidence="99"}})'
BOUND_OF_DOMAIN = f'max by ({q.BY_MAILBOX}) ({LOWER}{{{D},window="1d",confidence="99"}})'
WARMUP_CODES = len(STATUSES) + 1
"""Codes of warm-up states come after those of statuses, so that one timeline shows both."""


def dashboard() -> Dashboard:
    """Return the dashboard of one mailbox."""
    return build(
        "sendkit-mailbox",
        "SendKit · Mailbox",
        "One mailbox: its status, its limit, its bounces, its peers.",
        "now-7d",
        [workspace_variable(), domain_variable(), mailbox_variable()],
        [_now(), _states(), _bounces(), _volume(), _placement(), _peers()],
    )


def _placement() -> Row:
    return Row("Does it land in the inbox?", (groups.placement(M, "this mailbox"),))


def _texts() -> dict[str, tuple[str, str]]:
    statuses = {name: STATUS_COLOURS[name] for name in STATUSES} | {"other": PURPLE}
    warmups = {name: WARMUP_COLOURS[name] for name in WARMUP_STATUSES} | {"other": PURPLE}
    named = [*statuses.items(), *warmups.items()]
    return {str(code): (name.replace("_", " "), colour) for code, (name, colour) in enumerate(named, start=1)}


def _status() -> str:
    return q.state("sendkit_mailbox_status", M, STATUSES)


def _warmup() -> str:
    return f"{WARMUP_CODES} + ({q.state('sendkit_mailbox_warmup_status', M, WARMUP_STATUSES)})"


def _now() -> Row:
    page = q.of_page(MAILBOX_SPIKE, M, q.BY_MAILBOX)
    figures = (
        figure(
            "Status",
            "As the platform states it. Anything but active sends nothing: log in to the mailbox, then activate "
            "it again.",
            _status(),
            mappings=value_mappings(_texts()),
            no_value="unknown",
        ),
        figure(
            "Warm-up",
            "Until it is completed, keep this mailbox out of large campaigns.",
            _warmup(),
            mappings=value_mappings(_texts()),
            no_value="unknown",
        ),
        figure(
            "Firing alerts",
            "Critical alerts and warnings of this mailbox. Above 0: open the alert's runbook.",
            q.count(q.firing(M)),
            colours=ANY_IS_BAD,
        ),
        figure(
            "Of page level",
            "The bound of the bounces of 24 h divided by its threshold: at 100 % a bounce spike of the "
            "mailbox pages.",
            page,
            "percentunit",
            colours=NEAR_LEVEL,
            decimals=0,
            no_value="no sends",
        ),
        figure(
            "Bounces",
            "Mails that bounced within 24 h.",
            f"max(mailbox:sendkit_emails_bounced:increase1d{{{M}}})",
            "suffix: in 24 h",
        ),
        figure(
            "Rank",
            "1 is the mailbox of the domain with the highest bound.",
            f"count({BOUND_OF_DOMAIN} > on () group_left () {BOUND}) + 1 or {BOUND} * 0 + 1",
            no_value="no sends",
        ),
    )
    return Row("Can it send?", tuple((4, 3, each) for each in figures))


def _states() -> Row:
    states = timeline(
        "Status and warm-up",
        "When the mailbox changed its status, and how far its warm-up is. A change next to a rise of bounces below "
        "is the platform's answer to it.",
        [Query(_status(), "status"), Query(_warmup(), "warm-up")],
        _texts(),
        "The mailbox was not seen",
    )
    limit = f"max(sendkit_mailbox_daily_send_limit{{{M}}})"
    today = lines(
        "Sent today against the limit",
        "Sends of each day, the same day a week ago, and the daily limit. Well below the limit for days: the "
        "campaign ran out of recipients.",
        [
            Line(f"max(sendkit_mailbox_sent_today{{{M}}})", "sent today", BLUE, "area"),
            Line(f"max(sendkit_mailbox_sent_today{{{M}}} {q.WEEK_AGO})", "a week ago", GREY, "dashed"),
            Line(limit, "daily limit", PURPLE, "dashed"),
        ],
        "locale",
    )
    return Row("Was it allowed to send, and did it?", ((12, 7, states), (12, 7, today)))


def _bounces() -> Row:
    warning = Line(q.level_of_domain("mailbox_bounce_ratio_warning"), "ticket", AMBER, "dashed")
    critical = Line(q.level_of_domain("mailbox_bounce_ratio_critical"), "page", RED, "dashed")
    day = lines(
        "Bounces of sends, 24 h",
        "The rolling ratio, and what it is at least, chance aside. The shaded bound above a line: pause the mailbox "
        "and clean its list.",
        [
            Line(BOUND, "lower bound", DARK_BLUE, "area"),
            Line(f'max(mailbox:sendkit_bounce_ratio:rolling{{{M},window="1d"}})', "bounces of sends", BLUE),
            warning,
            critical,
        ],
        "percentunit",
    )
    windows = lines(
        "Bounces by window",
        "Bounces of the last hour, day and week. Only the hour falls: it is over. All rise: it goes on.",
        [
            Line(f"max(mailbox:sendkit_emails_bounced:increase1h{{{M}}})", "1 h", BLUE, "bars"),
            Line(f"max(mailbox:sendkit_emails_bounced:increase1d{{{M}}})", "24 h", DARK_BLUE),
            Line(f"max({q.newest(f'mailbox:sendkit_emails_bounced:increase7d{{{M}}}')})", "7 d", GREY),
        ],
        "locale",
    )
    total = lines(
        "Bounces since the beginning",
        "The platform's all-time total. It falls when a campaign is deleted; only the windows beside it say what "
        "is new.",
        [Line(f'max(sendkit_mailbox_campaign_bounced{{{M},window="all"}})', "all-time", BLUE, "area")],
        "locale",
        least=None,
    )
    return Row("Does it bounce?", ((8, 8, day), (8, 8, windows), (8, 8, total)))


def _volume() -> Row:
    def of_all_time(rate: str) -> str:
        return f'max(sendkit_mailbox_campaign_{rate}_ratio{{{M},window="all"}})'

    ratios = lines(
        "Ratios since the beginning",
        "As the platform states them. Opens are inflated by mail clients that fetch images; trust replies.",
        [
            Line(of_all_time("open"), "opens", GREY),
            Line(of_all_time("reply"), "replies", BLUE),
            Line(of_all_time("bounce"), "bounces", AMBER),
        ],
        "percentunit",
    )
    weekly = lines(
        "Bounces of sends, 7 d",
        "A slow burn: no single day is bad, the week is. Above the line it becomes a ticket.",
        [
            Line(f'max({LOWER}{{{M},window="7d",confidence="99"}})', "lower bound", DARK_BLUE, "area"),
            Line(f'max(mailbox:sendkit_bounce_ratio:rolling{{{M},window="7d"}})', "bounces of sends", BLUE),
            Line(q.level_of_domain("mailbox_bounce_ratio_warning"), "ticket", AMBER, "dashed"),
        ],
        "percentunit",
    )
    hourly = f"mailbox:sendkit_emails_sent:increase1h{{{M}}}"
    sends = lines(
        "Campaign mails sent per hour",
        "Sends of each last hour beside the same hour a week ago.",
        [
            Line(f"max({hourly})", "sent", BLUE, "area"),
            Line(f"max({hourly} {q.WEEK_AGO})", "a week ago", GREY, "dashed"),
        ],
        "locale",
    )
    return Row(
        "What is it over the long run?",
        ((8, 8, weekly), (8, 8, ratios), (8, 8, sends)),
    )


def _peers() -> Row:
    over_time = lines(
        "Its lower bound beside its peers'",
        "This mailbox above the others: its own list is the cause. With the others: the domain is.",
        [
            Line(f"max({BOUND_OF_DOMAIN})", "highest of the domain", GREY, "dashed"),
            Line(f"quantile(0.5, {BOUND_OF_DOMAIN})", "median of the domain", GREY),
            Line(BOUND, "this mailbox", BLUE, properties=(("custom.lineWidth", 2),)),
        ],
        "percentunit",
    )
    return Row(
        "Is it alone in it?",
        ((12, 9, over_time), (12, 9, _ranking())),
    )


def _ranking() -> Builder:
    def sorted_bars(vector: str) -> Query:
        return Query(f"sort_desc({q.in_domain(vector)})", "{{address}}")

    return bars(
        "Lower bounds of the domain",
        "This mailbox, in blue, and the worst others of its domain by lower bound of 24 h.",
        [
            (
                sorted_bars(
                    f'({BOUND_OF_DOMAIN} and on (mailbox_id) {LOWER}{{{M},window="1d",confidence="99"}})'
                ),
                BLUE,
            ),
            (
                sorted_bars(
                    f'(topk(10, {BOUND_OF_DOMAIN}) unless on (mailbox_id) {LOWER}{{{M},window="1d",confidence="99"}})'
                ),
                GREY,
            ),
        ],
        "percentunit",
        decimals=1,
        no_value="No mailbox of the domain sent within 24 h",
    )
