"""A soak: the exporter over the simulated API at high speed, scenarios at random, and a scrape every second.

As a program it runs for SOAK_SECONDS (an hour) with the scenarios of SOAK_SEED and tells every minute what it
measured. It fails when a scrape does, when a counter falls or differs from the simulator's truth, and when
memory, descriptors, threads or tasks grow.
"""

import os
import random
import re
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from exporter.catalogue.kinds import Metric
from exporter.catalogue.mailbox import COUNTERS, EVENTS
from tests.samples import Samples
from tests.stack.processes import Process, Processes, Simulator, free_port, start_simulator, write_config
from tests.waiting import wait_for

SPEED = 1800
MAILBOXES, WORKSPACES = 100, 5
POLL_SECONDS = 0.5
LARGEST_BYTES = 4 * 2**20
SCRAPE_SECONDS = 1.0
TOLD_SECONDS = 60.0
PAUSE_SECONDS = 2.0
"""Between the starts of two scenarios, on average."""
LONGEST_SCENARIO_SECONDS = 8.0
SETTLING_SECONDS = 120.0
WARM_SHARE = 0.5
"""The part of a soak in which memory may still grow: in an hour what is remembered of numbers fills up."""
MOST_GROWTH_KIB = 6 * 1024
SPARE = 3
"""More descriptors, threads or tasks than at first that are no leak: a connection or poll under way."""

GAUGES = {field.column: field.metric for field in EVENTS if field.metric}
_COUNTER = re.compile(r"^(sendkit_mailbox_emails_\w+_total\{[^\n]*\}) (\S+)$", re.MULTILINE)

Figures = dict[tuple[str, str, str], float]
"""Numbers by workspace, mailbox id and API field."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the exporter's process holds."""

    resident_kib: int
    descriptors: int
    threads: int
    tasks: int

    @classmethod
    def by(cls, process: Process) -> "Held":
        """Return what a process of `tests/soaked.py` holds now."""
        told = len(process.lines("tasks="))
        process.send(signal.SIGUSR1)
        wait_for(lambda: len(process.lines("tasks=")) > told, what="the exporter tells its tasks")
        tasks = int(process.lines("tasks=")[-1].rpartition("=")[2])
        descriptors = len(list(Path(f"/proc/{process.popen.pid}/fd").iterdir()))
        return cls(_status(process, "VmRSS"), descriptors, _status(process, "Threads"), tasks)

    def is_no_more_than(self, other: "Held") -> bool:
        """Tell whether nothing but memory has grown since then."""
        return (
            self.descriptors <= other.descriptors + SPARE
            and self.threads <= other.threads + SPARE
            and self.tasks <= other.tasks + SPARE
        )

    def __str__(self) -> str:
        return (
            f"{self.resident_kib / 1024:.1f} MiB resident, {self.descriptors} descriptors, "
            f"{self.threads} threads, {self.tasks} tasks"
        )


def _status(process: Process, name: str) -> int:
    """Return a number of /proc/PID/status."""
    found = re.search(
        rf"^{name}:\s*(\d+)", Path(f"/proc/{process.popen.pid}/status").read_text(), re.MULTILINE
    )
    assert found, name
    return int(found[1])


