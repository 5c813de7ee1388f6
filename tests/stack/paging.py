"""The whole way from simulated APIs to a pager's webhook, at one speed.

Simulated APIs, exporters, a real Prometheus with the shipped rules, and a real Alertmanager; both with the
configurations that are shipped. What differs: addresses, and every duration (`faster`). The exporters'
intervals are at the same speed, and the days before are written into the TSDB first (`days_before`).
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.collectors import OFF
from tests.stack.days_before import COUNTED, DAY_SECONDS, Past, write_blocks
from tests.stack.faster import faster
from tests.stack.processes import Process, Processes, Simulator, run_simulator, start_exporter
from tests.stack.prometheus_servers import Prometheus, start_alertmanager, start_prometheus
from tests.waiting import wait_for
from tests.yaml_files import from_yaml

SHIPPED = Path(__file__).parents[2] / "prometheus"
SIMULATOR_AT = Path(__file__).with_name("simulator_at.py")
SPEED = 60
HOUR = 3600 / SPEED  # in real seconds
PATIENCE = 150.0  # of waits on a busy machine, in real seconds

LOOKBACK = "--query.lookback-delta=15s"
"""How old a value may be for Prometheus: 15 minutes at this speed instead of the 5 that are the default.

An evaluation that a busy machine does a second late is a minute late here. What has ended is gone at once all
the same, since Prometheus marks the end of a series.
"""


PACE = {
    "up": 2.0,
    "workspace:sendkit_poll_interval:seconds": 1.5,
    "workspace:sendkit_emails_sent:increase1d": 6.0,
}
"""How far apart two samples may be, in real seconds, so that no rule can take it for something that happened.

The shortest range in a rule is 2 s long at this speed, and the two groups are evaluated every 1 s and 4 s.
"""


@contextmanager
def ahead_of_others() -> Iterator[None]:
    """Run before other processes, and let what is started do so, where the system allows that.

    Other tests run at the same time, and a second in which this waits for a processor is a minute here.
    """
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, priority - 10)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, priority)


@dataclass(frozen=True, slots=True)
class Fleet:
    """A simulated API at its own time of the week, and the exporter that polls it.

    `workspaces` are the names they have for the exporter, in the simulator's order.
    """

    name: str
    past: Past
    workspaces: tuple[str, ...]
    include: tuple[str, ...] = (".*@.*acme.*", ".*@get.*")
    collectors: Mapping[str, Any] = field(default_factory=lambda: OFF, hash=False)

    def start_simulator(self, processes: Processes) -> Simulator:
        """Start the simulated API."""
        size = (str(self.past.mailboxes), str(self.past.workspaces), str(SPEED))
        command = (sys.executable, str(SIMULATOR_AT), self.past.start.isoformat(), *size)
        return run_simulator(processes, command)

    def start_exporter(self, processes: Processes, simulator: Simulator) -> Process:
        """Start the exporter, with a poll every 2 minutes.

        It tries each poll once, as the pauses between attempts know nothing of the speed. By `include` it
        keeps one domain of most workspaces: a scrape has half a second here, on a machine that may have more
        to do.
        """
        keys = (workspace["key"] for workspace in simulator.workspaces)
        config = {
            "api": {"base_url": simulator.url, "max_attempts": 1},
            "poll": {"interval": HOUR / 30, "stale_after": HOUR / 4},
            "accounts": [
                {"name": name, "api_key": key} for name, key in zip(self.workspaces, keys, strict=True)
            ],
            "windows": [],
            "mailboxes": {"include": [*self.include]},
            "collectors": dict(self.collectors),
        }
        return start_exporter(processes, config)

    def days_before(self, now: float) -> Iterator[str]:
        """Yield the samples of the days until `now`, in Unix seconds."""
        yield from self.past.counters(self.name, self.workspaces, now, SPEED)
        yield from self.past.hours(self.workspaces, now, SPEED)

    def within_a_day(self, simulator: Simulator, domain: str) -> dict[str, int]:
        """Return how many mails of a domain have really been `sent` and `bounced` within the last 24 h."""
        now = datetime.fromisoformat(simulator.process.get("/simulator").json()["now"])
        day_ago = self.past.performance((now - self.past.start).total_seconds() - DAY_SECONDS)
        mailboxes = [each for workspace in simulator.truth().values() for each in workspace.values()]
        after = [each["performance"] for each in mailboxes if each["email"].endswith(f"@{domain}")]
        before = [counts for (_, of, _), counts in day_ago.items() if of == domain]
        return {
            word: sum(counts[word] for counts in after) - sum(counts[word] for counts in before)
            for word in COUNTED
        }


@dataclass(frozen=True, slots=True)
class Paging:
    """What decides who gets which message, and since when (Unix seconds) it has known every workspace."""

    prometheus: Prometheus
    alertmanager: Process
    since: float

    def active(self, severity: str) -> set[tuple[str, str]]:
        """Return the workspaces and names of the alerts of a severity that fire and are not inhibited."""
        wanted = {"filter": f'severity="{severity}"', "active": True, "inhibited": False}
        alerts = self.alertmanager.get("/api/v2/alerts", params=wanted).raise_for_status().json()
        return {(alert["labels"].get("workspace", ""), alert["labels"]["alertname"]) for alert in alerts}

    def kept_pace(self) -> bool:
        """Whether the machine kept pace: no scrape or evaluation was missing for longer than `PACE`."""
        seconds = int(time.time() - self.since)
        return all(
            later - earlier < longest
            for name, longest in PACE.items()
            for series in self.prometheus.query(f"{name}[{seconds}s]")
            for earlier, later in pairwise(at for at, value in series["values"] if value != "0")
        )


def start_paging(processes: Processes, pager: str, simulators: Mapping[Fleet, Simulator]) -> Paging:
    """Start everything behind the simulated APIs, and wait until every workspace is watched and well.

    `pager` is the URL in whose paths /page and /ticket Alertmanager tells what it has to tell.
    """
    now = time.time()
    exporters = {
        fleet.name: fleet.start_exporter(processes, simulator) for fleet, simulator in simulators.items()
    }
    past = chain.from_iterable(fleet.days_before(now) for fleet in simulators)
    write_blocks(processes.folder / "prometheus", past)
    alertmanager = start_alertmanager(processes, alertmanager_config(pager))
    addresses = {name: exporter.address for name, exporter in exporters.items()}
    config = prometheus_config(write_rules(processes.folder), addresses, alertmanager)
    prometheus = start_prometheus(processes, config, LOOKBACK)
    workspaces = {name for fleet in simulators for name in fleet.workspaces}
    wait_for(lambda: watched(prometheus) >= workspaces, PATIENCE, what="every workspace is watched")
    wait_for(lambda: not prometheus.alerts(), PATIENCE, what="all is well at first")
    return Paging(prometheus, alertmanager, time.time())


def watched(prometheus: Prometheus) -> set[str]:
    """Return the workspaces of which the rules know a day's sends, and how old their figures are."""
    names = ("workspace:sendkit_emails_sent:increase1d", "workspace:sendkit_last_success:timestamp_seconds")
    return set.intersection(
        *({series["metric"]["workspace"] for series in prometheus.query(name)} for name in names)
    )


