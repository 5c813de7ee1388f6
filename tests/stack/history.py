"""Days of a fleet's past in a Prometheus: the simulated API, the exporter's own code, the shipped rules.

The exporter's code reads the simulated API every five minutes of the past; what it would have exposed is written
into the TSDB, and then, level by level, what the shipped rules would have recorded and fired.
"""

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from exporter import metrics
from exporter.config import Thresholds
from exporter.exposition import Format
from exporter.fleet import Fleet, Instant, Poll, Tracked, Workspace
from exporter.metrics import ALL_TIME
from exporter.model import Reason
from exporter.reading import Reader, Reading
from exporter.rendering import Disclosure, render_workspace
from exporter.simulator import ScenarioRequest, Simulation
from exporter.store import Store
from exporter.telemetry import Telemetry
from tests.stack.prometheus import Prometheus

ROOT = Path(__file__).parents[2]
RULES = ROOT / "prometheus/rules"
STEP_SECONDS = 300
DAY_SECONDS = 86_400
POLL_INTERVAL_SECONDS = 60.0
TARGET = 'instance="exporter:19587",job="sendkit-exporter"'

GAUGES_DAYS, COUNTERS_DAYS = 8, 15
COUNTERS = frozenset(metric.name for metric in metrics.MAILBOX_COUNTERS.values())
UNUSED = re.compile(
    r"# |python_|sendkit_mailbox_("
    r"bounce_ratio|lifetime|emails_(clicked|opened)|campaign_(?!bounced|(open|reply|bounce)_ratio))"
)
"""What no rule and no dashboard reads, left out because it would be half of the samples."""

KEPT_DAYS = {"mailbox": 8}
"""For how long the rules' series are recorded, by their level; the others for as long as the counters."""

Samples = list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that goes wrong so many seconds before the history's end."""

    seconds_before: float
    request: ScenarioRequest


@dataclass(slots=True)
class Story:
    """What happens: a fleet, scenarios, and when polls fail (seconds before the end: reason)."""

    mailboxes: int = 30
    workspaces: int = 2
    events: tuple[Event, ...] = (
        Event(6 * 3600, ScenarioRequest("bounce_spike", {"ratio": 0.22})),
        Event(3 * 3600, ScenarioRequest("mailbox_suspended", {})),
        Event(30 * 3600, ScenarioRequest("warmup_stopped", {})),
    )
    failures: Mapping[range, Reason] = field(
        default_factory=lambda: {
            range(7200, 9000): Reason.RATE_LIMITED,
            range(1200, 1800): Reason.TIMEOUT,
        }
    )