@dataclass(slots=True)
class Soak:
    """A running soak, and what it has seen."""

    simulator: Simulator
    exporter: Process
    chance: random.Random
    client: httpx.Client
    resident_kib: list[int] = field(default_factory=list)
    scrape_seconds: list[float] = field(default_factory=list)
    scenarios: Counter[str] = field(default_factory=Counter)
    counters: dict[str, float] = field(default_factory=dict)

    def run(self, seconds: float) -> None:
        """Scrape every second, and start scenarios in between."""
        began = scenario_at = told_at = time.monotonic()
        for number in range(int(seconds / SCRAPE_SECONDS)):
            due = began + number * SCRAPE_SECONDS
            while (now := time.monotonic()) < due:
                time.sleep(due - now)
            if now >= scenario_at:
                self._begin_scenario()
                scenario_at = now + self.chance.expovariate(1 / PAUSE_SECONDS)
            self.scrape()
            if now >= told_at:
                told_at = now + TOLD_SECONDS
                self.exporter.get("/").raise_for_status()
                _tell(f"{now - began:5.0f} s: {len(self.scrape_seconds)} scrapes, {Held.by(self.exporter)}")

    def scrape(self) -> str:
        """Return what a scrape gets; it must be whole, and no counter less than before."""
        began = time.monotonic()
        answer = self.client.get("/metrics", headers={"accept": "application/openmetrics-text"})
        self.scrape_seconds.append(time.monotonic() - began)
        assert answer.status_code == httpx.codes.OK
        assert answer.text.endswith("# EOF\n")
        counters = {series: float(value) for series, value in _COUNTER.findall(answer.text)}
        fallen = [series for series, value in counters.items() if value < self.counters.get(series, 0)]
        assert not fallen, f"counters fell: {fallen}"
        self.counters |= counters
        self.resident_kib.append(_status(self.exporter, "VmRSS"))
        return answer.text

    def _begin_scenario(self) -> None:
        """Start a scenario at random; now and then stop all of them instead."""
        name = self.chance.choice(list(SCENARIOS))
        self.scenarios[name] += 1
        if name == "":
            self.simulator.stop_all()
        else:
            duration = self.chance.uniform(1, LONGEST_SCENARIO_SECONDS)
            self.simulator.begin(name, duration=duration, **SCENARIOS[name](self.chance, self.simulator))

    def settled(self) -> tuple[Figures, Figures]:
        """Wait until what the exporter shows of each workspace is true; return that, and the counters.

        The simulated API's figures stand still for a second at a time.
        """
        true: Figures = {}
        counted: Figures = {}
        missing = {workspace["name"] for workspace in self.simulator.workspaces}

        def is_settled() -> bool:
            before, text, after = _truth(self.simulator), self.scrape(), _truth(self.simulator)
            samples = Samples(text)
            shown = _figures(samples, GAUGES, window="all")
            for workspace in list(missing):
                if _of(workspace, before) == _of(workspace, after) == _of(workspace, shown):
                    missing.remove(workspace)
                    true.update(_of(workspace, before))
                    counted.update(_of(workspace, _figures(samples, COUNTERS)))
            return not missing

        wait_for(is_settled, SETTLING_SECONDS, what="the exporter shows what is true")
        return true, counted

    def growth_kib(self) -> float:
        """Return by how much memory grew from the beginning to the end of the time in which it should not."""
        warm = self.resident_kib[int(len(self.resident_kib) * WARM_SHARE) :]
        part = len(warm) // 4
        return statistics.median(warm[-part:]) - statistics.median(warm[:part])


def _anywhere(chance: random.Random, simulator: Simulator) -> dict[str, object]:
    return {"workspace": chance.choice(simulator.workspaces)["id"]}


def _at_a_mailbox(chance: random.Random, simulator: Simulator) -> dict[str, object]:
    mailboxes = chance.choice(list(simulator.truth().values()))
    return {"mailbox": chance.choice(list(mailboxes))}


def _with(place: Callable[..., dict[str, object]], **parameters: object) -> Callable[..., dict[str, object]]:
    """Return a choice of a scenario's target with fixed parameters."""
    return lambda chance, simulator: {**place(chance, simulator), **parameters}


def _everywhere(_chance: random.Random, _simulator: Simulator) -> dict[str, object]:
    return {}


def _losing(simulator: Simulator) -> str:
    """Return the id of the one workspace whose campaigns are deleted."""
    return str(simulator.workspaces[0]["id"])


SCENARIOS: dict[str, Callable[[random.Random, Simulator], dict[str, Any]]] = {
    "": _everywhere,  # stops all others
    "bounce_spike": _anywhere,
    "mailbox_suspended": _at_a_mailbox,
    "sending_stalled": _anywhere,
    "campaign_deleted": lambda _, simulator: {"workspace": _losing(simulator)},
    "warmup_stopped": _at_a_mailbox,
    "api_down": _everywhere,
    "slow": _with(_anywhere, delay=2),
    "rate_limited": _with(_everywhere, retry_after=1),
    "key_revoked": _anywhere,
    "partial_answer": _anywhere,
    "malformed": _anywhere,
    "bomb": _with(_anywhere, mebibytes=16),
    "redirect": _anywhere,
}


