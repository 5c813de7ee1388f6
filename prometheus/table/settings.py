"""What the other rules get from outside: addresses, and the thresholds of the exporter's configuration."""

from prometheus.table.annotations import LINKS
from prometheus.table.rule import Group, Record, RuleFile

FILE = RuleFile(
    name="settings",
    makes=(
        "the addresses, and the configured thresholds (`sendkit_alert_threshold`) bridged over 2 h without "
        "an exporter"
    ),
    comment="""
        What the other rules get from outside: addresses, and the thresholds of the exporter's configuration.

        This is the one file that an installation edits: sendkit:links:info says where this installation keeps its dashboards and
        runbooks; the annotations of every alert read its two labels. `dashboards` is Grafana's address and /d, such as
        https://grafana.acme.example/d. Runbooks are linked to the exporter itself if it runs with --web.external-url; else
        `runbooks` is any place that serves prometheus/runbooks/*.md. Both without a slash at the end; an empty one links nothing.
    """,
    groups=[
        Group(
            name="sendkit-settings",
            interval="1m",
            rules=[
                Record(
                    record=LINKS,
                    labels={"runbooks": "", "dashboards": ""},
                    expr="vector(1)",
                ),
                Record(
                    record="workspace:sendkit_alert_threshold:last2h",
                    comment="""
                        The threshold as it is now, of whichever exporter. While there is no exporter, the last
                        one of 2 h: an alert that fires must not resolve because its threshold is missing. An
                        exporter that is older than domain_minimum_bounces has minimum_bounces alone.
                    """,
                    expr="""\
max by (workspace, threshold) (sendkit_alert_threshold)
or
max by (workspace, threshold) (last_over_time(sendkit_alert_threshold[2h]))
or
label_replace(
  max by (workspace) (last_over_time(sendkit_alert_threshold{threshold="minimum_bounces"}[2h])),
  "threshold", "domain_minimum_bounces", "", ""
)
""",
                ),
            ],
        )
    ],
)