class Past:
    """The exporter over the simulated API, at any moment of the past, one after another."""

    def __init__(self, story: Story, end: int) -> None:
        self._story, self._end = story, end
        self._start = end - COUNTERS_DAYS * DAY_SECONDS
        self._now = self._start
        self._simulation = Simulation(
            story.mailboxes,
            workspaces=story.workspaces,
            start=datetime.fromtimestamp(self._start, UTC),
            clock=lambda: float(self._now),
        )
        self._waiting = sorted(story.events, key=lambda event: -event.seconds_before)
        self._fleet, self._store, self._telemetry = Fleet(), Store(), Telemetry()
        self._reader = Reader(Disclosure(lambda email: email))
        self._readings: dict[str, Reading] = {}
        self._telemetry.reload_successful.set(1)
        self._telemetry.reload_timestamp.set(self._start)
        for each in self._simulation.workspaces:
            self._fleet.track(
                Workspace("agency", each.id, each.name, each.name),
                Thresholds().model_dump(),
                [Poll(ALL_TIME, POLL_INTERVAL_SECONDS, 900.0)],
            )

    def expositions(self) -> Iterator[tuple[int, str]]:
        """Yield each moment with what a scrape would have got."""
        for self._now in range(self._start, self._end + 1, STEP_SECONDS):
            while self._waiting and self._end - self._waiting[0].seconds_before <= self._now:
                self._simulation.start(self._waiting.pop(0).request)
            for tracked, workspace in zip(self._fleet, self._simulation.workspaces, strict=True):
                self._poll(tracked, self._simulation.answer(workspace).plain)
            self._telemetry.series.set(self._store.series())
            own = self._telemetry.text(Format.TEXT).decode()
            body = b"".join(self._store.body(Format.TEXT).plain).decode()
            yield self._now, own + body

    def _poll(self, tracked: Tracked, body: bytes) -> None:
        moment = Instant(self._now, self._now)
        poll, key = tracked.all_time, tracked.workspace.key
        label = tracked.workspace.label
        reason = self._failure()
        if reason:
            poll.failed(reason, reason, moment, 30.0)
            self._telemetry.api_requests.labels("429" if reason is Reason.RATE_LIMITED else "error").inc(15)
            self._telemetry.api_retries.inc(10)
            self._store.put(key, label, render_workspace(tracked, stale=poll.is_stale(moment)), {})
            return
        reading = self._reader.read(body, label, ALL_TIME, tracked.totals, self._readings.get(label))
        self._readings[label] = reading
        tracked.totals = reading.totals
        poll.succeeded(reading.answer, moment, 0.4 + self._now // STEP_SECONDS % 7 / 20)
        poll.polls += 4  # one for each minute
        self._telemetry.api_requests.labels("200").inc(5)
        self._telemetry.render_duration.set(reading.seconds)
        self._store.put(key, label, render_workspace(tracked, stale=False), {ALL_TIME: reading.part})

    def _failure(self) -> Reason | None:
        before = self._end - self._now
        return next((reason for times, reason in self._story.failures.items() if before in times), None)


def seed(directory: Path, story: Story, end: int) -> None:
    """Write the past up to `end` (Unix seconds, a multiple of the step) into a new TSDB in `directory`."""
    _import(directory, _scraped(Past(story, end).expositions(), end))
    recorded: set[str] = set()
    for level in levels():
        with Prometheus(directory) as server:
            texts = [
                series
                for rule in level
                for series in (_alerts if "alert" in rule else _records)(server, rule, end)
            ]
        _import(directory, texts)
        recorded.update(rule.get("record", "") for rule in level)


def _scraped(expositions: Iterable[tuple[int, str]], end: int) -> Iterator[str]:
    """Yield the lines of the expositions with their target and time."""
    gauges_since = end - GAUGES_DAYS * DAY_SECONDS
    for now, text in expositions:
        for line in text.splitlines():
            if UNUSED.match(line):
                continue
            name, brace, rest = line.partition("{") if "{" in line else line.partition(" ")
            if now < gauges_since and name not in COUNTERS:
                continue
            labels = f"{TARGET},{rest}" if brace == "{" and rest[0] != "}" else f"{TARGET}}} {rest.lstrip('} ')}"
            yield f"{name}{{{labels} {now}"
        yield f"up{{{TARGET}}} 1 {now}"
        yield f"scrape_duration_seconds{{{TARGET}}} 0.012 {now}"


def levels() -> list[list[dict[str, Any]]]:
    """Return the shipped rules so that each stands on a level above those that it reads; alerts come last."""
    rules = [
        rule
        for path in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]
    names = {rule["record"] for rule in rules if "record" in rule}
    waiting = [rule for rule in rules if "record" in rule]
    ordered: list[list[dict[str, Any]]] = []
    while waiting:
        missing = {rule["record"] for rule in waiting}
        ready = [rule for rule in waiting if not _read_by(rule) & names & missing]
        assert ready, "recording rules read each other in a circle"
        ordered.append(ready)
        waiting = [rule for rule in waiting if rule not in ready]
    return [*ordered, [rule for rule in rules if "alert" in rule]]


def _read_by(rule: Mapping[str, Any]) -> set[str]:
    return set(re.findall(r"[a-z_]+:[a-z0-9_]+(?::[a-z0-9_]+)?", rule["expr"]))


def _records(server: Prometheus, rule: Mapping[str, Any], end: int) -> Iterator[str]:
    days = KEPT_DAYS.get(rule["record"].partition(":")[0], COUNTERS_DAYS)
    if rule["record"].endswith("increase1h"):
        days = COUNTERS_DAYS
    for labels, samples in server.query_range(rule["expr"], end - days * DAY_SECONDS, end, STEP_SECONDS):
        yield from _lines(rule["record"], {**labels, **rule.get("labels", {})}, samples)


def _alerts(server: Prometheus, rule: Mapping[str, Any], end: int) -> Iterator[str]:
    """Yield when the alert fired, and since when; annotations are not evaluated."""
    patience = _seconds(rule.get("for", "0s"))
    for labels, samples in server.query_range(rule["expr"], end - 2 * DAY_SECONDS, end, STEP_SECONDS):
        own = {"alertname": rule["alert"], **labels, **rule["labels"]}
        own.pop("__name__", None)
        firing: Samples = []
        since: Samples = []
        began = last = 0
        for moment, _ in samples:
            began = moment if moment - last > STEP_SECONDS else began
            last = moment
            since.append((moment, str(began)))
            if moment - began >= patience:
                firing.append((moment, "1"))
        yield from _lines("ALERTS_FOR_STATE", own, since)
        yield from _lines("ALERTS", {**own, "alertstate": "firing"}, firing)


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def _lines(name: str, labels: Mapping[str, str], samples: Samples) -> Iterator[str]:
    inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()) if key != "__name__")
    for moment, value in samples:
        yield f"{name}{{{inside}}} {value} {moment}"


def _import(directory: Path, lines: Iterable[str]) -> None:
    text = directory / "import.txt"
    with text.open("w") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.write("# EOF\n")
    subprocess.run(
        [
            *("promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet"),
            *("--max-block-duration=480h", str(text), str(directory / "tsdb")),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    text.unlink()
