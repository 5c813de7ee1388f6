"""The fleet's bounces: how many, where, since when."""

from grafana import choice
from grafana import queries as q
from grafana.colours import AMBER, DARK_RED, RED
from grafana.layout import (
    Builder,
    Place,
    Row,
    to_domain,
    to_mailbox,
)
from grafana.panels import NEAR_LEVEL, Line, Query, band, cells_of_time, lines
from grafana.tables import UNSEEN_ID, Cell, bar, link, rows
from prometheus.table.bounce_limits import DOMAIN_SPIKE, MAILBOX_SPIKE
from prometheus.table.promql import wilson_bounds

W = q.WORKSPACES
SENT_1D = choice.of_fleet("sendkit_emails_sent:increase1d")
BOUNCED_1D = choice.of_fleet("sendkit_emails_bounced:increase1d")
SENT_7D = choice.of_fleet("sendkit_emails_sent:increase7d", q.newest)
BOUNCED_7D = choice.of_fleet("sendkit_emails_bounced:increase7d", q.newest)
SHOWN_DOMAINS, SHOWN_MAILBOXES = 5, 8
ROWS_OF_HEATMAP = 20


def bouncing() -> Row:
    """Return the row of the ratios over time."""
    slow_burn = Line(q.level("mailbox_bounce_ratio_warning"), "slow burn, a mailbox", AMBER, "dashed")
    page = Line(q.level("workspace_bounce_ratio_critical"), "page, the workspace", RED, "dashed")
    severe = Line(q.level("mailbox_bounce_ratio_critical"), "page, a mailbox", DARK_RED, "dashed")

    def plot(title: str, description: str, bounced: str, sent: str) -> Place:
        ratio, lower, upper = wilson_bounds(bounced, sent)
        return (
            12,
            8,
            lines(title, description, band(lower, upper, ratio, [slow_burn, page, severe]), "percentunit"),
        )

    day = plot(
        "Bounces of sends, 24 h",
        "The rolling ratio with what it may be by chance. The band's lower edge above the red line: luck alone "
        "does that in 1 of 100 times; stop the campaigns of the worst domain below.",
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


def where() -> Row:
    """Return the row of the worst domains and mailboxes."""
    return Row(
        "Where do they bounce?",
        ((24, 7, _worst_domains()), (24, 10, _worst_mailboxes()), (24, 7, _as_counted_by_sendkit())),
    )


def since_when() -> Row:
    """Return the row of the heatmap."""
    most = choice.of_domains(f"domain:sendkit_emails_bounced:increase1d{{{W}}} @ end()")
    heat = cells_of_time(
        "Bounces of the last hour by domain",
        f"The {ROWS_OF_HEATMAP} domains with the most bounces of 24 h. One dark row is that domain's list; dark "
        "in many rows at once is a provider that refuses your mails.",
        Query(
            f"sum by (domain) (domain:sendkit_emails_bounced:increase1h{{{W}}} and on ({q.BY_DOMAIN}) "
            f"topk({ROWS_OF_HEATMAP}, {most} > 0))",
            "{{domain}}",
        ),
        "locale",
        "10m",
        "No mail bounced within 24 h",
    )
    return Row("Since when?", ((24, 8, heat),))


def _worst_domains() -> Builder:
    lower = "domain:sendkit_bounce_ratio:wilson_lower"
    bounds = choice.of_domains(f'{lower}{{{W},window="1d",confidence="99"}}')
    worst = f"topk({SHOWN_DOMAINS}, max by ({q.BY_DOMAIN}) ({bounds} > 0))"

    def of_worst(series: str) -> str:
        return f"max by ({q.BY_DOMAIN}) ({series} and on ({q.BY_DOMAIN}) {worst})"

    return rows(
        "Worst domains by lower bound",
        "Domains by what their bounces of 24 h prove: for 99 of 100 the true rate is above the bound. Of hundreds, "
        "some are high by luck. `Of page level` at 100 % pages while mails bounce. "
        "Follow the domain to see whether it is one mailbox or all of them.",
        [
            worst,
            of_worst(f"domain:sendkit_emails_bounced:increase1d{{{W}}}"),
            of_worst(f"domain:sendkit_emails_sent:increase1d{{{W}}}"),
            of_worst(q.of_page(DOMAIN_SPIKE, W, q.BY_DOMAIN)),
            of_worst(f"domain:sendkit_unhealthy_mailboxes:ratio{{{W}}}"),
        ],
        [
            Cell("domain", "Domain", properties=link(("Domain", to_domain("Workspace", "Domain")))),
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
    bounds = choice.of_mailboxes(f'{lower}{{{W},window="1d",confidence="99"}}')
    worst = f"topk({SHOWN_MAILBOXES}, max by ({q.BY_MAILBOX}) ({bounds} > 0))"

    def of_worst(series: str) -> str:
        return f"max by ({q.BY_MAILBOX}) ({series} and on ({q.BY_MAILBOX}) {worst})"

    return rows(
        "Worst mailboxes by lower bound",
        "Mailboxes by what their bounces of 24 h prove: 1 of 4 ranks below 12 of 200. Of hundreds, some are high by "
        "luck. `Of page level` at 100 % pages while mails bounce. Pause the mailbox, then clean its list.",
        [
            q.addressed(worst),
            of_worst(f"mailbox:sendkit_emails_bounced:increase1d{{{W}}}"),
            of_worst(f"mailbox:sendkit_emails_sent:increase1d{{{W}}}"),
            of_worst(q.of_page(MAILBOX_SPIKE, W, q.BY_MAILBOX)),
        ],
        [
            Cell(
                "address",
                "Mailbox",
                properties=link(("Mailbox", to_mailbox("Workspace", "Domain", "Id"))),
            ),
            Cell("domain", "Domain", properties=link(("Domain", to_domain("Workspace", "Domain")))),
            Cell("workspace", "Workspace"),
            Cell("B", "Bounces", width=80),
            Cell("C", "Sends 24 h", width=95),
            Cell("A", "Bound", "percentunit", 75, (("decimals", 1),)),
            Cell("D", "Of page level", "percentunit", 125, (*bar(NEAR_LEVEL), ("decimals", 0))),
            UNSEEN_ID,
        ],
        hidden=("email",),
        sort="Bound",
        no_value="No mail bounced within 24 h",
    )


def _as_counted_by_sendkit() -> Builder:
    """Return the figures of the API itself, which are there before Prometheus has any past."""

    def counted(what: str, window: str) -> str:
        each = choice.of_mailboxes(f'sendkit_mailbox_campaign_{what}{{{W},window="{window}"}}')
        return f"sum by ({q.BY_DOMAIN}) (max by ({q.BY_MAILBOX}) ({each}))"

    def ratio(window: str) -> str:
        return f"{counted('bounced', window)} / ({counted('sent', window)} > 0)"

    worst = f"topk({SHOWN_DOMAINS}, {counted('bounced', 'all')})"

    def of_worst(vector: str) -> str:
        return f"{vector} and on ({q.BY_DOMAIN}) {worst}"

    return rows(
        "Domains as SendKit counts them",
        "The domains with most bounces since the beginning, and what became of the mails that they sent in the last "
        "7 days, where that window is polled. It is there from the first poll on; what rises is in the tables above.",
        [
            worst,
            of_worst(counted("sent", "all")),
            of_worst(ratio("all")),
            of_worst(counted("bounced", "7d")),
            of_worst(counted("sent", "7d")),
            of_worst(ratio("7d")),
        ],
        [
            Cell("domain", "Domain", properties=link(("Domain", to_domain("Workspace", "Domain")))),
            Cell("workspace", "Workspace"),
            Cell("A", "Bounces", width=100),
            Cell("B", "Sends", width=95),
            Cell("C", "Ratio", "percentunit", 75, (("decimals", 1),)),
            Cell("D", "Bounces 7 d", width=105),
            Cell("E", "Sends 7 d", width=95),
            Cell("F", "Ratio 7 d", "percentunit", 90, (("decimals", 1),)),
        ],
        sort="Bounces",
        no_value="Nothing was sent yet",
    )
