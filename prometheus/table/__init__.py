"""The table of rules: a module for each file of rules, with what they share."""

from prometheus.table import (
    bounce_alerts,
    bounces,
    collectors,
    dashboards,
    exporter,
    mailboxes,
    sending,
    settings,
)
from prometheus.table.rule import Alert

FILES = (
    settings.FILE,
    bounces.FILE,
    bounce_alerts.FILE,
    mailboxes.FILE,
    sending.FILE,
    collectors.FILE,
    exporter.FILE,
    dashboards.FILE,
)
ALERTS = {
    rule.alert: rule
    for file in FILES
    for group in file.groups
    for rule in group.rules
    if isinstance(rule, Alert)
}
"""Every alert, by its name."""
