"""A backfill that goes on takes over only what it would fetch itself, and only one runs for an output."""

import fcntl
import json
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


def fill_back(
    folder: Path,
    *flags: str,
    last: date = DAYS[0],
    **config: Any,  # noqa: ANN401 - as in YAML
) -> Outcome:
    path = config_file(folder, **config)
    span = ("--from", str(last - timedelta(days=1)), "--to", str(last))
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


def unfinished(simulator: Simulator, folder: Path, last: date = DAYS[0]) -> int:
    left_unfinished(folder)
    assert fill_back(folder, last=last, **settings(simulator)).code == 1
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


def test_days_younger_than_14_days_are_fetched_again_on_a_later_day(
    simulator: Simulator, tmp_path: Path
) -> None:
    """Bounces and replies count for the day of their mail, and come days after it."""
    before = unfinished(simulator, tmp_path)
    fetched_yesterday(tmp_path)
    done = fill_back(tmp_path, **settings(simulator))
    assert done.code == 0, done.err
    assert requests_made(simulator) == before + 2
    resumed = (tmp_path / "past.om").read_bytes()
    assert fill_back(tmp_path, **settings(simulator)).code == 0
    assert requests_made(simulator) == before + 4, "a later run over a finished output"
    assert resumed == (tmp_path / "past.om").read_bytes()


@pytest.mark.parametrize(("days_before_fetched", "fetched_again"), [(15, 0), (14, 1)])
def test_days_that_were_older_are_taken_over_on_a_later_day(
    simulator: Simulator, tmp_path: Path, days_before_fetched: int, fetched_again: int
) -> None:
    last = YESTERDAY - timedelta(days=days_before_fetched)
    before = unfinished(simulator, tmp_path, last)
    fetched_yesterday(tmp_path)
    assert fill_back(tmp_path, last=last, **settings(simulator)).code == 0
    assert requests_made(simulator) == before + fetched_again
    assert "} 500000 " in (tmp_path / "past.om").read_text(), "what was kept"


def fetched_yesterday(folder: Path) -> None:
    """Have the kept days be fetched a day ago, with other figures than the API has now."""
    paths = list((folder / "past.om.days").glob("*.json"))
    assert len(paths) == 2
    for path in paths:
        day = json.loads(path.read_bytes())
        day["fetched"] = str(YESTERDAY)
        day["rises"] = {name: [500_000] * len(rises) for name, rises in day["rises"].items()}
        path.write_text(json.dumps(day))


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
