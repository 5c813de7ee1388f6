"""The alerts on which workspaces there are, and on what is polled beside their mailboxes."""

from prometheus.table.annotations import WORKSPACE_NAME, number, several
from prometheus.table.levels import EXPORTER, LISTING, WORKSPACE
from prometheus.table.promql import EXPORTERS
from prometheus.table.rule import Alert

NOW = "last_over_time(sendkit_workspace_info[10m])"
NAMED = 'sendkit_workspace_info{workspace_id!=""}'
IDS = f"count by (workspace) (count by (workspace, workspace_id) (last_over_time({NAMED}[5m])))"
ACCOUNTS = "count(count by (account) (last_over_time(sendkit_workspace_info{of}[5m])))"


def overdue(success: str, interval: str, labels: str) -> str:
    """Return what succeeded within a day, though not within three intervals, while mailboxes are polled."""
    return f"""\
time() - max by ({labels}) (last_over_time({success}[1d]))
  > on ({labels})
    clamp_min(3 * max by ({labels}) (last_over_time({interval}[5m])), 300)
and on (workspace)
max by (workspace) (last_over_time(sendkit_up{{window="all"}}[5m])) == 1
"""


WINDOWS = overdue(
    'sendkit_last_success_timestamp_seconds{window!="all"}',
    'sendkit_poll_interval_seconds{window!="all"}',
    "workspace, window",
)
COLLECTORS = overdue(
    "sendkit_collector_last_success_timestamp_seconds",
    "sendkit_collector_interval_seconds",
    "workspace, collector",
)

ALERTS = [
    Alert(
        alert="SendKitDiscoveryFailed",
        severity="warning",
        level=LISTING,
        comment="""
            An account whose workspaces cannot be listed; a window or a collector that fails while the mailboxes
            of its workspace are polled. A collector that the key may not use has never succeeded.
        """,
        expr=f"""\
max by (account) (last_over_time(sendkit_discovery_up[5m])) == 0
or
{WINDOWS}\
or
{COLLECTORS}\
""",
        wait="30m",
        summary=(
            "{{ with $labels.account }}The workspaces of account {{ . }} cannot be listed{{ else }}"
            f"A part of the polls of workspace {WORKSPACE_NAME} fails{{{{ end }}}}"
        ),
        description=f"""
            {{{{ with $labels.account }}}}For 30 minutes SendKit has not listed the workspaces of account {{{{ . }}}}. A
            new workspace is not seen, and one that is gone is still polled.{{{{ else }}}}The mailboxes of workspace
            {WORKSPACE_NAME} are polled, but its {{{{ with $labels.window }}}}window{{{{ else }}}}collector{{{{ end }}}}
            {{{{ $labels.window }}}}{{{{ $labels.collector }}}} has not succeeded for
            {{{{ humanizeDuration $value }}}}.{{{{ end }}}}
        """,
    ),
    Alert(
        alert="SendKitWorkspaceGone",
        severity="warning",
        level=WORKSPACE,
        shown_on=EXPORTER.dashboard,
        comment="""
            Not what has another name now, nor what an exporter polled that is down: other alerts are for that.
        """,
        expr=f"""\
max by (workspace) (
  last_over_time(sendkit_workspace_info[1d])
  unless on (workspace)
  {NOW}
  unless on (workspace_id)
  {NOW.replace("[", '{workspace_id!=""}[')}
  unless on (job, instance)
  up == 0
)
and on ()
count({EXPORTERS}) > 0
""",
        wait="10m",
        summary=f"Workspace {WORKSPACE_NAME} is gone",
        description=f"""
            Within the last 24 h workspace {WORKSPACE_NAME} was polled, and now SendKit does not list it or no
            account has it any more. Nothing is known of its mailboxes. This alert ends within a day.
        """,
    ),
    Alert(
        alert="SendKitWorkspaceNameClash",
        severity="warning",
        level=WORKSPACE,
        shown_on=EXPORTER.dashboard,
        expr=f"{IDS} > 1",
        wait="15m",
        summary=f"Two workspaces are called {WORKSPACE_NAME}",
        description=f"""
            {several("workspace")} of {number(ACCOUNTS, WORKSPACE, noun="account")} are called
            {WORKSPACE_NAME}. Their figures are taken for those of one workspace, so trouble of one can be hidden by
            the other.
        """,
    ),
]
