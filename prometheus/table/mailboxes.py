"""The state of mailboxes and of a workspace's mailboxes together."""

from prometheus.table.annotations import VALUE, WORKSPACE_NAME, number, several
from prometheus.table.incidents import STALE
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE
from prometheus.table.mailbox_alerts import OF_THE_DAY, OF_TODAY
from prometheus.table.promql import highest
from prometheus.table.rule import Alert, Group, Record, RuleFile
from prometheus.table.worst import left_active


def state(name: str, series: str) -> Record:
    """Record a state of each mailbox: 1 where it is so, else 0."""
    return Record(
        record=f"mailbox:sendkit_{name}:bool", expr=highest(MAILBOX, f"last_over_time({series}[5m])")
    )


COUNT = "last_over_time(workspace:sendkit_mailboxes:count[5m])"
COUNT_BEFORE = "last_over_time(workspace:sendkit_mailboxes:count{of}[5m] offset 1h)"
BEFORE = COUNT_BEFORE.replace("{of}", "")

NOT_PARKED = f"unless on ({MAILBOX.by})\nmailbox:sendkit_sending_enabled:bool == 0"
"""Leaves out mailboxes whose sending is switched off; where that is not known, none."""

RECORDS = [
    state("active", 'sendkit_mailbox_status{status="active"}'),
    state("sending_enabled", "sendkit_mailbox_sending_enabled"),
    state("warmup_enabled", "sendkit_mailbox_warmup_enabled"),
    state("warmup_in_progress", 'sendkit_mailbox_warmup_status{status="in_progress"}'),
    state("warmup_completed", 'sendkit_mailbox_warmup_status{status="completed"}'),
    Record(
        record="workspace:sendkit_mailboxes:count",
        expr=highest(WORKSPACE, "sum without (status) (sendkit_workspace_mailboxes)"),
    ),
    Record(
        record="workspace:sendkit_mailboxes_left_active:count1h",
        comment="""
            Mailboxes that were active at some time of the last hour and are not now, without those whose sending is
            switched off.
        """,
        expr=f"""\
count by (workspace) (
  mailbox:sendkit_active:bool == 0
  and
  max_over_time(mailbox:sendkit_active:bool[1h]) == 1
  {NOT_PARKED.replace(chr(10), chr(10) + "  ")}
)
""",
    ),
    Record(
        record="mailbox:sendkit_unhealthy:bool",
        comment="""
            1 for a mailbox that is no longer active, or that bounces too much (see bounce-alerts.yml); 0 for the
            others. One that was not active within 7 days (pending, warming up, failed) is not unhealthy for that,
            and one whose sending is switched off does not count. The alert on a domain's share of them is in
            bounce-alerts.yml.
        """,
        expr=f"""\
clamp_max(
  (mailbox:sendkit_active:bool == bool 0) * (mailbox:sendkit_active:max7d or 0 * mailbox:sendkit_active:bool)
    + (mailbox:sendkit_bouncing:bool or 0 * mailbox:sendkit_active:bool),
  1
)
{NOT_PARKED}
""",
    ),
    Record(
        record="domain:sendkit_unhealthy_mailboxes:ratio",
        comment="Not avg(), which is a running mean: half of the mailboxes is exactly a half.",
        expr=f"""\
sum by ({DOMAIN.by}) (mailbox:sendkit_unhealthy:bool)
/
count by ({DOMAIN.by}) (mailbox:sendkit_unhealthy:bool)
""",
    ),
]

OF_DAYS = [
    Record(
        record="mailbox:sendkit_active:max1d",
        comment="1 for a mailbox that was active within the last day.",
        expr="max_over_time(mailbox:sendkit_active:bool[1d])",
    ),
    Record(
        record="mailbox:sendkit_active:max7d",
        comment="The same within 7 days: the last day, and each day until its midnight (UTC).",
        expr="""\
max_over_time(mailbox:sendkit_active:max1d[7d:1d]) == 1
or
mailbox:sendkit_active:max1d
""",
    ),
]

OF_WORKSPACES = [
    Alert(
        alert="SendKitMailboxesLeavingActive",
        severity="critical",
        level=WORKSPACE,
        expr="""\
workspace:sendkit_mailboxes_left_active:count1h >= 3
and
workspace:sendkit_mailboxes_left_active:count1h / count by (workspace) (mailbox:sendkit_active:bool) >= 0.1
""",
        wait="5m",
        summary=f"Many mailboxes of workspace {WORKSPACE_NAME} are leaving active",
        description=f"""
            Within an hour {VALUE} of the {number("count(mailbox:sendkit_active:bool{of})", WORKSPACE)} mailboxes of
            workspace {WORKSPACE_NAME} left the status active.
        """,
        worst=left_active(),
        inhibited_by=STALE,
    ),
    Alert(
        alert="SendKitMailboxCountDropped",
        severity="warning",
        level=WORKSPACE,
        comment="A single deleted mailbox is no drop, however small the workspace: at least two must be gone.",
        expr=f"""\
{COUNT}
  < 0.8 * {BEFORE}
and
{BEFORE}
  - {COUNT} >= 2
""",
        wait="10m",
        summary=f"Workspace {WORKSPACE_NAME} has lost mailboxes",
        description=f"""
            Workspace {WORKSPACE_NAME} has {several("mailbox")}; an hour ago it had
            {number(COUNT_BEFORE, WORKSPACE)}.
        """,
        inhibited_by=STALE,
    ),
]

FILE = RuleFile(
    name="mailboxes",
    makes="the state of mailboxes and domains, and its alerts",
    comment="""
        The state of mailboxes: which stopped being active, whose warm-up stopped, which are at the limit, which
        are gone.

        "Now" is the last sample of 5 minutes, so a missed scrape or an exporter's restart neither fires nor
        resolves anything. A mailbox that was deleted has no such sample, and so left nothing. Of two replicas
        the one with the better news counts until both agree.
    """,
    groups=[
        Group(name="sendkit-mailboxes", interval="2m", rules=[*RECORDS, *OF_WORKSPACES, *OF_TODAY]),
        Group(
            name="sendkit-mailboxes-1d",
            interval="4m",
            comment="""
                A day of every mailbox takes long to read, and these alerts wait 15 minutes anyway: so they are
                evaluated less often. Not slower than this: Prometheus looks back 5 minutes for a value, ALERTS
                included.
            """,
            rules=[*OF_DAYS, *OF_THE_DAY],
        ),
    ],
)
