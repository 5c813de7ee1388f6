"""A key that is missing, one that is refused, and an account without workspaces are distinguished."""

from pathlib import Path
from typing import Any

from tests.stack.processes import Processes, Simulator, scrape, start_exporter, start_simulator
from tests.waiting import wait_for


def simulator_of(processes: Processes) -> Simulator:
    return start_simulator(processes, "--mailboxes", "4", "--workspaces", "2")


def settings(simulator: Simulator, *accounts: dict[str, Any]) -> dict[str, Any]:
    return {
        "api": {"base_url": simulator.url, "max_attempts": 1},
        "poll": {"interval": 0.5},
        "windows": [],
        "accounts": [*accounts],
    }


def test_a_missing_key_file_and_a_refused_key_differ_in_words_alone(
    processes: Processes, tmp_path: Path
) -> None:
    """Metrics and alerts have one reason for both, auth; the log, the page and readiness say which."""
    simulator = simulator_of(processes)
    key = tmp_path / "acme.key"
    key.write_text(simulator.workspaces[0]["key"])
    key.chmod(0o600)
    exporter = start_exporter(processes, settings(simulator, {"name": "acme", "api_key_file": str(key)}))

    def failures() -> float:
        return scrape(exporter).one("sendkit_poll_failures_total", workspace="acme", reason="auth") or 0

    wait_for(lambda: scrape(exporter).one("sendkit_up", workspace="acme", window="all") == 1)
    key.unlink()
    wait_for(failures)
    assert exporter.lines("poll failed", "reason=auth", "key file", "No such file or directory")
    assert "No usable key" in exporter.get("/").text
    assert "there is no usable key (auth)" in exporter.get("/").text

    key.write_text("sk_refused-key")
    wait_for(lambda: exporter.lines("poll failed", "reason=auth", "the API answered 401"))
    wait_for(lambda: "Key refused" in exporter.get("/").text)
    assert "No usable key" not in exporter.get("/").text


def test_an_account_of_which_nothing_is_polled_says_why(processes: Processes) -> None:
    simulator = simulator_of(processes)
    account = {
        "name": "agency",
        "api_key": simulator.platform_key,
        "workspaces": {"include": ["no-such-.*"], "refresh": 0.5},
    }
    exporter = start_exporter(processes, settings(simulator, account))
    wait_for(
        lambda: exporter.lines("nothing is polled", "account=agency", "workspaces.include", "workspaces=2")
    )
    assert "Nothing of agency is polled: no workspace matches" in exporter.get("/").text
    wait_for(lambda: (scrape(exporter).one("sendkit_api_requests_total", code="200") or 0) >= 4)
    assert len(exporter.lines("nothing is polled")) == 1


def test_an_account_without_workspaces_is_no_refused_key(processes: Processes) -> None:
    simulator = simulator_of(processes)
    simulator.begin("workspaces_missing", share=0)
    account = {"name": "agency", "api_key": simulator.platform_key, "workspaces": {"refresh": 0.5}}
    exporter = start_exporter(processes, settings(simulator, account))
    wait_for(lambda: exporter.lines("nothing is polled", "account=agency", "the account has no workspaces"))
    assert "Nothing of agency is polled: the account has no workspaces" in exporter.get("/").text
    assert scrape(exporter).one("sendkit_discovery_up", account="agency") == 1
    assert exporter.lines("auth") == []
