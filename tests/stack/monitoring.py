"""What watches an exporter and pages, faster than real time: Prometheus, or VictoriaMetrics and vmalert.

Each has the configurations that are shipped, and flags as docs/rules.md says. All durations are divided by
the speed, those of defaults as well.
"""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import yaml

from tests.servers import alertmanager_program
from tests.stack.paging import alertmanager_config, prometheus_config, write_rules
from tests.stack.processes import Process, Processes, free_port
from tests.stack.prometheus_servers import Prometheus, start_alertmanager, start_prometheus

SPEED = 20
"""As fast as it can be.

Prometheus finds Alertmanagers and targets 5 s after its start at any speed: its restart takes 2 minutes here.
VictoriaMetrics hides the last second at least (30 in real time), and vmalert asks for whole seconds.
"""
MINUTE = 60 / SPEED  # in real seconds
FLUSH_SECONDS = 0.05
START_DELAY = "--dispatch.start-delay"
TARGET = "exporter"


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What watches an exporter; `queries` answers as Prometheus does.

    `servers` are those that watch. `delays` says whether Alertmanager waits after its start for all alerts.
    """

    queries: Prometheus
    servers: tuple[Process, ...]
    alertmanager: Process
    delays: bool

    def updated(self, alert: str) -> datetime | None:
        """Return when Alertmanager last got an alert that fires; None when it knows of none."""
        query = {"filter": f'alertname="{alert}"'}
        alerts: list[dict[str, Any]] = self.alertmanager.get("/api/v2/alerts", params=query).json()
        return max((datetime.fromisoformat(each["updatedAt"]) for each in alerts), default=None)


@contextmanager
def prometheus(processes: Processes, exporter: str, pager: str) -> Iterator[Monitoring]:
    """Run Prometheus and Alertmanager, for an exporter at an address."""
    alertmanager, delays = _alertmanager(processes, pager)
    started = start_prometheus(
        processes,
        prometheus_config(write_rules(processes.folder, SPEED), {TARGET: exporter}, alertmanager, SPEED),
        f"--query.lookback-delta={_minutes(5)}",
        f"--rules.alert.for-grace-period={_minutes(10)}",
        f"--rules.alert.for-outage-tolerance={_minutes(60)}",
        f"--rules.alert.resend-delay={_minutes(5)}",
    )
    yield Monitoring(started, (started.process,), alertmanager, delays)


@contextmanager
def victoriametrics(processes: Processes, exporter: str, pager: str) -> Iterator[Monitoring]:
    """Run vmagent, VictoriaMetrics, vmalert and Alertmanager, for an exporter at an address.

    vmalert evaluates each link of a chain 38 s after the one before, and VictoriaMetrics does not show the
    last 30: both are as many times shorter, so that what is written and read has the order of real time. One
    thing knows no flag: VictoriaMetrics shows what it got only a second or two later. In real time that is
    far below 30 s; here it is asked to do so at once, again and again.
    """
    alertmanager, delays = _alertmanager(processes, pager)
    storage = _start(
        processes,
        "victoria-metrics",
        f"-storageDataPath={processes.folder / 'victoria-metrics'}",
        f"-search.latencyOffset={_minutes(0.5)}",
    )
    scrapes = processes.folder / "prometheus.yml"
    config = prometheus_config("rules/*.yml", {TARGET: exporter}, alertmanager, SPEED)
    scrapes.write_text(yaml.safe_dump(config))
    flush = f"-remoteWrite.flushInterval={_minutes(1 / 30)}"
    agent = _start(
        processes,
        "vmagent",
        f"-promscrape.config={scrapes}",
        "-promscrape.config.strictParse=false",
        f"-remoteWrite.url={storage.url}/api/v1/write",
        f"-remoteWrite.tmpDataPath={processes.folder / 'vmagent'}",
        flush,
    )
    alerting = _start(
        processes,
        "vmalert",
        f"-rule={write_rules(processes.folder, SPEED, 'vmalert')}",
        "-disableAlertgroupLabel",
        *(f"-{use}.url={storage.url}" for use in ("datasource", "remoteRead", "remoteWrite")),
        f"-datasource.queryStep={_minutes(5)}",
        f"-remoteRead.lookback={_minutes(60)}",
        f"-notifier.url={alertmanager.url}",
        flush,
    )
    with _shown_at_once(storage):
        yield Monitoring(Prometheus(storage), (storage, alerting, agent), alertmanager, delays)


def _start(processes: Processes, program: str, *flags: str) -> Process:
    """Start one of the servers of VictoriaMetrics on a free port."""
    address = f"127.0.0.1:{free_port()}"
    command = (program, f"-httpListenAddr={address}", "-loggerLevel=WARN", *flags)
    return processes.serve(program, command, address)


@contextmanager
def _shown_at_once(storage: Process) -> Iterator[None]:
    """Let VictoriaMetrics show at once what it got, while the context lasts."""
    over = threading.Event()

    def flush() -> None:
        with httpx.Client(base_url=storage.url, trust_env=False) as client:
            while not over.wait(FLUSH_SECONDS):
                with suppress(httpx.TransportError):  # it restarts
                    client.get("/internal/force_flush")

    thread = threading.Thread(target=flush, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _minutes(number: float) -> str:
    return f"{round(60_000 * number / SPEED)}ms"


def _alertmanager(processes: Processes, pager: str) -> tuple[Process, bool]:
    """Start Alertmanager, and return it and whether it waits after a start, which old ones cannot."""
    flags = subprocess.run([alertmanager_program(), "--help"], capture_output=True, text=True, check=False)
    delays = START_DELAY in flags.stdout + flags.stderr
    delay = [f"{START_DELAY}={_minutes(7)}"] if delays else []
    return start_alertmanager(processes, alertmanager_config(pager, SPEED), *delay), delays
