"""A week of each kind of fleet in which nothing goes wrong, from the simulated API to what would page."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from exporter.config import Config
from exporter.exporter import Exporter
from exporter.fleet.findings import Finding
from exporter.polling import board, reader
from exporter.simulator import PROFILES, Simulation
from exporter.textformat.lines import END, Format
from tests.samples import Samples
from tests.simulated_api import SimulatedApi

MONDAY = datetime(2025, 6, 2, 6, tzinfo=UTC)
STEP = timedelta(hours=2)
STEPS = 7 * 12


@dataclass(slots=True)
class Clock:
    """The time of the simulated world, which the exporter's code takes for its own."""

    seconds: float = 0.0

    def time(self) -> float:
        return MONDAY.timestamp() + self.seconds

    def monotonic(self) -> float:
        return 1000 + self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    own = SimpleNamespace(time=clock.time, monotonic=clock.monotonic, perf_counter=time.perf_counter)
    for module in (board, reader):
        monkeypatch.setattr(module, "time", own)
    return clock


@dataclass(slots=True)
class Week:
    """What the exporter saw: polls that failed, suspect values, and what was critical, with its time."""

    failed: int = 0
    suspects: dict[str, float] = field(default_factory=dict)
    critical: list[tuple[float, str, Finding]] = field(default_factory=list)


async def passed(simulation: Simulation, clock: Clock) -> Week:
    """Let the week pass, with a poll of everything, over HTTP, at each step."""
    week = Week()
    async with SimulatedApi(simulation) as api:
        config = Config.model_validate(
            {
                "api": {"base_url": api.url},
                "accounts": [{"name": "demo", "api_key": simulation.platform_key}],
                "collectors": {"tests": {"enabled": True}},
            }
        )
        exporter = Exporter(lambda: config, {}, lambda zone: simulation.now().astimezone(zone))
        for number in range(STEPS + 1):
            clock.seconds = number * STEP.total_seconds()
            week.failed += not await exporter.poller.once({})
            week.critical += [
                (clock.time(), workspace.label, finding)
                for workspace in exporter.fleet
                for finding in workspace.judged.critical.values()
            ]
        body = exporter.store.body(Format.OPENMETRICS).ended(END[Format.OPENMETRICS])
        await exporter.stop()
    samples = Samples(b"".join(body.plain).decode()).all_of("sendkit_suspect_values_total")
    week.suspects = {dict(labels)["field"]: value for labels, value in samples.items() if value}
    assert samples
    return week


@pytest.mark.anyio
@pytest.mark.parametrize("profile", ["google", "azure", "mixed"])
async def test_a_quiet_week_has_no_suspect_value_and_nothing_critical(profile: str, clock: Clock) -> None:
    """The page is critical no later than an alert: what it shows in such a week is all that could page."""
    assert profile in PROFILES
    simulation = Simulation(120, workspaces=2, profile=profile, start=MONDAY, clock=lambda: clock.seconds)
    week = await passed(simulation, clock)
    assert (week.failed, week.suspects, week.critical) == (0, {}, [])
