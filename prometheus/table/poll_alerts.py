"""The alerts on the exporter and on the polls of a workspace."""

from prometheus.table.annotations import VALUE, WORKSPACE_NAME, duration, label, number, query, several
from prometheus.table.incidents import DOWN
from prometheus.table.levels import EXPORTER, WORKSPACE
from prometheus.table.promql import EXPORTERS, STALE_AGE
from prometheus.table.rule import Alert

FAILURES = "workspace_reason:sendkit_poll_failures"
REFUSED = f'sum by (workspace) ({FAILURES}:recent{{reason="auth"}})'
MOST_FAILURES = f"topk(1, {FAILURES}:recent{{of}} > 0)"
RATE_LIMITED = f'{FAILURES}:increase1h{{of,reason="rate_limited"}}'
SUSPECT_FIELDS = "topk(1, sum by (field) (increase(sendkit_suspect_values_total{of}[10m])) > 0)"


DOWN_TARGETS = f"count(up == 0 and on (job, instance) last_over_time({EXPORTERS}[1d]))"


def recent(counter: str, labels: str, matchers: str = "") -> str:
    """Return where a counter of a workspace rose within 10 minutes."""
    return f"""\
sum by (workspace) (
  max by ({labels}) (increase({counter}{matchers}[10m]))
) > 0
"""


ALERTS = [
    Alert(
        alert=DOWN,
        severity="critical",
        level=EXPORTER,
        expr=f"absent({EXPORTERS})",
        wait="5m",
        summary="No SendKit exporter is up",
        description=f"""
            For 5 minutes no exporter has been scraped, and
            {{{{ with query `{DOWN_TARGETS}` }}}}{several("target", "(. | first | value)")} that had one within
            24 h cannot be scraped{{{{ else }}}}no target that had one within 24 h is known{{{{ end }}}}. Nothing
            about any mailbox is known, and no other SendKit alert can fire.
        """,
    ),
    Alert(
        alert="SendKitWorkspaceStale",
        severity="critical",
        level=WORKSPACE,
        shown_on=EXPORTER.dashboard,
        comment="The 2 minutes give an exporter that has been down for long the time for its first poll.",
        expr=STALE_AGE,
        wait="2m",
        summary=f"The figures of workspace {WORKSPACE_NAME} are stale",
        description=f"""
            No poll of workspace {WORKSPACE_NAME} has succeeded for {{{{ humanizeDuration $value }}}}, with a poll
            every {duration("workspace:sendkit_poll_interval:seconds{of}", WORKSPACE)}. {{{{ with {query(MOST_FAILURES, WORKSPACE)} }}}}Most
            failures within 1 h have the reason {{{{ . | first | label `reason` }}}}
            ({{{{ . | first | value | printf `%.0f` }}}}).{{{{ else }}}}No failure was seen within 1 h.{{{{ end }}}}
        """,
        inhibited_by=("SendKitAuthFailed",),
    ),
    Alert(
        alert="SendKitAuthFailed",
        severity="critical",
        level=WORKSPACE,
        shown_on=EXPORTER.dashboard,
        comment="""
            Refused at least twice in a row, and mostly for the key: one refusal among good polls is a hiccup.
            Comes before SendKitWorkspaceStale, which it inhibits.
        """,
        expr=f"""\
(
  {REFUSED} >= 2
  or on (workspace)
  {REFUSED} >= 1
  and on (workspace)
  workspace:sendkit_poll_interval:seconds > 1200
)
and on (workspace)
{REFUSED}
  > 0.5 * sum by (workspace) ({FAILURES}:recent)
and on (workspace)
max by (workspace) (last_over_time(sendkit_up{{window="all"}}[5m])) == 0
unless on (workspace)
(
  time() - workspace:sendkit_last_success:timestamp_seconds
    <= 2.5 * workspace:sendkit_poll_interval:seconds
)
""",
        wait=None,
        summary=f"SendKit refuses the key of workspace {WORKSPACE_NAME}",
        description=f"""
            SendKit refused {several("poll")} of workspace {WORKSPACE_NAME} within 1 h because of the API key, the last
            one among them. The key was revoked, replaced, or is not of this workspace.
        """,
    ),
    Alert(
        alert="SendKitRateLimited",
        severity="warning",
        level=WORKSPACE,
        shown_on=EXPORTER.dashboard,
        comment="The next three: seen in every 10 minutes of 15. One event lasts 10 minutes and so fires nothing.",
        expr=recent("sendkit_poll_failures_total", "workspace, window", '{reason="rate_limited"}'),
        wait="15m",
        summary=f"SendKit is rate-limiting workspace {WORKSPACE_NAME}",
        description=f"""
            For 15 minutes polls of workspace {WORKSPACE_NAME} have been failing by SendKit's rate limit,
            {number(RATE_LIMITED, WORKSPACE)} within 1 h.
        """,
    ),
    Alert(
        alert="SendKitPollsSkipped",
        severity="warning",
        level=WORKSPACE,
        shown_on=EXPORTER.dashboard,
        expr=recent("sendkit_polls_skipped_total", "workspace, window"),
        wait="15m",
        summary=f"Polls of workspace {WORKSPACE_NAME} take longer than their interval",
        description=f"""
            For 15 minutes polls of workspace {WORKSPACE_NAME} have been skipped, {VALUE} of them within the last
            10 minutes, because the one before was still running.
        """,
    ),
    Alert(
        alert="SendKitSuspectValues",
        severity="warning",
        level=WORKSPACE,
        shown_on=EXPORTER.dashboard,
        expr=recent("sendkit_suspect_values_total", "workspace, window, field"),
        wait="15m",
        summary=f"SendKit answers with suspect values for workspace {WORKSPACE_NAME}",
        description=f"""
            For 15 minutes SendKit's answers for workspace {WORKSPACE_NAME} have held values out of their documented
            range or form, {VALUE} of them within the last 10 minutes, mostly in
            {label("field", SUSPECT_FIELDS, WORKSPACE, "an unknown field")}.
        """,
    ),
    Alert(
        alert="SendKitConfigReloadFailed",
        severity="warning",
        level=EXPORTER,
        expr="min(last_over_time(sendkit_exporter_config_last_reload_successful[5m])) == 0",
        wait="15m",
        summary="The SendKit exporter runs with an old configuration",
        description="""
            For 15 minutes at least one exporter has been running with its old configuration, because the new one has
            an error.
        """,
    ),
]
