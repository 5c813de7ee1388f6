"""A soak: the exporter over the simulated API at high speed, troubles at random, and a scrape every second.

As a program it runs for SOAK_SECONDS (an hour) with the troubles of SOAK_SEED and tells every minute what it
measured. It fails when a scrape does, when a counter falls, is ever beyond the simulator's truth or differs
from it in the end, and when memory, descriptors, threads or tasks grow.
"""

import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from exporter.catalogue.kinds import Metric
from exporter.catalogue.mailbox import COUNTERS, EVENTS
from tests.held import Held, status
from tests.samples import Samples
from tests.soak_troubles import Keys, Troubles, losing
from tests.stack.processes import Process, Processes, Simulator, free_port, start_simulator, write_config
from tests.waiting import wait_for
from tests.wobbling_api import wobbling

SPEED = 1800
MAILBOXES, WORKSPACES = 100, 5
POLL_SECONDS = 0.5
LARGEST_BYTES = 4 * 2**20
SCRAPE_SECONDS = 1.0
TOLD_SECONDS = 60.0
COMPARED_SECONDS = 5.0
PAUSE_SECONDS = 2.0
"""Between the beginnings of two troubles, on average."""
SETTLING_SECONDS = 120.0
IDLE_SECONDS = 180.0
"""Connections to the API are kept for 90 s after the last request over them."""
WARM_SHARE = 0.5
"""The part of a soak in which memory may still grow: in an hour what is remembered of numbers fills up."""
MOST_GROWTH_KIB = 6 * 1024

GAUGES = {field.column: field.metric for field in EVENTS if field.metric}
_COUNTER = re.compile(r"^(sendkit_mailbox_emails_\w+_total\{[^\n]*\}) (\S+)$", re.MULTILINE)

Figures = dict[tuple[str, str, str], float]
"""Numbers by workspace, mailbox id and API field."""


@dataclass(slots=True)
class Soak:
    """A running soak, and what it has seen."""

    simulator: Simulator
    exporter: Process
    troubles: Troubles
    client: httpx.Client
    resident_kib: list[int] = field(default_factory=list)
    scrape_seconds: list[float] = field(default_factory=list)
    true_before: Figures = field(default_factory=dict)
    counted_before: Figures = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)

    def run(self, seconds: float) -> None:
        """Scrape every second, and start scenarios in between."""
        began = trouble_at = told_at = compared_at = time.monotonic()
        for number in range(int(seconds / SCRAPE_SECONDS)):
            due = began + number * SCRAPE_SECONDS
            while (now := time.monotonic()) < due:
                time.sleep(due - now)
            self.troubles.put_keys_right()
            if now >= trouble_at:
                self.troubles.begin()
                trouble_at = now + self.troubles.chance.expovariate(1 / PAUSE_SECONDS)
            text = self.scrape()
            if now >= compared_at:
                compared_at = now + COMPARED_SECONDS
                self._compare(text)
            if now >= told_at:
                told_at = now + TOLD_SECONDS
                self.exporter.get("/").raise_for_status()
                _tell(f"{now - began:5.0f} s: {len(self.scrape_seconds)} scrapes, {Held.by(self.exporter)}")
        self.troubles.end()

    def _compare(self, text: str) -> None:
        """Assert that no counter has risen by more than what is true; a loss in between is no rise."""
        truth, counted = _truth(self.simulator), _figures(Samples(text), COUNTERS)
        rises = {series: value - self.counted_before[series] for series, value in counted.items()}
        allowed = {series: truth[series] - self.true_before[series] for series in counted}
        losing = self.losing
        beyond = {s: (rises[s], allowed[s]) for s in rises if s[0] != losing and rises[s] > allowed[s]}
        assert not beyond, f"counters are beyond what is true: {beyond}"

    @property
    def losing(self) -> str:
        """Return the label of the one workspace whose campaigns are deleted."""
        return next(str(w["name"]) for w in self.simulator.workspaces if w["id"] == losing(self.simulator))

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
        self.resident_kib.append(status(self.exporter, "VmRSS"))
        return answer.text

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


