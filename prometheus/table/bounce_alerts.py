"""The alerts on bounces, and on the share of a domain's mailboxes that is unhealthy."""

from dataclasses import replace

from prometheus.table.annotations import (
    DOMAIN_NAME,
    MAILBOX_NAME,
    VALUE_PERCENTAGE,
    WORKSPACE_NAME,
    at_least,
    bounces_of_sends,
    number,
)
from prometheus.table.incidents import STALE
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level
from prometheus.table.promql import compared, highest, last_hour, threshold
from prometheus.table.rule import Alert, Group, RuleFile, Severity

DAY = {level: f"{level.name}:sendkit_emails_bounced:increase1d" for level in (MAILBOX, DOMAIN, WORKSPACE)}
"""The bounces of a day, by level."""


def above(level: Level, window: str, confidence: str, bound: str) -> str:
    """Return the lower bounds of a level that are above a threshold."""
    lower = f'{level.name}:sendkit_bounce_ratio:wilson_lower{{window="{window}", confidence="{confidence}"}}'
    return highest(level, compared(lower, ">", bound))


def enough(bounced: str) -> str:
    """Return the condition that there are enough bounces to judge by."""
    return f"({compared(bounced, '>=', threshold('minimum_bounces'))})"


def spike(level: Level, bound: str) -> str:
    """Return where the bounces of a day are a page, as long as there was one within 2 h."""
    return f"""\
{above(level, "1d", "99.9", threshold(bound))}
and on ({level.by})
{enough(DAY[level])}
and on ({level.by})
{level.name}:sendkit_emails_bounced:increase2h >= 1
"""


def unhealthy(alert: str, severity: Severity, how_many: str, inhibited_by: tuple[str, ...] = ()) -> Alert:
    """Return the alert on a domain of which a share of the mailboxes is unhealthy."""
    bound = threshold(f"unhealthy_mailboxes_{severity}")
    mailboxes = "(mailbox:sendkit_unhealthy:bool{of})"
    return Alert(
        alert=alert,
        severity=severity,
        level=DOMAIN,
        expr=f"""\
({compared("(domain:sendkit_unhealthy_mailboxes:ratio > 0)", ">=", bound)})
and on (workspace, domain)
count by (workspace, domain) (mailbox:sendkit_unhealthy:bool) >= 3
and on (workspace, domain)
(
  domain:sendkit_emails_bounced:increase2h >= 1
  or
  ({compared("domain:sendkit_inactive_mailboxes:ratio", ">=", bound)})
)
""",
        wait="15m",
        summary=f"{how_many} mailboxes of domain {DOMAIN_NAME} are unhealthy",
        description=f"""
            {number(f"sum{mailboxes}", DOMAIN)} of the {number(f"count{mailboxes}", DOMAIN)} mailboxes of domain
            {DOMAIN_NAME} in workspace {WORKSPACE_NAME} ({VALUE_PERCENTAGE}) are not active, or bounced too much
            within 24 h (by the 99 % bound).
        """,
        inhibited_by=(
            *STALE,
            "SendKitWorkspaceBounceSpike",
            "SendKitDomainBounceSpike",
            "SendKitMailboxesLeavingActive",
            *inhibited_by,
        ),
    )


