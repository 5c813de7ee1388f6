"""Files that hang, as on a dead network mount, or that are no files, freeze neither scrapes nor the end."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands import config_file, run
from tests.leases import hanging
from tests.stack.processes import Process, Processes, Simulator, scrape, start_exporter, start_simulator
from tests.waiting import wait_for

CANARY = "sk_canary-0123456789abcdef"
LONGEST_SECONDS = 5.0
SOON_SECONDS = 1.0
"""A scrape takes milliseconds; a machine that is busy gets some more."""


@pytest.fixture
def simulator(processes: Processes) -> Simulator:
    return start_simulator(processes, "--mailboxes", "4", "--workspaces", "1")


def settings(simulator: Simulator, folder: Path, **sections: Any) -> dict[str, Any]:  # noqa: ANN401 - as in YAML
    """Return a configuration of an account whose key is in a file, and one whose key is not."""
    (folder / "acme.key").write_text(simulator.workspaces[0]["key"])
    (folder / "acme.key").chmod(0o600)
    return {
        "api": {"base_url": simulator.url},
        "poll": {"interval": 0.5},
        "windows": [],
        "accounts": [
            {"name": "filed", "api_key_file": str(folder / "acme.key")},
            {"name": "agency", "api_key": simulator.platform_key},
        ],
        **sections,
    }


def assert_answers_and_ends(exporter: Process) -> None:
    """Assert that scrapes are answered soon, and that SIGTERM ends the process in time with 0."""
    for _ in range(5):
        began = time.monotonic()
        assert exporter.get("/metrics").status_code == 200
        assert time.monotonic() - began < SOON_SECONDS
    assert exporter.end(signal.SIGTERM, LONGEST_SECONDS) == 0


def test_a_key_file_that_hangs_fails_its_own_polls_alone(processes: Processes, simulator: Simulator) -> None:
    folder = processes.folder
    exporter = start_exporter(processes, settings(simulator, folder))
    wait_for(lambda: scrape(exporter).one("sendkit_up", workspace="filed", window="all") == 1)
    with hanging(folder / "acme.key"):
        wait_for(lambda: exporter.lines("poll failed", "no answer within 5 s", "reason=auth"))
        assert_answers_and_ends(exporter)


def test_a_state_folder_that_hangs_costs_no_poll_and_no_scrape(
    processes: Processes, simulator: Simulator
) -> None:
    """Of an answer that did not change the time in its file is written; the file hangs."""
    folder = processes.folder / "state"
    exporter = start_exporter(
        processes, settings(simulator, processes.folder, state={"directory": str(folder)})
    )
    [path] = wait_for(lambda: list(folder.glob("*.state")), what="it is saved")
    with hanging(path):
        wait_for(lambda: exporter.lines("state: not saved", "no answer"), 60, what="it is told")
        before = scrape(exporter).one("sendkit_polls_total", workspace="filed", window="all") or 0

        def goes_on() -> bool:
            samples = scrape(exporter)
            polls = samples.one("sendkit_polls_total", workspace="filed", window="all") or 0
            return polls > before + 2 and samples.one("sendkit_up", workspace="filed", window="all") == 1

        wait_for(goes_on, what="polls succeed")
        assert "State is not saved" in exporter.get("/").text
        assert_answers_and_ends(exporter)


def test_a_configuration_that_hangs_at_a_reload_leaves_the_old_one(
    processes: Processes, simulator: Simulator
) -> None:
    exporter = start_exporter(processes, settings(simulator, processes.folder))
    with hanging(processes.folder / "exporter.yaml"):
        exporter.send(signal.SIGHUP)
        began = time.monotonic()
        assert exporter.get("/metrics").status_code == 200
        assert time.monotonic() - began < SOON_SECONDS
        wait_for(lambda: exporter.lines("configuration not reloaded", "no answer within 5 s"))
        exporter.send(signal.SIGHUP)
        assert_answers_and_ends(exporter)


def test_a_configuration_that_hangs_at_the_start_is_an_error(tmp_path: Path) -> None:
    path = config_file(tmp_path, accounts=[{"name": "acme", "api_key": CANARY}])
    with hanging(path):
        checked = run("check", "--config.file", path)
    assert checked.code == 2
    assert "cannot be read: no answer within 5 s" in checked.err


def test_a_web_configuration_that_hangs_keeps_no_request(processes: Processes, simulator: Simulator) -> None:
    web = processes.folder / "web.yml"
    web.write_text("http_server_config: {headers: {X-Frame-Options: deny}}\n")
    exporter = start_exporter(processes, settings(simulator, processes.folder), "--web.config.file", str(web))
    web.write_text("http_server_config: {headers: {X-Frame-Options: sameorigin}}\n")
    with hanging(web):
        exporter.get("/-/healthy")  # the one that finds it changed waits a little
        assert_answers_and_ends(exporter)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _to_terminal(path: Path) -> None:
    path.symlink_to("/dev/tty")


def _to_null(path: Path) -> None:
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("make", [_pipe, _to_terminal, _to_null])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "given")
    for flags, expected in (
        (("check", "--config.file", tmp_path / "given"), 2),
        (("run", "--web.config.file", tmp_path / "given", "--web.listen-address", "127.0.0.1:0"), 2),
    ):
        began = time.monotonic()
        refused = run(*flags, SENDKIT_API_KEY=CANARY)
        assert refused.code == expected
        assert "expected a regular file" in refused.err
        assert time.monotonic() - began < 20

    key = config_file(tmp_path, accounts=[{"name": "acme", "api_key_file": "given"}])
    checked = run("check", "--config.file", key)
    assert checked.code == 0
    assert "warning: accounts.0.api_key_file: key file" in checked.err
    assert "expected a regular file" in checked.err

    hmac = config_file(
        tmp_path,
        accounts=[{"name": "acme", "api_key": CANARY}],
        privacy={"email": "hmac", "hmac_key_file": "given"},
    )
    checked = run("check", "--config.file", hmac)
    assert checked.code == 2
    assert "expected a regular file" in checked.err


def test_a_configuration_of_the_largest_size_keeps_no_scrape_at_a_reload(
    processes: Processes, simulator: Simulator
) -> None:
    """Half of it is aliases; none of its accounts is right, so that each is an error."""
    exporter = start_exporter(processes, settings(simulator, processes.folder))
    accounts = "\n".join(f"- &a{n} {{name: n{n}, api_key: sk_{n}, surprise: {n}}}" for n in range(10_000))
    aliases = "\n".join(f"- *a{n}" for n in range(10_000))
    text = f"accounts:\n{accounts}\n{aliases}\n"
    assert len(text) < 2**20
    (processes.folder / "exporter.yaml").write_text(text)
    exporter.send(signal.SIGHUP)
    longest = 0.0
    while not exporter.lines("configuration not reloaded"):
        began = time.monotonic()
        assert exporter.get("/metrics").status_code == 200
        longest = max(longest, time.monotonic() - began)
    assert longest < SOON_SECONDS
    assert_answers_and_ends(exporter)
