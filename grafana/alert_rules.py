"""The alerts as Grafana's own, for installations without an Alertmanager: a file for Grafana's provisioning.

What the rules record stays in Prometheus: an alert of Grafana's reads it. Grafana's templates cannot query, so
that messages have no numbers; they say what to do first, and the dashboard has the numbers.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from prometheus.table import FILES
from prometheus.table.actions import ACTIONS
from prometheus.table.rule import Alert, Group

DATASOURCE_UID = "prometheus"
FIRST_PANEL = "101"
LOWEST = -1e300
"""Whatever number the query has, the alert fires, as in Prometheus."""
HEAD = """\
# Written by `make dashboards` from the table of rules, and read by Grafana in provisioning/alerting.
# The recorded series come from prometheus/rules, of which Prometheus loads all files; leave its alerts unrouted.
# The data source has the uid "prometheus". A doubled dollar sign is a plain one, which Grafana does not take for its environment.
"""


def text() -> str:
    """Return the text of the file."""
    document = {"apiVersion": 1, "groups": list(_groups())}
    return HEAD + yaml.safe_dump(_escaped(document), sort_keys=False, allow_unicode=True, width=110)


def _groups() -> Iterator[dict[str, Any]]:
    for file in FILES:
        for group in file.groups:
            if alerts := [rule for rule in group.rules if isinstance(rule, Alert)]:
                yield {
                    "orgId": 1,
                    "name": group.name,
                    "folder": "SendKit",
                    "interval": group.interval,
                    "rules": [_rule(alert, group) for alert in alerts],
                }


def _rule(alert: Alert, group: Group) -> dict[str, Any]:
    return {
        "uid": alert.alert,
        "title": alert.alert,
        "condition": "B",
        "data": [_query(alert.expr), _any_number()],
        "for": alert.wait or "0s",
        "noDataState": "OK",
        "execErrState": "KeepLast",
        "labels": {"severity": alert.severity, "group": group.name},
        "annotations": {
            "summary": alert.summary,
            "description": ACTIONS[alert.alert],
            "__dashboardUid__": alert.dashboard,
            "__panelId__": FIRST_PANEL,
        },
    }


def _query(expr: str) -> dict[str, Any]:
    return {
        "refId": "A",
        "datasourceUid": DATASOURCE_UID,
        "relativeTimeRange": {"from": 600, "to": 0},
        "model": {"refId": "A", "expr": expr.strip(), "instant": True, "range": False},
    }


def _any_number() -> dict[str, Any]:
    condition = {"type": "query", "evaluator": {"type": "gt", "params": [LOWEST]}}
    model = {"refId": "B", "type": "threshold", "expression": "A", "conditions": [condition]}
    return {
        "refId": "B",
        "datasourceUid": "__expr__",
        "relativeTimeRange": {"from": 0, "to": 0},
        "model": model,
    }


def _escaped(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Return a value whose texts keep their `$` where Grafana puts in its environment."""
    match value:
        case str():
            return value.replace("$", "$$")
        case dict():
            return {key: _escaped(each) for key, each in value.items()}
        case list():
            return [_escaped(each) for each in value]
        case _:
            return value
