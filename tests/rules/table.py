"""The alerts by name: severities, labels beside severity, and the dashboard each one opens."""

from prometheus.table import ALERTS as ROWS
from prometheus.table.levels import MAILBOX as MAILBOX_LEVEL

MAILBOX = MAILBOX_LEVEL.labels
ALERTS = {
    row.alert: (
        {other.severity for other in ROWS if other.alert == row.alert},
        row.level.labels,
        row.dashboard or row.level.dashboard,
    )
    for row in ROWS
}
