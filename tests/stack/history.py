"""Days of a fleet's past in a Prometheus: the simulated API, the exporter's own code, the shipped rules.

The exporter's code reads the simulated API every five minutes of the past; what it would have exposed is
written into the TSDB, and then, level by level, what the shipped rules would have recorded and fired.
"""

import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from exporter.catalogue import mailbox
from exporter.catalogue.workspace import Reason
from exporter.config import Thresholds
from exporter.exposition.rendering import Disclosure
from exporter.exposition.telemetry import Telemetry
from exporter.exposition.workspace_samples import render_workspace
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.workspace import Fleet, Workspace
from exporter.polling.reader import Reader
from exporter.sendkit.feeds import analytics
from exporter.simulator import ScenarioRequest, Simulation
from exporter.simulator.fleet import Workspace as Simulated
from exporter.simulator.windows import Window
from exporter.textformat.lines import Format
from tests.stack.collected import Collected
from tests.stack.processes import Process, Processes
from tests.stack.prometheus_servers import start_prometheus
from tests.stack.queries import Queries, Samples
from tests.yaml_files import from_yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "prometheus/rules"
STEP_SECONDS = 300
DAY_SECONDS = 86_400
POLL_INTERVAL_SECONDS = 60.0
POLLS_PER_STEP = 5
WEEK, WEEK_DAYS = "7d", 7
"""The window of the shipped configuration."""
TARGET = b'instance="exporter:19587",job="sendkit-exporter"'

COUNTERS_DAYS, SENT_TODAY_DAYS, GAUGES_DAYS = 15, 10, 3
"""How far back: replies of a week against the week before, sends against a week ago, and the rest."""

RECORDED_DAYS = {"mailbox": 3}
"""For how long the rules' series are recorded, by their level; the others for as long as the counters."""

COUNTERS = frozenset(metric.name for metric in mailbox.COUNTERS.values())
UNUSED = re.compile(
    r"sendkit_mailbox_("
    r"bounce_ratio|lifetime|emails_(clicked|opened)|"
    r"campaign_(?!bounced|sent|(open|reply|bounce)_ratio))"
)
"""What no rule and no dashboard reads."""

KEPT_LONGER = {"sendkit_mailbox_sent_today"}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that goes wrong so many seconds before the history's end."""

    seconds_before: float
    request: ScenarioRequest


