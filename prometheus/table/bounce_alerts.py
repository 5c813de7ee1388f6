"""The alerts on bounces, and on the share of a domain's mailboxes that is unhealthy."""

from dataclasses import replace

from prometheus.table.annotations import (
    DOMAIN_NAME,
    VALUE_PERCENTAGE,
    WORKSPACE_NAME,
    number,
)
from prometheus.table.bounce_elsewhere import mailbox_paged
from prometheus.table.bounce_limits import (
    BOUNCING,
    DOMAIN_SLOW_BURN,
    DOMAIN_SPIKE,
    MAILBOX_SLOW_BURN,
    MAILBOX_SPIKE,
    WORKSPACE_LEVEL,
    WORKSPACE_SPIKE,
    BounceLimit,
)
from prometheus.table.bounce_states import bounds, fires, states
from prometheus.table.bounce_texts import NAMES, evidence
from prometheus.table.bounce_thresholds import quiet_level, thresholds
from prometheus.table.incidents import STALE
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE
from prometheus.table.promql import compared, threshold
from prometheus.table.rule import Alert, Group, RuleFile, Severity
from prometheus.table.worst import PART, bouncing
from prometheus.table.worst import unhealthy as worst_unhealthy

SPIKES = (WORKSPACE_SPIKE, DOMAIN_SPIKE)
KEPT = "10m"
"""How long a spike inhibits after its end: what it inhibits ends up to two evaluations of 4 minutes later."""


def alert(
    limit: BounceLimit, severity: Severity, wait: str | None, summary: str, inhibited_by: tuple[str, ...] = ()
) -> Alert:
    """Return the alert on a bounce limit."""
    return Alert(
        alert=limit.alert,
        severity=severity,
        level=limit.level,
        expr=fires(limit),
        wait=wait,
        keep=KEPT if limit in SPIKES else None,
        summary=summary,
        description=f"{NAMES[limit.level]} has {evidence(limit)}",
        worst=bouncing(limit.level, "1d" if limit.happening else "7d") if limit.level in PART else "",
        inhibited_by=(*STALE, *inhibited_by),
    )


def unhealthy(name: str, severity: Severity, how_many: str, inhibited_by: tuple[str, ...] = ()) -> Alert:
    """Return the alert on a domain of which a share of the mailboxes is unhealthy."""
    bound = threshold(f"unhealthy_mailboxes_{severity}")
    mailboxes = "(mailbox:sendkit_unhealthy:bool{of})"
    return Alert(
        alert=name,
        severity=severity,
        level=DOMAIN,
        expr=f"""\
({compared("(domain:sendkit_unhealthy_mailboxes:ratio > 0)", ">=", bound)})
and on (workspace, domain)
count by (workspace, domain) (mailbox:sendkit_unhealthy:bool) >= 3
""",
        wait="15m",
        summary=f"{how_many} mailboxes of domain {DOMAIN_NAME} are unhealthy",
        description=f"""
            Domain {DOMAIN_NAME} of workspace {WORKSPACE_NAME} has
            {number(f"sum{mailboxes}", DOMAIN, noun="unhealthy mailbox")} of
            {number(f"count{mailboxes}", DOMAIN)} ({VALUE_PERCENTAGE}). A mailbox is unhealthy when it is no longer
            active, or bounces too much.
        """,
        worst=worst_unhealthy(),
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

        A spike begins when a lower bound is above its threshold, with enough bounces, and it still happens: a
        bounce and a mail within 2 h. The threshold is the configured one, or a multiple of the workspace's own
        quiet level where that is higher. The recorded state is 1 from then on until it is well again, so that
        nights, weekends and restarts neither end it nor begin it once more.
    """,
    groups=[
        Group(
            name="sendkit-bounce-alerts",
            interval="1m",
            comment="""
                The quiet level and the thresholds of all alerts come first, after an absence of Prometheus too:
                no bound may be held against a threshold that is not yet known again.
            """,
            rules=[
                quiet_level(),
                thresholds(),
                *bounds(WORKSPACE),
                *states(WORKSPACE_SPIKE, WORKSPACE_LEVEL),
                *bounds(DOMAIN),
                *states(DOMAIN_SPIKE, DOMAIN_SLOW_BURN),
                alert(WORKSPACE_SPIKE, "critical", None, f"Bounce spike in workspace {WORKSPACE_NAME}"),
                alert(
                    DOMAIN_SPIKE,
                    "critical",
                    None,
                    f"Bounce spike on domain {DOMAIN_NAME}",
                    ("SendKitWorkspaceBounceSpike",),
                ),
                alert(
                    WORKSPACE_LEVEL,
                    "warning",
                    "15m",
                    f"Workspace {WORKSPACE_NAME} bounces more than it should",
                    ("SendKitWorkspaceBounceSpike",),
                ),
                alert(
                    DOMAIN_SLOW_BURN,
                    "warning",
                    "15m",
                    f"Domain {DOMAIN_NAME} has been bouncing for days",
                    (
                        "SendKitWorkspaceBounceSpike",
                        "SendKitDomainBounceSpike",
                        "SendKitWorkspaceBounceLevel",
                    ),
                ),
                replace(
                    unhealthy("SendKitDomainDegraded", "warning", "Some", ("SendKitDomainUnhealthy",)),
                    comment="In the group of the domain's spike, which inhibits it.",
                ),
                unhealthy("SendKitDomainUnhealthy", "critical", "Many"),
            ],
        ),
        Group(
            name="sendkit-mailbox-bounce-alerts",
            interval="2m",
            comment="They wait 9 minutes, so that a domain or a workspace that bounces pages before its mailboxes.",
            rules=[
                *bounds(MAILBOX),
                *states(MAILBOX_SPIKE, BOUNCING, MAILBOX_SLOW_BURN),
                mailbox_paged(),
                alert(
                    MAILBOX_SPIKE,
                    "critical",
                    "9m",
                    f"Severe bounce spike on a mailbox of {DOMAIN_NAME}",
                    ("SendKitWorkspaceBounceSpike", "SendKitDomainBounceSpike"),
                ),
                alert(
                    BOUNCING,
                    "warning",
                    "9m",
                    f"Bounces on a mailbox of {DOMAIN_NAME}",
                    (
                        "SendKitWorkspaceBounceSpike",
                        "SendKitDomainBounceSpike",
                        "SendKitMailboxBounceSpike",
                    ),
                ),
                alert(
                    MAILBOX_SLOW_BURN,
                    "warning",
                    "15m",
                    f"A mailbox of {DOMAIN_NAME} has been bouncing for days",
                    (
                        "SendKitWorkspaceBounceSpike",
                        "SendKitDomainBounceSpike",
                        "SendKitDomainBounceSlowBurn",
                        "SendKitWorkspaceBounceLevel",
                        "SendKitMailboxBounceSpike",
                        "SendKitMailboxBouncing",
                    ),
                ),
            ],
        ),
    ],
)
