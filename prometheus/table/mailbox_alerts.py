"""The alerts on the state of one mailbox."""

from prometheus.table.annotations import (
    DOMAIN_NAME,
    MAILBOX_NAME,
    WORKSPACE_NAME,
    label,
    number,
    query,
    several,
)
from prometheus.table.incidents import STALE
from prometheus.table.levels import MAILBOX
from prometheus.table.promql import highest, threshold
from prometheus.table.rule import Alert

SENT = highest(MAILBOX, "last_over_time(sendkit_mailbox_sent_today[5m])")
LIMIT = "last_over_time(sendkit_mailbox_daily_send_limit{of}[5m])"
SENT_OF_LIMIT = f"""
    Mailbox {MAILBOX_NAME} of workspace {WORKSPACE_NAME} sent {several("mail")} today; its daily limit is
    {number(f"max({LIMIT})", MAILBOX)}.
"""
ABOVE_LIMIT = f"""\
{SENT}
>
{highest(MAILBOX, LIMIT.replace("{of}", ""))}
"""

OF_TODAY = [
    Alert(
        alert="SendKitDailyLimitExceeded",
        severity="warning",
        level=MAILBOX,
        expr=ABOVE_LIMIT,
        wait="5m",
        summary=f"A mailbox of {DOMAIN_NAME} sent more than its daily limit",
        description=SENT_OF_LIMIT,
        inhibited_by=STALE,
    ),
    Alert(
        alert="SendKitDailyLimitNearlyReached",
        severity="info",
        level=MAILBOX,
        expr=f"""\
{ABOVE_LIMIT}\
  * on (workspace) group_left ()
    {threshold("daily_limit_usage")}
""",
        wait="5m",
        summary=f"A mailbox of {DOMAIN_NAME} has nearly used up its daily limit",
        description=SENT_OF_LIMIT,
        inhibited_by=STALE,
    ),
]

STATUS = label("status", "last_over_time(sendkit_mailbox_status{of}[5m]) == 1", MAILBOX, "not")
WARMUP_ENABLED = (
    f"{{{{ with {query('max(last_over_time(sendkit_mailbox_warmup_enabled{of}[5m]))', MAILBOX)} }}}}"
    "{{ if eq (. | first | value) 1.0 }}enabled{{ else }}disabled{{ end }}{{ else }}unknown{{ end }}"
)
WARMUP_STATUS = label(
    "status", "last_over_time(sendkit_mailbox_warmup_status{of}[5m]) == 1", MAILBOX, "unknown"
)

OF_THE_DAY = [
    Alert(
        alert="SendKitMailboxNotActive",
        severity="warning",
        level=MAILBOX,
        expr="""\
mailbox:sendkit_active:bool == 0
and
mailbox:sendkit_active:max1d == 1
""",
        wait="15m",
        summary=f"A mailbox of {DOMAIN_NAME} is no longer active",
        description=f"""
            Mailbox {MAILBOX_NAME} of workspace {WORKSPACE_NAME} was active within the last 24 h and is {STATUS} now.
        """,
        inhibited_by=(*STALE, "SendKitMailboxesLeavingActive"),
    ),
    Alert(
        alert="SendKitWarmupStopped",
        severity="warning",
        level=MAILBOX,
        expr=f"""\
(
  mailbox:sendkit_warmup_enabled:bool == 0
  and
  max_over_time(mailbox:sendkit_warmup_enabled:bool[1d]) == 1
)
or on ({MAILBOX.by})
(
  mailbox:sendkit_warmup_in_progress:bool == 0
  and
  max_over_time(mailbox:sendkit_warmup_in_progress:bool[1d]) == 1
  unless
  max_over_time(mailbox:sendkit_warmup_completed:bool[1d]) == 1
)
""",
        wait="15m",
        summary=f"Warm-up stopped on a mailbox of {DOMAIN_NAME}",
        description=f"""
            The warm-up of mailbox {MAILBOX_NAME} of workspace {WORKSPACE_NAME} was running within the last 24 h. Now
            it is {WARMUP_ENABLED}, its status {WARMUP_STATUS}.
        """,
        inhibited_by=STALE,
    ),
]
