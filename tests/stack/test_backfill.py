"""Past days are fetched, taken in by promtool, and served by the real Prometheus beside what is live."""

import re
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.commands import Outcome, config_file, run
from tests.stack.processes import Processes, Simulator, start_simulator
from tests.stack.prometheus_servers import start_prometheus

DAYS = 4
COUNTERS = {
    "sent": "sent",
    "opened": "opened",
    "clicked": "clicked",
    "bounced": "bounced",
    "replied": "replied",
    "positiveReplied": "positive_replied",
}


@pytest.fixture
def simulator(processes: Processes) -> Simulator:
    return start_simulator(processes, "--mailboxes", "12", "--workspaces", "2")


@pytest.fixture
def days(simulator: Simulator) -> list[date]:
    """The days to fill back: the last ones before the simulator's present day and the real one."""
    now = datetime.fromisoformat(simulator.description["now"])
    last = min(now.date(), datetime.now(UTC).date()) - timedelta(days=1)
    return [last - timedelta(days=ago) for ago in reversed(range(DAYS))]


@pytest.fixture
def config(simulator: Simulator, tmp_path: Path) -> Path:
    account = {"name": "agency", "api_key": simulator.platform_key}
    return config_file(tmp_path, api={"base_url": simulator.url}, accounts=[account])


def fill_back(config: Path, output: Path, days: list[date]) -> Outcome:
    span = ("--from", str(days[0]), "--to", str(days[-1]))
    pace = ("--step", "1h", "--requests-per-minute", "60000")
    return run("backfill", "--config.file", config, "--output", output, *span, *pace)


def requests_made(simulator: Simulator) -> int:
    counts = simulator.process.get("/simulator/truth").json()["requests"]
    return sum(paths.get("/v1/analytics/mailboxes", 0) for paths in counts.values())


@pytest.mark.usefixtures("servers")
def test_the_past_is_served_as_the_api_tells_it(
    processes: Processes, simulator: Simulator, config: Path, days: list[date], tmp_path: Path
) -> None:
    output = tmp_path / "past.om"
    outcome = fill_back(config, output, days)
    assert outcome.code == 0, outcome.err
    assert not Path(f"{output}.days").exists()
    taken_in = subprocess.run(
        [
            "promtool",
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            str(output),
            str(processes.folder / "prometheus"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert taken_in.returncode == 0, taken_in.stderr
    prometheus = start_prometheus(processes, {"scrape_configs": []})

    for first, last in ((days[0], days[-1]), (days[1], days[1])):
        truth = simulator.truth(**{"from": str(first), "to": str(last)})
        start, end = midnight(first), midnight(last + timedelta(days=1))
        for field, name in COUNTERS.items():
            metric = f"sendkit_mailbox_emails_{name}_total"
            rises = {
                (sample["metric"]["workspace"], sample["metric"]["mailbox_id"]): float(sample["value"][1])
                for sample in prometheus.query(f"{metric} @ {end} - {metric} @ {start}")
            }
            expected = {
                (workspace["name"], mailbox_id): mailbox["performance"][field]
                for workspace in simulator.workspaces
                for mailbox_id, mailbox in truth[workspace["id"]].items()
            }
            assert rises == expected, (field, first, last)


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def test_a_run_that_ends_early_goes_on_where_it_stopped(
    simulator: Simulator, config: Path, days: list[date], tmp_path: Path
) -> None:
    output = tmp_path / "past.om"
    assert fill_back(config, tmp_path / "whole.om", days).code == 0
    all_requests = requests_made(simulator)
    assert all_requests == DAYS * len(simulator.workspaces)

    simulator.begin("malformed", workspace=simulator.workspaces[1]["name"])
    outcome = fill_back(config, output, days)
    assert outcome.code == 1
    assert "run the same command again" in outcome.err
    assert not output.exists()
    [day] = Path(f"{output}.days").glob("*.json")
    assert "@" not in day.read_text(), "an address"

    simulator.stop_all()
    before = requests_made(simulator)
    assert fill_back(config, output, days).code == 0
    assert requests_made(simulator) - before == all_requests - 1
    assert output.read_bytes() == (tmp_path / "whole.om").read_bytes()


def test_a_workspace_that_two_accounts_see_is_written_once_as_run_names_it(
    simulator: Simulator, days: list[date], tmp_path: Path
) -> None:
    ours = simulator.workspaces[0]
    accounts = [
        {"name": "ours", "api_key": ours["key"]},
        {"name": "agency", "api_key": simulator.platform_key},
    ]
    config = config_file(tmp_path, api={"base_url": simulator.url}, accounts=accounts)
    output = tmp_path / "past.om"
    outcome = fill_back(config, output, days)
    assert outcome.code == 0, outcome.err
    labels = set(re.findall(r'workspace="([^"]*)"', output.read_text()))
    assert labels == {"ours", *(it["name"] for it in simulator.workspaces[1:])}
    assert requests_made(simulator) == DAYS * len(simulator.workspaces)


@pytest.mark.parametrize(
    ("first", "last"), [("2026-02-01", "2026-01-31"), ("2026-01-01", str(datetime.now(UTC).date()))]
)
def test_days_out_of_order_and_unfinished_days_are_bad_usage(config: Path, first: str, last: str) -> None:
    outcome = run("backfill", "--config.file", config, "--from", first, "--to", last)
    assert outcome.code == 2
    assert "expected days in order, up to yesterday" in outcome.err