def _truth(simulator: Simulator) -> Figures:
    """Return the all-time campaign figures that are true now."""
    names = {workspace["id"]: workspace["name"] for workspace in simulator.workspaces}
    return {
        (names[workspace], mailbox_id, field.column): float(mailbox["performance"][field.path[-1][0]])
        for workspace, mailboxes in simulator.truth().items()
        for mailbox_id, mailbox in mailboxes.items()
        for field in EVENTS
    }


def _figures(samples: Samples, metrics: Mapping[str, Metric], **labels: str) -> Figures:
    """Return the samples of campaign figures."""
    return {
        (dict(own)["workspace"], dict(own)["mailbox_id"], column): value
        for column, metric in metrics.items()
        for own, value in samples.all_of(metric.name, **labels).items()
    }


def _of(workspace: str, figures: Figures) -> Figures:
    """Return the figures of one workspace."""
    return {series: number for series, number in figures.items() if series[0] == workspace}


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a soak is run for


def _start(processes: Processes) -> tuple[Simulator, Process]:
    """Start the simulated API, and the exporter over it with keys of both kinds."""
    simulator = start_simulator(
        processes, "--mailboxes", str(MAILBOXES), "--workspaces", str(WORKSPACES), "--speed", str(SPEED)
    )
    alone = simulator.workspaces[-1]
    others = {"exclude": [re.escape(alone["name"])], "refresh": 5}
    config = {
        "api": {"base_url": simulator.url, "timeout": 1, "max_response_bytes": LARGEST_BYTES},
        "poll": {"interval": POLL_SECONDS},
        "windows": [{"name": "7d", "days": 7, "interval": 2}],
        "accounts": [
            {"name": "agency", "api_key": simulator.platform_key, "workspaces": others},
            {"name": alone["name"], "api_key": alone["key"]},
        ],
    }
    address = f"127.0.0.1:{free_port()}"
    config_file = str(write_config(processes, config))
    command = (sys.executable, "-m", "tests.soaked", "run", "--config.file", config_file)
    exporter = processes.start("exporter", (*command, "--web.listen-address", address))
    exporter.url = f"http://{address}"
    wait_for(lambda: exporter.answers("/-/ready"), what="the exporter has data")
    return simulator, exporter


def soak(processes: Processes, seconds: float, seed: int) -> None:
    """Run a soak; raises AssertionError for whatever should not be."""
    simulator, exporter = _start(processes)
    with httpx.Client(base_url=exporter.url, timeout=10, trust_env=False) as client:
        running = Soak(simulator, exporter, random.Random(seed), client)
        exporter.get("/").raise_for_status()
        truth_before, counters_before = running.settled()
        held_before = Held.by(exporter)

        running.run(seconds)

        simulator.stop_all()
        truth, counters = running.settled()
        wait_for(
            lambda: Held.by(exporter).is_no_more_than(held_before),
            what=f"the exporter holds no more than {held_before}",
        )

    held, growth_kib = Held.by(exporter), running.growth_kib()
    _tell(
        f"{len(running.scrape_seconds)} scrapes, the slowest took {max(running.scrape_seconds):.2f} s\n"
        f"at first: {held_before}\nin the end: {held}, memory grew by {growth_kib / 1024:.1f} MiB when warm\n"
        f"scenarios: {dict(sorted(running.scenarios.items()))}"
    )
    losing = next(w["name"] for w in simulator.workspaces if w["id"] == _losing(simulator))
    rises = {series: counters[series] - counters_before[series] for series in counters}
    expected = {series: truth[series] - truth_before[series] for series in truth}
    _tell(f"counters rose by {sum(rises.values()):.0f} in all, {len(rises)} series")
    assert rises.keys() == expected.keys()
    assert all(rises[series] >= expected[series] for series in rises)
    wrong = {s: (rises[s], expected[s]) for s in rises if s[0] != losing and rises[s] != expected[s]}
    assert not wrong, f"counters differ from what is true: {wrong}"
    assert sum(rises.values()) > 0
    assert growth_kib <= MOST_GROWTH_KIB
    assert not exporter.lines("Traceback")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        started = Processes(Path(folder))
        try:
            soak(
                started, float(os.environ.get("SOAK_SECONDS", "3600")), int(os.environ.get("SOAK_SEED", "1"))
            )
        finally:
            started.end()  # shows the ends of the logs
