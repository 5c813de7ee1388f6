"""The example Alertmanager configuration: who gets what, and how it is silenced."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.rules.alertmanager import CONFIG, Alertmanager, started

pytestmark = pytest.mark.usefixtures("servers")


def test_amtool_takes_the_example_of_a_configuration() -> None:
    run = subprocess.run(["amtool", "check-config", str(CONFIG)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "pager"), ("warning", "ticket"), ("info", "null"), ("", "ticket")]
)
def test_a_severity_reaches_its_receiver(severity: str, receiver: str) -> None:
    run = subprocess.run(
        [
            "amtool",
            "config",
            "routes",
            "test",
            f"--config.file={CONFIG}",
            "workspace=acme",
            *([f"severity={severity}"] if severity else []),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [receiver]


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    with started(tmp_path, CONFIG) as server:
        yield server


@pytest.mark.parametrize(
    "workspace", ["acme", "acme inc", "a{b}=c, d", 'the "best"', "o'neill", "back\\slash"]
)
def test_the_silence_that_a_runbook_tells_matches_whatever_the_workspace_is_called(
    alertmanager: Alertmanager, workspace: str
) -> None:
    """A name is written into the command as the runbook says."""
    text = (CONFIG.parent / "runbooks/SendKitWorkspaceStale.md").read_text()
    (command,) = re.findall(r"^amtool .+$", text, re.MULTILINE)
    written = workspace.replace("\\", "\\\\").replace('"', '\\"').replace("'", "'\\''")
    command = command.replace("http://127.0.0.1:9093", alertmanager.address).replace("WORKSPACE", written)

    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    (silence,) = httpx.get(f"{alertmanager.address}/api/v2/silences").json()
    matchers = {
        matcher["name"]: matcher["value"]
        for matcher in silence["matchers"]
        if matcher["isEqual"] and not matcher["isRegex"]
    }
    assert matchers == {"alertname": "SendKitWorkspaceStale", "workspace": workspace}
