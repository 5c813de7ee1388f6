"""What other endpoints add: where warm-up mail lands, errors and DNS setup of mailboxes, blacklists."""

from exporter.wilson import QUANTILES
from prometheus.table.annotations import (
    DOMAIN_NAME,
    MAILBOX_NAME,
    VALUE,
    VALUE_PERCENTAGE,
    WORKSPACE_NAME,
    number,
    percentage,
)
from prometheus.table.incidents import STALE
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE
from prometheus.table.promql import compared, highest, summed, threshold, wilson_lower
from prometheus.table.rule import Alert, Group, Record, RuleFile

FEWEST_LANDED = 30
"""Warm-up mails of a domain, from fewer the share of spam says little."""

LANDED = "domain:sendkit_warmup_mails:landed"
SPAM = "domain:sendkit_warmup_mails:spam"
SPAM_RATIO = "domain:sendkit_spam_ratio"
HEALTH = "mailbox:sendkit_setup_health:ratio"
LISTED = "workspace:sendkit_blacklist_listed:newest"
COMPLETED = "workspace:sendkit_blacklist_completed:timestamp_seconds"


def warmup(place: str) -> str:
    """Return the warm-up mails of a domain that landed in a place."""
    return summed(DOMAIN, highest(MAILBOX, f"last_over_time(sendkit_mailbox_warmup_window_{place}[5m])"))


RECORDS = [
    Record(record=SPAM, expr=warmup("spam")),
    Record(
        record=LANDED,
        comment="Inbox, spam and promotions; a place that is not known has none.",
        expr=f"{SPAM} + ({warmup('inbox')} or 0 * {SPAM}) + ({warmup('promotions')} or 0 * {SPAM})",
    ),
    Record(record=f"{SPAM_RATIO}:landed", expr=f"{SPAM} / ({LANDED} > 0)"),
    Record(record=f"{SPAM_RATIO}:wilson_doubt", expr=f"{QUANTILES['99']:.4f} ^ 2 / ({LANDED} > 0)"),
    Record(
        record=f"{SPAM_RATIO}:wilson_lower",
        expr=wilson_lower(DOMAIN, f"{SPAM_RATIO}:landed", f"{SPAM_RATIO}:wilson_doubt"),
    ),
    Record(record=HEALTH, expr=highest(MAILBOX, "last_over_time(sendkit_mailbox_setup_health_ratio[5m])")),
    Record(record=LISTED, expr=highest(WORKSPACE, "last_over_time(sendkit_workspace_blacklist_listed[5m])")),
    Record(
        record=COMPLETED,
        expr=highest(
            WORKSPACE, "last_over_time(sendkit_workspace_blacklist_completed_timestamp_seconds[5m])"
        ),
    ),
]

ALERTS = [
    Alert(
        alert="SendKitDomainSpamPlacement",
        severity="warning",
        level=DOMAIN,
        expr=f"""\
({compared(f"{SPAM_RATIO}:wilson_lower", ">", threshold("spam_ratio_warning"))})
and
{LANDED} >= {FEWEST_LANDED}
""",
        wait="15m",
        summary=f"Warm-up mail of domain {DOMAIN_NAME} lands in spam",
        description=f"""
            Of the warm-up mails of domain {DOMAIN_NAME} in workspace {WORKSPACE_NAME} that landed lately,
            {number(f"{SPAM}{{of}}", DOMAIN)} of {number(f"{LANDED}{{of}}", DOMAIN)} landed in spam. The share of
            spam is at least {VALUE_PERCENTAGE} (99 % confidence), and the threshold is
            {percentage(threshold("spam_ratio_warning").replace("{", "{of,"), WORKSPACE)}.
        """,
        inhibited_by=STALE,
    ),
    Alert(
        alert="SendKitMailboxError",
        severity="warning",
        level=MAILBOX,
        expr=f"{highest(MAILBOX, 'last_over_time(sendkit_mailbox_last_error[5m])')} == 1",
        wait="30m",
        summary=f"A mailbox of {DOMAIN_NAME} reports an error",
        description=f"""
            For 30 minutes mailbox {MAILBOX_NAME} of workspace {WORKSPACE_NAME} has had an error at SendKit. The
            exporter's page shows its text.
        """,
        inhibited_by=STALE,
    ),
    Alert(
        alert="SendKitSetupBroken",
        severity="warning",
        level=MAILBOX,
        expr=f"{HEALTH} < max_over_time({HEALTH}[1d])",
        wait="15m",
        summary=f"The DNS setup of a mailbox of {DOMAIN_NAME} has become worse",
        description=f"""
            Within 24 h the health of the DNS records of mailbox {MAILBOX_NAME} of workspace {WORKSPACE_NAME} fell
            from {percentage(f"max_over_time({HEALTH}{{of}}[1d])", MAILBOX)} to {VALUE_PERCENTAGE}.
        """,
        inhibited_by=STALE,
    ),
    Alert(
        alert="SendKitBlacklisted",
        severity="critical",
        level=WORKSPACE,
        comment="A newer test than the one before it, of the last day.",
        expr=f"""\
{LISTED} > min_over_time({LISTED}[1d])
and
{COMPLETED} > min_over_time({COMPLETED}[1d])
""",
        wait="5m",
        summary=f"More mailboxes of workspace {WORKSPACE_NAME} are on blacklists",
        description=f"""
            The newest blacklist test of workspace {WORKSPACE_NAME} lists {VALUE} of
            {number("max(last_over_time(sendkit_workspace_blacklist_checked{of}[5m]))", WORKSPACE, noun="mailbox")}; a test
            before it, within 24 h, listed {number(f"min_over_time({LISTED}{{of}}[1d])", WORKSPACE)}.
        """,
        inhibited_by=STALE,
    ),
]

FILE = RuleFile(
    name="collectors",
    makes="where warm-up mail lands, errors and DNS setup of mailboxes, blacklists, and the alerts on them",
    comment="""
        What the collectors of the exporter add (`collectors` in its configuration). Where one is off, or the key
        may not use it, its series are absent and nothing fires.
    """,
    groups=[Group(name="sendkit-collectors", interval="2m", rules=[*RECORDS, *ALERTS])],
)