FILE = RuleFile(
    name="bounce-alerts",
    makes="the alerts on bounces, and those on the share of a domain's mailboxes that is unhealthy",
    comment="""
        The alerts on bounces. The figures are made in bounces.yml.

        Every spike needs three things at once: a lower bound above the configured threshold, at least
        minimum_bounces bounces in the day, and one of them within the last 2 h, so that the alert resolves when
        the bouncing stops. The 5 minutes of `for` let a replica or a poll that is ahead of another catch up.
    """,
    groups=[
        Group(
            name="sendkit-bounce-alerts",
            interval="1m",
            rules=[
                Alert(
                    alert="SendKitWorkspaceBounceSpike",
                    severity="critical",
                    level=WORKSPACE,
                    expr=spike(WORKSPACE, "workspace_bounce_ratio_critical"),
                    wait="5m",
                    summary=f"Bounce spike in workspace {WORKSPACE_NAME}",
                    description=f"""
                        Workspace {WORKSPACE_NAME} has {bounces_of_sends(WORKSPACE)}. {at_least("99.9")}
                    """,
                    inhibited_by=STALE,
                ),
                Alert(
                    alert="SendKitDomainBounceSpike",
                    severity="critical",
                    level=DOMAIN,
                    expr=spike(DOMAIN, "domain_bounce_ratio_critical"),
                    wait="5m",
                    summary=f"Bounce spike on domain {DOMAIN_NAME}",
                    description=f"""
                        Domain {DOMAIN_NAME} of workspace {WORKSPACE_NAME} has {bounces_of_sends(DOMAIN)}.
                        {at_least("99.9")}
                    """,
                    inhibited_by=(*STALE, "SendKitWorkspaceBounceSpike"),
                ),
                Alert(
                    alert="SendKitMailboxBouncing",
                    severity="warning",
                    level=MAILBOX,
                    expr=f"""\
max by ({MAILBOX.by}) (
  mailbox:sendkit_bounce_ratio:wilson_lower{{window="1d", confidence="99"}}
)
and on ({MAILBOX.by})
mailbox:sendkit_bouncing:bool == 1
and on ({MAILBOX.by})
mailbox:sendkit_emails_bounced:increase2h >= 1
""",
                    wait="5m",
                    summary=f"Bounces on a mailbox of {DOMAIN_NAME}",
                    description=f"""
                        Mailbox {MAILBOX_NAME} of workspace {WORKSPACE_NAME} has {bounces_of_sends(MAILBOX)}.
                        {at_least("99")}
                    """,
                    inhibited_by=(
                        *STALE,
                        "SendKitWorkspaceBounceSpike",
                        "SendKitDomainBounceSpike",
                        "SendKitMailboxBounceSpike",
                    ),
                ),
                Alert(
                    alert="SendKitMailboxBounceSpike",
                    severity="critical",
                    level=MAILBOX,
                    expr=spike(MAILBOX, "mailbox_bounce_ratio_critical"),
                    wait="5m",
                    summary=f"Severe bounce spike on a mailbox of {DOMAIN_NAME}",
                    description=f"""
                        Mailbox {MAILBOX_NAME} of workspace {WORKSPACE_NAME} has {bounces_of_sends(MAILBOX)}.
                        {at_least("99.9")}
                    """,
                    inhibited_by=(*STALE, "SendKitWorkspaceBounceSpike", "SendKitDomainBounceSpike"),
                ),
                Alert(
                    alert="SendKitMailboxBounceSlowBurn",
                    severity="warning",
                    level=MAILBOX,
                    comment="""
                        No "within the last 2 h" here: a slow burn bounces once or twice a day, and the alert
                        would come and go.
                    """,
                    expr=f"""\
{above(MAILBOX, "7d", "99", f"2 / 3 * {threshold('mailbox_bounce_ratio_warning')}")}
and on ({MAILBOX.by})
{enough(last_hour("mailbox:sendkit_emails_bounced:increase7d"))}
""",
                    wait="15m",
                    summary=f"A mailbox of {DOMAIN_NAME} has been bouncing for days",
                    description=f"""
                        Mailbox {MAILBOX_NAME} of workspace {WORKSPACE_NAME} has
                        {number(last_hour("mailbox:sendkit_emails_bounced:increase7d{of}"), MAILBOX)} bounces of
                        {number(last_hour("mailbox:sendkit_emails_sent:increase7d{of}"), MAILBOX)} sends within 7 days.
                        {at_least("99")}
                    """,
                    inhibited_by=(
                        *STALE,
                        "SendKitWorkspaceBounceSpike",
                        "SendKitDomainBounceSpike",
                        "SendKitMailboxBounceSpike",
                        "SendKitMailboxBouncing",
                    ),
                ),
                replace(
                    unhealthy("SendKitDomainDegraded", "warning", "Some", ("SendKitDomainUnhealthy",)),
                    comment="""
                        Mailboxes that bounce too much are bad for 24 h, the domain only as long as it bounces. In
                        the group of the domain's spike, which inhibits it, so that both end in the same
                        evaluation: a page must not follow the other's "resolved".
                    """,
                ),
                unhealthy("SendKitDomainUnhealthy", "critical", "Many"),
            ],
        )
    ],
)