@dataclass(slots=True)
class Story:
    """What happens: a fleet, scenarios, and when polls fail (seconds before the end: reason).

    With `collectors` all of them are on, and are asked every hour.
    """

    mailboxes: int = 30
    workspaces: int = 2
    profile: str = "own_servers"
    collectors: bool = False
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
            profile=story.profile,
            start=datetime.fromtimestamp(self._start, UTC),
            clock=lambda: float(self._now),
        )
        self._waiting = sorted(story.events, key=lambda event: -event.seconds_before)
        self._fleet, self._telemetry = Fleet(), Telemetry()
        self._reader = Reader(Disclosure(lambda email: email))
        self._telemetry.reload_successful.set(1)
        self._telemetry.reload_timestamp.set(self._start)
        self._collected = Collected(self._simulation, self._reader) if story.collectors else None
        for each in self._simulation.workspaces:
            workspace = Workspace(Key(each.id), "agency", each.name, each.name, Thresholds().model_dump())
            collectors = self._collected.polls() if self._collected else ()
            week = analytics.window(WEEK, WEEK_DAYS, 3600.0)
            polls = [Poll(analytics.all_time(POLL_INTERVAL_SECONDS), 900.0), Poll(week, 2 * 3600.0)]
            workspace.keep_polls([*polls, *collectors])
            self._fleet.add(workspace)

    def scrapes(self) -> Iterator[bytes]:
        """Yield what a scrape would have got at each moment, with the target's labels and the time."""
        for now in range(self._start, self._end + 1, STEP_SECONDS):
            self._now = now
            while self._waiting and self._end - self._waiting[0].seconds_before <= self._now:
                self._simulation.start(self._waiting.pop(0).request)
            for workspace, simulated in zip(self._fleet, self._simulation.workspaces, strict=True):
                yield from self._poll(workspace, simulated)
            if self._is_within(GAUGES_DAYS):
                own = self._telemetry.text(Format.TEXT)
                samples = [
                    line for line in own.splitlines(keepends=True) if not line.startswith((b"#", b"python"))
                ]
                yield b"".join(self._stamped(line) for line in samples)
                yield self._stamped(b"up 1\n") + self._stamped(b"scrape_duration_seconds 0.012\n")

    def _is_within(self, days: int) -> bool:
        return self._now >= self._end - days * DAY_SECONDS

    def _stamped(self, lines: bytes) -> bytes:
        """Return the samples of one family with the target's labels and the time."""
        name = re.match(rb"[a-z_]+", lines)
        assert name
        bare = lines.replace(b"{} ", b" ") if b"{}" in lines else lines
        if b"{" in bare:
            bare = bare.replace(name[0] + b"{", name[0] + b"{" + TARGET + b",")
        else:
            bare = bare.replace(b" ", b"{" + TARGET + b"} ")
        return bare.replace(b"\n", b" %d\n" % self._now)

    def _poll(self, workspace: Workspace, simulated: Simulated) -> Iterator[bytes]:
        body = self._simulation.answer(simulated).plain
        moment = Instant(self._now, self._now)
        poll = workspace.all_time
        if reason := self._failure():
            poll.failed(reason, reason, moment, 30.0)
            self._telemetry.api_requests.labels("429" if reason is Reason.RATE_LIMITED else "error").inc(15)
            self._telemetry.api_retries.inc(10)
        else:
            began = time.perf_counter()
            reading, workspace.totals = self._reader.read(workspace, poll, body)
            self._telemetry.render_duration.set(time.perf_counter() - began)
            poll.succeeded(reading, moment, 0.4 + self._now // STEP_SECONDS % 7 / 20)
            poll.polls += POLLS_PER_STEP - 1
            self._telemetry.api_requests.labels("200").inc(POLLS_PER_STEP)
        if self._now % 3600 == 0 and self._is_within(GAUGES_DAYS):
            self._poll_week(workspace, simulated, moment)
        if self._collected and self._now % 3600 == 0 and self._is_within(GAUGES_DAYS):
            self._collected.refresh(workspace, moment)
        stale = poll.is_stale(moment)
        pieces = [] if stale else [piece for part in workspace.parts() for piece in part.pieces.items()]
        if self._is_within(GAUGES_DAYS):
            pieces += render_workspace(workspace, stale=stale).items()
            self._telemetry.series.set(sum(piece.samples for _, piece in pieces))
        for name, piece in pieces:
            if self._is_kept(name) and piece.samples:
                yield self._stamped(b"".join(piece.chunks))

    def _poll_week(self, workspace: Workspace, simulated: Simulated, moment: Instant) -> None:
        """Take in the window of the last days."""
        poll, today = workspace.polls[WEEK], datetime.fromtimestamp(self._now, UTC).date()
        days = Window.of_days(today - timedelta(days=WEEK_DAYS - 1), today)
        reading, _ = self._reader.read(workspace, poll, self._simulation.answer(simulated, days).plain)
        poll.succeeded(reading, moment, 0.4)

    def _is_kept(self, family: str) -> bool:
        if family in COUNTERS:
            return not UNUSED.match(family)
        days = SENT_TODAY_DAYS if family in KEPT_LONGER else GAUGES_DAYS
        return self._is_within(days) and not UNUSED.match(family)

    def _failure(self) -> Reason | None:
        before = self._end - self._now
        return next((reason for times, reason in self._story.failures.items() if before in times), None)


def seed(processes: Processes, story: Story, end: int) -> Process:
    """Return a Prometheus that knows the past up to `end` (Unix seconds, a multiple of the step)."""
    load(processes, Past(story, end).scrapes())
    for level in levels():
        server = start(processes)
        texts = [
            text
            for rule in level
            for text in (_alerts if "alert" in rule else _records)(Queries(server.url), rule, end)
        ]
        server.end()
        load(processes, texts)
    return start(processes)


def start(processes: Processes) -> Process:
    """Start a Prometheus that scrapes and evaluates nothing, over what was imported."""
    return start_prometheus(processes, {}, "--storage.tsdb.retention.time=10y").process


def levels() -> list[list[dict[str, Any]]]:
    """Return the shipped rules so that each is on a level above those that it reads; alerts come last.

    A state that reads its own past, or that of another one, has none here.
    """
    rules = [
        {**rule, "step": max(STEP_SECONDS, _seconds(group["interval"]))}
        for path in sorted(RULES.glob("*.yml"))
        for group in from_yaml(path.read_text())["groups"]
        for rule in group["rules"]
    ]
    names = {rule["record"] for rule in rules if "record" in rule}
    waiting = [rule for rule in rules if "record" in rule]
    ordered: list[list[dict[str, Any]]] = []
    while waiting:
        missing = {rule["record"] for rule in waiting}
        ready = [rule for rule in waiting if not (_read_by(rule) - {rule["record"]}) & names & missing]
        assert ready, "recording rules read each other in a circle"
        ordered.append(ready)
        waiting = [rule for rule in waiting if rule not in ready]
    return [*ordered, [rule for rule in rules if "alert" in rule]]


def _read_by(rule: Mapping[str, Any]) -> set[str]:
    """Return what a rule reads, but not what it reads of an evaluation before."""
    now = re.sub(r"(last|max)_over_time\([^()]*\] offset 1m\)", "", rule["expr"])
    return set(re.findall(r"[a-z_]+:[a-z0-9_]+(?::[a-z0-9_]+)?", now))


def _records(server: Queries, rule: Mapping[str, Any], end: int) -> Iterator[bytes]:
    days = RECORDED_DAYS.get(rule["record"].partition(":")[0], COUNTERS_DAYS)
    if rule["record"].endswith(("increase1h", "increase1d", "increase7d")):  # of which weeks are made
        days = COUNTERS_DAYS
    for labels, samples in server.span(rule["expr"], end - days * DAY_SECONDS, end, rule["step"]):
        yield from _lines(rule["record"], {**labels, **rule.get("labels", {})}, samples)


def _alerts(server: Queries, rule: Mapping[str, Any], end: int) -> Iterator[bytes]:
    """Yield when the alert fired, and since when; annotations are not evaluated."""
    patience = _seconds(rule.get("for", "0s"))
    for labels, samples in server.span(rule["expr"], end - 2 * DAY_SECONDS, end, STEP_SECONDS):
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


def _lines(name: str, labels: Mapping[str, str], samples: Samples) -> Iterator[bytes]:
    inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()) if key != "__name__")
    head = f"{name}{{{inside}}}"
    yield "".join(f"{head} {value} {moment}\n" for moment, value in samples).encode()


def load(processes: Processes, texts: Iterable[bytes]) -> None:
    """Write samples with their times into the TSDB."""
    file = processes.folder / "import.txt"
    with file.open("wb") as lines:
        lines.writelines(texts)
        lines.write(b"# EOF\n")
    subprocess.run(
        [
            *("promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet"),
            *("--max-block-duration=480h", str(file), str(processes.folder / "prometheus")),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    file.unlink()