def _start_simulator(processes: Processes) -> Simulator:
    return start_simulator(
        processes, "--mailboxes", str(MAILBOXES), "--workspaces", str(WORKSPACES), "--speed", str(SPEED)
    )


def _start_exporter(processes: Processes, simulator: Simulator, url: str) -> tuple[Process, Keys]:
    """Start the exporter over an API in front of the simulated one, with keys of both kinds in files."""
    alone, other, *_ = reversed(simulator.workspaces)
    files = {name: processes.folder / f"{name}.key" for name in ("agency", "alone")}
    keys = Keys(
        {files["agency"]: simulator.platform_key, files["alone"]: alone["key"]}, ["hello", other["key"], ""]
    )
    keys.put_right()
    others = {"exclude": [re.escape(alone["name"])], "refresh": 5}
    config = {
        "api": {"base_url": url, "timeout": 1, "max_response_bytes": LARGEST_BYTES},
        "poll": {"interval": POLL_SECONDS},
        "windows": [{"name": "7d", "days": 7, "interval": 2}],
        "accounts": [
            {"name": "agency", "api_key_file": str(files["agency"]), "workspaces": others},
            {"name": alone["name"], "api_key_file": str(files["alone"])},
        ],
    }
    address = f"127.0.0.1:{free_port()}"
    config_file = str(write_config(processes, config))
    command = (sys.executable, "-m", "tests.soaked", "run", "--config.file", config_file)
    exporter = processes.start("exporter", (*command, "--web.listen-address", address))
    exporter.url = f"http://{address}"
    wait_for(lambda: exporter.answers("/-/ready"), what="the exporter has data")
    return exporter, keys


def soak(processes: Processes, seconds: float, seed: int) -> None:
    """Run a soak; raises AssertionError for whatever should not be."""
    simulator, chance = _start_simulator(processes), random.Random(seed)
    with wobbling(simulator.url, random.Random(seed)) as api:
        exporter, keys = _start_exporter(processes, simulator, api.url)
        with httpx.Client(base_url=exporter.url, timeout=10, trust_env=False) as client:
            running = Soak(simulator, exporter, Troubles(simulator, api, keys, chance), client)
            exporter.get("/").raise_for_status()
            running.true_before, running.counted_before = running.settled()
            held_before = Held.by(exporter)
            running.run(seconds)
            truth, counters = running.settled()
            wait_for(
                lambda: Held.by(exporter).is_no_more_than(held_before),
                IDLE_SECONDS,
                what=f"the exporter holds no more than {held_before}",
            )
            _judge(running, truth, counters, held_before)


def _judge(running: Soak, truth: Figures, counters: Figures, held_before: Held) -> None:
    """Say what a soak has measured, and assert what must be so in the end."""
    held, growth_kib = Held.by(running.exporter), running.growth_kib()
    _tell(
        f"{len(running.scrape_seconds)} scrapes, the slowest took {max(running.scrape_seconds):.2f} s\n"
        f"at first: {held_before}\nin the end: {held}, memory grew by {growth_kib / 1024:.1f} MiB when warm\n"
        f"troubles: {dict(sorted(running.troubles.begun.items()))}\n"
        f"answers that wobbled: {running.troubles.api.changed}"
    )
    rises = {series: counters[series] - running.counted_before[series] for series in counters}
    expected = {series: truth[series] - running.true_before[series] for series in truth}
    _tell(f"counters rose by {sum(rises.values()):.0f} in all, {len(rises)} series")
    assert rises.keys() == expected.keys()
    assert all(rises[series] >= expected[series] for series in rises)
    wrong = {s: (rises[s], expected[s]) for s in rises if s[0] != running.losing and rises[s] != expected[s]}
    assert not wrong, f"counters differ from what is true: {wrong}"
    assert sum(rises.values()) > 0
    assert running.troubles.api.changed > 0
    assert growth_kib <= MOST_GROWTH_KIB
    assert not running.exporter.lines("Traceback")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        started = Processes(Path(folder))
        try:
            soak(
                started, float(os.environ.get("SOAK_SECONDS", "3600")), int(os.environ.get("SOAK_SEED", "1"))
            )
        finally:
            started.end()  # shows the ends of the logs
