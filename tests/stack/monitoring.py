"""What watches an exporter and pages, faster than real time: Prometheus and Alertmanager.

They have the configurations that are shipped, and flags as docs/rules.md says. All durations are divided by
the speed, those of defaults as well.
"""

import subprocess
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.stack.paging import alertmanager_config, prometheus_config, write_rules
from tests.stack.processes import (
    Process,
    Processes,
    Prometheus,
    alertmanager_program,
    start_alertmanager,
    start_prometheus,
)

SPEED = 20
"""As fast as it can be.

Prometheus finds Alertmanagers and targets 5 s after its start at any speed: its restart takes 2 minutes here.
"""
MINUTE = 60 / SPEED  # in real seconds
START_DELAY = "--dispatch.start-delay"
TARGET = "exporter"


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What watches an exporter; `delays` says whether Alertmanager waits after its start for all alerts."""

    prometheus: Prometheus
    alertmanager: Process
    delays: bool

    def updated(self, alert: str) -> datetime | None:
        """Return when Alertmanager last got an alert that fires; None when it knows of none."""
        query = {"filter": f'alertname="{alert}"'}
        alerts: list[dict[str, Any]] = self.alertmanager.get("/api/v2/alerts", params=query).json()
        return max((datetime.fromisoformat(each["updatedAt"]) for each in alerts), default=None)


def start_monitoring(processes: Processes, exporter: str, pager: str) -> Monitoring:
    """Start Prometheus and Alertmanager, for an exporter at an address."""
    alertmanager, delays = _alertmanager(processes, pager)
    rules = write_rules(processes.folder, SPEED)
    started = start_prometheus(
        processes,
        prometheus_config(rules, {TARGET: exporter}, alertmanager, SPEED),
        f"--query.lookback-delta={_minutes(5)}",
        f"--rules.alert.for-grace-period={_minutes(10)}",
        f"--rules.alert.for-outage-tolerance={_minutes(60)}",
        f"--rules.alert.resend-delay={_minutes(5)}",
    )
    return Monitoring(started, alertmanager, delays)


def _minutes(number: float) -> str:
    return f"{round(60_000 * number / SPEED)}ms"


def _alertmanager(processes: Processes, pager: str) -> tuple[Process, bool]:
    """Start Alertmanager, and return it and whether it waits after a start, which old ones cannot."""
    flags = subprocess.run([alertmanager_program(), "--help"], capture_output=True, text=True, check=False)
    delays = START_DELAY in flags.stdout + flags.stderr
    delay = [f"{START_DELAY}={_minutes(7)}"] if delays else []
    return start_alertmanager(processes, alertmanager_config(pager, SPEED), *delay), delays