def shipped(name: str, speed: int = SPEED) -> Any:  # noqa: ANN401 - as YAML gives it
    """Return a shipped YAML file at a speed."""
    return faster(from_yaml((SHIPPED / name).read_text()), speed)


def write_rules(folder: Path, speed: int = SPEED, kind: str = "rules") -> str:
    """Write the shipped rules, or those of `vmalert`, and return the pattern of their files."""
    (folder / kind).mkdir()
    for path in (*(SHIPPED / kind).glob("*.yml"), SHIPPED / "tests/links.yml"):
        rules = shipped(str(path.relative_to(SHIPPED)), speed)
        (folder / kind / path.name).write_text(yaml.safe_dump(rules, allow_unicode=True))
    return str(folder / kind / "*.yml")


def alertmanager_config(pager: str, speed: int = SPEED) -> dict[str, Any]:
    """Return the shipped configuration of Alertmanager, with the paths of its receivers at the pager."""
    config: dict[str, Any] = shipped("alertmanager.example.yml", speed)
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", ()):
            hook["url"] = pager + urlsplit(hook["url"]).path
    return config


def prometheus_config(
    rules: str, exporters: Mapping[str, str], alertmanager: Process, speed: int = SPEED
) -> dict[str, Any]:
    """Return the shipped configuration of Prometheus, with these rules and addresses (exporters' by name)."""
    config: dict[str, Any] = shipped("prometheus.example.yml", speed)
    config["rule_files"] = [rules]
    [manager] = config["alerting"]["alertmanagers"]
    manager["static_configs"] = [{"targets": [alertmanager.address]}]
    [job] = config["scrape_configs"]
    job["static_configs"] = [
        {"targets": [address], "labels": {"instance": name}} for name, address in exporters.items()
    ]
    return config
