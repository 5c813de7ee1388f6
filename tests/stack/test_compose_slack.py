"""Messages to Slack from the compose stack: its own script and configurations, with a real Alertmanager."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.rules.receiving import Received, receiving
from tests.servers import alertmanager_program, servers
from tests.stack.processes import Process, Processes, free_port
from tests.waiting import wait_for
from tests.yaml_files import from_yaml

__all__ = ["servers"]
pytestmark = pytest.mark.usefixtures("servers")

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/compose.yaml"
SERVICE = from_yaml(FILE.read_text())["services"]["alertmanager"]
ALERT = {
    "labels": {"alertname": "SendKitDomainBounceSpike", "severity": "critical", "workspace": "acme"},
    "annotations": {"summary": "Bounce spike on domain a.example"},
}


@pytest.fixture
def slack() -> Iterator[Received]:
    with receiving() as received:
        yield received


def start(processes: Processes, environ: dict[str, str]) -> Process:
    """Start the service as compose does; its folders are in the test's, and groups do not wait."""
    root = processes.folder / "root"
    for folder in ("bin", "tmp", "alertmanager", "etc/alertmanager"):
        (root / folder).mkdir(parents=True)
    program = shutil.which(alertmanager_program())
    assert program, "make servers installs Alertmanager"
    (root / "bin/alertmanager").symlink_to(program)
    for source, target in (volume.split(":")[:2] for volume in SERVICE["volumes"]):
        if target.startswith("/etc/"):
            text = (FILE.parent / source).read_text()
            text = re.sub(r"(?<![\w.])/(?=(?:bin|etc|tmp)/)", f"{root}/", text)
            (root / target[1:]).write_text(text.replace("group_wait: 1m", "group_wait: 0s"))
    port = free_port()
    script = str(root) + SERVICE["entrypoint"][1]
    flags = [flag.replace("=/alertmanager", f"={root}/alertmanager") for flag in SERVICE["command"]]
    process = processes.start(
        "alertmanager",
        [SERVICE["entrypoint"][0], script, *flags, f"--web.listen-address=127.0.0.1:{port}"],
        environ,
    )
    process.url = f"http://127.0.0.1:{port}"
    wait_for(lambda: process.answers("/-/ready"), what="Alertmanager is ready")
    return process


def test_a_webhook_in_the_environment_is_enough_for_messages(processes: Processes, slack: Received) -> None:
    alertmanager = start(processes, {"SLACK_WEBHOOK_URL": f"{slack.url}/services/T/B/secret"})
    alertmanager.post("/api/v2/alerts", json=[ALERT | {"startsAt": datetime.now(UTC).isoformat()}])
    wait_for(lambda: slack.posted, what="a message arrives")
    [(path, body)] = slack.posted
    assert path == "/services/T/B/secret"
    assert body["attachments"][0]["title"] == "Critical: Bounce spike on domain a.example"
    kept = processes.folder / "root/tmp/slack_webhook_url"
    assert kept.stat().st_mode & 0o077 == 0
    assert "secret" not in alertmanager.log()


@pytest.mark.parametrize("environ", [{}, {"SLACK_WEBHOOK_URL": ""}], ids=["unset", "empty"])
def test_without_a_webhook_the_example_is_used_as_it_is(
    processes: Processes, environ: dict[str, str]
) -> None:
    alertmanager = start(processes, environ)
    loaded = from_yaml(alertmanager.get("/api/v2/status").json()["config"]["original"])
    receivers = {receiver["name"]: receiver for receiver in loaded["receivers"]}
    assert receivers["pager"]["webhook_configs"][0]["url"] in {"http://127.0.0.1:9095/page", "<secret>"}
    assert not any("slack_configs" in receiver for receiver in receivers.values())
    assert not (processes.folder / "root/tmp/slack_webhook_url").exists()
