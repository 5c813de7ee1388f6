"""A backfill that goes on takes over only what it would fetch itself, and only one runs for an output."""

import fcntl
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Outcome, config_file, run
from tests.stack.processes import Processes, Simulator, start_simulator

YESTERDAY = date.today() - timedelta(days=1)  # noqa: DTZ011 - the fleet's days matter little here
DAYS = [YESTERDAY - timedelta(days=1), YESTERDAY]


@pytest.fixture
def simulator(processes: Processes) -> Simulator:
    return start_simulator(processes, "--mailboxes", "4", "--workspaces", "2")


def fill_back(folder: Path, *flags: str, **config: Any) -> Outcome:  # noqa: ANN401 - as in YAML
    path = config_file(folder, **config)
    span = ("--from", str(DAYS[0] - timedelta(days=1)), "--to", str(DAYS[0]))
    pace = ("--step", "1h", "--requests-per-minute", "60000", *flags)
    return run("backfill", "--config.file", path, "--output", folder / "past.om", *span, *pace)


def settings(simulator: Simulator, workspace: int = 0, **sections: Any) -> dict[str, Any]:  # noqa: ANN401
    account = {"name": "acme", "api_key": simulator.workspaces[workspace]["key"]}
    return {"api": {"base_url": simulator.url}, "accounts": [account], **sections}


def left_unfinished(folder: Path) -> None:
    """Have the days of a run stay, as if it had ended before its output was written."""
    (folder / ".past.om.unfinished").mkdir()


def requests_made(simulator: Simulator) -> int:
    counts = simulator.process.get("/simulator/truth").json()["requests"]
    return sum(paths.get("/v1/analytics/mailboxes", 0) for paths in counts.values())


def unfinished(simulator: Simulator, folder: Path) -> int:
    left_unfinished(folder)
    assert fill_back(folder, **settings(simulator)).code == 1
    (folder / ".past.om.unfinished").rmdir()
    return requests_made(simulator)


def test_with_another_key_nothing_is_taken_over(simulator: Simulator, tmp_path: Path) -> None:
    before = unfinished(simulator, tmp_path)
    done = fill_back(tmp_path, **settings(simulator, workspace=1))
    assert done.code == 0, done.err
    assert requests_made(simulator) == before + 2
    other = set(simulator.truth()[simulator.workspaces[1]["id"]])
    text = (tmp_path / "past.om").read_text()
    assert all(f'mailbox_id="{mailbox}"' in text for mailbox in other)


@pytest.mark.parametrize(
    "changed", [{"timezone": "Asia/Tokyo"}, {"mailboxes": {"exclude": ["nobody@.*"]}}], ids=str
)
def test_with_another_filter_or_time_zone_nothing_is_taken_over(
    simulator: Simulator, tmp_path: Path, changed: dict[str, Any]
) -> None:
    before = unfinished(simulator, tmp_path)
    done = fill_back(tmp_path, **settings(simulator, **changed))
    assert done.code == 0, done.err
    assert requests_made(simulator) == before + 2


def test_with_the_same_everything_is_taken_over(simulator: Simulator, tmp_path: Path) -> None:
    before = unfinished(simulator, tmp_path)
    assert fill_back(tmp_path, **settings(simulator)).code == 0
    assert requests_made(simulator) == before


def test_an_empty_day_file_is_fetched_again(simulator: Simulator, tmp_path: Path) -> None:
    before = unfinished(simulator, tmp_path)
    for path in (tmp_path / "past.om.days").glob("*.json"):
        path.write_bytes(b"")
    done = fill_back(tmp_path, **settings(simulator))
    assert done.code == 0, done.err
    assert requests_made(simulator) == before + 2


def test_a_second_run_for_the_same_output_fails_and_harms_nothing(
    simulator: Simulator, tmp_path: Path
) -> None:
    folder = tmp_path / "past.om.days"
    folder.mkdir()
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = fill_back(tmp_path, **settings(simulator))
    assert second.code == 1
    assert "another backfill writes this output" in second.err
    assert "Traceback" not in second.err
    assert not (tmp_path / "past.om").exists()


@pytest.mark.parametrize("step", ["0.5", "0.999s"])
def test_a_step_below_a_second_is_bad_usage(tmp_path: Path, step: str) -> None:
    accounts = [{"name": "acme", "api_key": "sk_x"}]
    refused = fill_back(tmp_path, "--step", step, accounts=accounts)
    assert refused.code == 2
    assert "--step" in refused.err
