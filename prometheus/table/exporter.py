"""The exporter and its polls: whether what is known is still true."""

from prometheus.table import listing_alerts, poll_alerts
from prometheus.table.promql import EXPORTERS
from prometheus.table.rule import Group, Record, RuleFile

RECORDS = [
    Record(
        record="workspace:sendkit_poll_interval:seconds",
        comment="""
            The workspaces that ought to be polled, with their interval: those polled now, and those that were
            polled within a day by an instance (a shard) that is down while others are up. When all are down,
            that is one alert of its own.
        """,
        expr=f"""\
max by (workspace) (last_over_time(sendkit_poll_interval_seconds{{window="all"}}[5m]))
or
max by (workspace) (
  last_over_time(sendkit_poll_interval_seconds{{window="all"}}[1d])
  and on (job, instance) up == 0
  and on () count({EXPORTERS}) > 0
)
""",
    ),
    Record(
        record="workspace:sendkit_last_success:timestamp_seconds",
        comment="""
            Of replicas the one that succeeded last. A workspace that never had a success is counted from its
            first poll.
        """,
        expr="""\
(
  max by (workspace) (last_over_time(sendkit_last_success_timestamp_seconds{window="all"}[1d]))
  or
  time() - (max by (workspace) (sendkit_polls_total{window="all"}) - 1)
    * on (workspace) workspace:sendkit_poll_interval:seconds
)
and on (workspace) workspace:sendkit_poll_interval:seconds
""",
    ),
    Record(
        record="workspace_reason:sendkit_poll_failures:increase1h",
        expr="""\
sum by (workspace, reason) (
  round(max by (workspace, window, reason) (increase(sendkit_poll_failures_total[1h])))
)
""",
    ),
    Record(
        record="workspace_reason:sendkit_poll_failures:recent",
        comment="""
            An hour holds too few polls that are more than 20 minutes apart. Of them the worst hour of 12 counts,
            so that it does not come and go between two polls.
        """,
        expr="""\
max_over_time(workspace_reason:sendkit_poll_failures:increase1h[12h])
and on (workspace)
workspace:sendkit_poll_interval:seconds > 1200
or
workspace_reason:sendkit_poll_failures:increase1h
""",
    ),
]

FILE = RuleFile(
    name="exporter",
    makes="whether polls succeed, and its alerts",
    comment="The exporter and its polls: is what we know still true?",
    groups=[
        Group(
            name="sendkit-exporter",
            interval="1m",
            rules=[*RECORDS, *poll_alerts.ALERTS, *listing_alerts.ALERTS],
        )
    ],
)
