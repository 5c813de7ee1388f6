"""What a workspace sends and what is replied, against the same time a week ago."""

from prometheus.table.annotations import (
    VALUE,
    VALUE_PERCENTAGE,
    WORKSPACE_NAME,
    number,
    percentage,
)
from prometheus.table.incidents import STALE
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE
from prometheus.table.promql import STALE_AGE, last_hour, rises, summed, threshold
from prometheus.table.rule import Alert, Group, Record, RuleFile

SENT = "sendkit_mailbox_emails_sent_total"
WEEK = "[167h59m:1h]"
"""The 168 full hours of a week: a minute less, so that an evaluation on the full hour has no 169th."""

FEWEST = 20
"""Mails of a week ago, from fewer a stall cannot be told."""
CAMPAIGNS = "last_over_time(sendkit_workspace_active_campaigns[5m])"
DAY_OFF = f"""
  max_over_time(workspace:sendkit_emails_sent:increase2h[10h]) == 0
  and
  max_over_time(workspace:sendkit_day_off:bool[12d] offset 2d) == 1
  unless on (workspace)
  {CAMPAIGNS} > 0
"""
"""Nothing was sent within 12 h, and there was a day off before: not where a campaign is known to be active."""

WEEK_SENT = f"sum_over_time(workspace:sendkit_emails_sent:increase1h{{of}}{WEEK})"
RATIO_BEFORE = "last_over_time(workspace:sendkit_reply_ratio:rolling7d{of}[1h] offset 7d)"


def sent_week_ago(offset: str) -> str:
    """Return what the mailboxes that may send now sent within 2 h a week ago."""
    return f"""\
sum by (workspace) (
  {rises(MAILBOX, SENT, "2h", f" offset {offset}")}
  unless on ({MAILBOX.by})
  mailbox:sendkit_sending_enabled:bool == 0
)
"""


FILE = RuleFile(
    name="sending",
    makes="sending and replies against a week ago",
    comment="""
        What a workspace sends and what comes back, against the same time a week ago: nights and weekends are
        quiet every week.
    """,
    groups=[
        Group(
            name="sendkit-sending",
            interval="2m",
            rules=[
                Record(
                    record="workspace:sendkit_emails_sent_week_ago:increase2h",
                    comment="Without mailboxes whose sending is switched off now.",
                    expr=sent_week_ago("7d"),
                ),
                Record(
                    record="workspace:sendkit_emails_sent_week_ago_and_1h_later:increase2h",
                    comment="For a workspace whose clocks have changed since.",
                    expr=sent_week_ago("167h"),
                ),
                Record(
                    record="workspace:sendkit_day_off:bool",
                    comment="1 where nothing was sent within 24 h, and at least 20 mails in those of a week before.",
                    expr=f"""\
0 * (
  workspace:sendkit_emails_sent:increase1d == 0
  and
  last_over_time(workspace:sendkit_emails_sent:increase1d[30m] offset 7d) >= {FEWEST}
) + 1
""",
                ),
                *(
                    Record(
                        record=f"domain:sendkit_emails_{kind}:increase1h",
                        expr=summed(DOMAIN, rises(MAILBOX, f"sendkit_mailbox_emails_{kind}_total", "1h")),
                    )
                    for kind in ("replied", "positive_replied")
                ),
                *(
                    Record(
                        record=f"workspace:sendkit_emails_{kind}:increase1h",
                        expr=summed(WORKSPACE, f"domain:sendkit_emails_{kind}:increase1h"),
                    )
                    for kind in ("replied", "positive_replied")
                ),
                Record(
                    record="workspace:sendkit_emails_sent_seen:count2h",
                    comment="""
                        At how many of the last 2 h's 24 five-minute marks the counters were there. Counters that
                        nobody scrapes do not rise either, which is no stall.
                    """,
                    expr=f"count_over_time((count by (workspace) (last_over_time({SENT}[5m])))[2h:5m])",
                ),
                Alert(
                    alert="SendKitSendingStalled",
                    severity="critical",
                    level=WORKSPACE,
                    comment="""
                        A week ago, and an hour before and after that, since clocks change. Not without an active
                        campaign, where that is known. Where it is not, not on a day on which nothing has been sent
                        yet, if there was a day off before.
                    """,
                    expr=f"""\
workspace:sendkit_emails_sent:increase2h == 0
and
min_over_time(workspace:sendkit_emails_sent_week_ago:increase2h[1h]) >= {FEWEST}
and
workspace:sendkit_emails_sent_week_ago_and_1h_later:increase2h >= {FEWEST}
and
workspace:sendkit_emails_sent_seen:count2h >= 24
unless on (workspace)
({STALE_AGE})
unless on (workspace)
max by (workspace) ({CAMPAIGNS}) == 0
unless on (workspace)
({DAY_OFF})
""",
                    wait="5m",
                    summary=f"Workspace {WORKSPACE_NAME} has stopped sending",
                    description=f"""
                        Workspace {WORKSPACE_NAME} sent {VALUE} mails within 2 h; a week ago it sent
                        {number("workspace:sendkit_emails_sent_week_ago:increase2h{of}", WORKSPACE)} in the same 2 h.
                    """,
                    inhibited_by=STALE,
                ),
                Alert(
                    alert="SendKitReplyRateCollapse",
                    severity="warning",
                    level=WORKSPACE,
                    comment="""
                        Here, and not with the ratio, which is recorded every half hour: ALERTS of that group are
                        there for 5 of 30 minutes. A fall of exactly the threshold counts, whatever the last
                        digit of a division.
                    """,
                    expr=f"""\
{last_hour("workspace:sendkit_reply_ratio:rolling7d")}
<=
({RATIO_BEFORE.replace("{of}", "")} > 0)
  * on (workspace)
    (1.000001 - {threshold("reply_ratio_drop")})
""",
                    wait="30m",
                    summary=f"Replies to workspace {WORKSPACE_NAME} have collapsed",
                    description=f"""
                        Within 7 days workspace {WORKSPACE_NAME} had
                        {number(last_hour("workspace:sendkit_emails_replied:increase7d{of}"), WORKSPACE, noun="reply")} to
                        {number(WEEK_SENT, WORKSPACE, noun="send")} ({VALUE_PERCENTAGE}); in the 7 days before it was
                        {percentage(RATIO_BEFORE, WORKSPACE)}.
                    """,
                    inhibited_by=STALE,
                ),
            ],
        ),
        Group(
            name="sendkit-replies-7d",
            interval="30m",
            comment="""
                Seven days from recorded hours, as in bounces.yml. Comparing two weeks needs 15 days of retention.
            """,
            rules=[
                *(
                    Record(
                        record=f"workspace:sendkit_emails_{kind}:increase7d",
                        expr=f"sum_over_time(workspace:sendkit_emails_{kind}:increase1h{WEEK})",
                    )
                    for kind in ("replied", "positive_replied")
                ),
                Record(
                    record="workspace:sendkit_reply_ratio:rolling7d",
                    comment="Of a week with at least 500 sends; from fewer, the ratio says little.",
                    expr=f"""\
workspace:sendkit_emails_replied:increase7d
  / ({WEEK_SENT.replace("{of}", "")} >= 500)
""",
                ),
            ],
        ),
    ],
)
