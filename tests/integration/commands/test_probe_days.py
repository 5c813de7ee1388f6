"""`check --probe` compares single days with a range that holds them, over the simulated API."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.simulator import Simulation
from tests.collectors import OFF
from tests.commands import Outcome, config_file, run
from tests.simulated_api import SimulatedApi
from tests.world import NOON

pytestmark = pytest.mark.anyio


def today_at_noon() -> datetime:
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


async def probed(
    folder: Path, scenario: str = "", *, start: datetime | None = None, zone: str = "UTC"
) -> Outcome:
    simulation = Simulation(60, workspaces=1, start=start or today_at_noon(), clock=lambda: 0.0)
    api = SimulatedApi(simulation)
    if scenario:
        api.start(scenario)
    async with api:
        path = config_file(
            folder,
            api={"base_url": api.url},
            timezone=zone,
            collectors=OFF,
            accounts=[{"name": "acme", "api_key": simulation.workspaces[0].key}],
        )
        return await asyncio.to_thread(run, "check", "--probe", "--config.file", path)


def about_days(outcome: Outcome) -> str:
    """Return the one line about days, without its place."""
    [line] = [line for line in outcome.out.splitlines() if ": days: " in line]
    return line.partition(": days: ")[2]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
async def test_two_days_add_up_to_the_range_of_both(tmp_path: Path, zone: str) -> None:
    outcome = await probed(tmp_path, zone=zone)
    assert outcome.code == 0, outcome.out
    assert about_days(outcome).endswith("the API leaves no bound of a range out")


async def test_a_range_without_its_last_day_is_found(tmp_path: Path) -> None:
    """One day alone is then an empty range, and a range of two days holds the first one alone."""
    outcome = await probed(tmp_path, "last_day_left_out")
    line = about_days(outcome)
    assert line.startswith("warning: the API leaves a bound of a range out: sent on ")
    assert ": 0, on " in line
    assert line.endswith("; windows and backfill show too few")
    assert "together: 0;" not in line


async def test_a_range_that_holds_more_than_its_days_is_found(tmp_path: Path) -> None:
    """An API that takes timestamps for their days adds most of another day to a day of Tokyo."""
    outcome = await probed(tmp_path, "whole_days", zone="Asia/Tokyo")
    line = about_days(outcome)
    assert line.startswith("warning: the API adds to a range what was sent outside of it: sent on ")
    assert line.endswith("; windows and backfill show too many")


async def test_days_without_mail_prove_nothing(tmp_path: Path) -> None:
    line = about_days(await probed(tmp_path, start=NOON))
    assert line == "nothing was sent in the last 8 days: bounds of ranges cannot be compared"


async def test_an_answer_without_figures_of_a_range_proves_nothing(tmp_path: Path) -> None:
    line = about_days(await probed(tmp_path, "older_answer"))
    assert line == "the answer has no performance: bounds of ranges cannot be compared"
