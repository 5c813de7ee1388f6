"""What only the dashboards read."""

from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE
from prometheus.table.promql import highest, summed, wilson_upper
from prometheus.table.rule import Group, Record, RuleFile

SENT_TODAY = highest(MAILBOX, "sendkit_mailbox_sent_today")
DAILY_LIMIT = highest(MAILBOX, "sendkit_mailbox_daily_send_limit")

FILE = RuleFile(
    name="dashboards",
    makes=(
        "what only the dashboards read: sent today, daily limits, mailboxes at their limit, mailboxes by "
        "warm-up, upper bounds of bounces"
    ),
    comment="""
        What no alert needs, recorded so that a dashboard over 10,000 mailboxes opens fast.
    """,
    groups=[
        Group(
            name="sendkit-dashboards",
            interval="2m",
            rules=[
                Record(record="workspace:sendkit_mailbox_sent_today:sum", expr=summed(WORKSPACE, SENT_TODAY)),
                Record(
                    record="workspace:sendkit_mailbox_daily_send_limit:sum",
                    comment="What the active mailboxes may send in a day, without those whose sending is switched off.",
                    expr=f"""\
sum by (workspace) (
  {DAILY_LIMIT}
  and
  mailbox:sendkit_active:bool == 1
  unless
  mailbox:sendkit_sending_enabled:bool == 0
)
""",
                ),
                Record(
                    record="workspace:sendkit_mailboxes_at_limit:count",
                    comment="0, rather than absent, for a workspace whose mailboxes are all below their limit.",
                    expr=f"""\
sum by (workspace) (
  {SENT_TODAY}
  >= bool
  {DAILY_LIMIT}
)
""",
                ),
                Record(record="domain:sendkit_bounce_ratio:wilson_upper", expr=wilson_upper(DOMAIN)),
                Record(
                    record="workspace_status:sendkit_mailboxes_warmup:count",
                    expr="""\
sum by (workspace, status) (
  max by (workspace, domain, mailbox_id, status) (sendkit_mailbox_warmup_status)
)
""",
                ),
            ],
        )
    ],
)
