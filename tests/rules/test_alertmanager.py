"""The example Alertmanager configuration: who gets what, and on the real one what inhibits what."""

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.rules.table import ALERTS, MAILBOX
from tests.waiting import wait_for

CONFIG = Path(__file__).parents[2] / "prometheus/alertmanager.example.yml"
BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager") or "alertmanager"

Labels = dict[str, str]


def alert(
    name: str, severity: str = "", workspace: str = "acme", domain: str = "a.example", mailbox: str = "m1"
) -> Labels:
    """Return the labels of an alert as the rules give them."""
    severities, labels, _ = ALERTS[name]
    values = dict(zip(MAILBOX, (workspace, domain, mailbox), strict=True))
    return {
        "alertname": name,
        "severity": severity or min(severities),
        **{label: values[label] for label in labels},
    }


def test_the_configuration_is_valid() -> None:
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
            f"severity={severity}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [receiver]


class Alertmanager:
    """A real Alertmanager with the example configuration."""

    def __init__(self, address: str) -> None:
        self.address = address

    def post(self, alerts: list[Labels]) -> None:
        url = f"{self.address}/api/v2/alerts"
        httpx.post(url, json=[{"labels": labels} for labels in alerts]).raise_for_status()

    def inhibited(self) -> list[tuple[Labels, bool]]:
        """Return every alert, with whether it is inhibited."""
        alerts = httpx.get(f"{self.address}/api/v2/alerts").json()
        return [(alert["labels"], bool(alert["status"]["inhibitedBy"])) for alert in alerts]


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    """Start an Alertmanager that knows of no alert yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [
                BINARY,
                f"--config.file={CONFIG}",
                f"--storage.path={tmp_path}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        server = Alertmanager(f"http://{address}")

        def ready() -> bool:
            try:
                return httpx.get(f"{server.address}/-/ready").is_success
            except httpx.TransportError:
                return False

        wait_for(ready)
        yield server
    finally:
        process.terminate()
        process.wait()


COMPUTED = [
    name
    for name in ALERTS
    if name.startswith(("SendKitMailbox", "SendKitDomain", "SendKitDaily"))
    or name
    in {
        "SendKitWorkspaceBounceSpike",
        "SendKitSendingStalled",
        "SendKitReplyRateCollapse",
        "SendKitWarmupStopped",
    }
]
POLLS = ["SendKitRateLimited", "SendKitPollsSkipped", "SendKitSuspectValues"]
OTHER_WORKSPACE = "other"
OTHER_DOMAIN = "b.example"
OTHER_MAILBOX = "m2"

CASES = {
    "no exporter: everything": (
        alert("SendKitExporterDown"),
        [alert(name) for name in ALERTS if name != "SendKitExporterDown"],
        [],
    ),
    "stale: what is computed from that workspace, not why": (
        alert("SendKitWorkspaceStale"),
        [alert(name) for name in COMPUTED],
        [
            *(alert(name) for name in POLLS),
            alert("SendKitConfigReloadFailed"),
            alert("SendKitWorkspaceBounceSpike", workspace=OTHER_WORKSPACE),
            alert("SendKitSendingStalled", workspace=OTHER_WORKSPACE),
            alert("SendKitMailboxNotActive", workspace=OTHER_WORKSPACE),
        ],
    ),
    "the key refused: also that it is stale": (
        alert("SendKitAuthFailed"),
        [alert("SendKitWorkspaceStale"), *(alert(name) for name in COMPUTED)],
        [alert("SendKitWorkspaceStale", workspace=OTHER_WORKSPACE), alert("SendKitConfigReloadFailed")],
    ),
    "a workspace's spike: its domains and mailboxes": (
        alert("SendKitWorkspaceBounceSpike"),
        [
            alert("SendKitDomainBounceSpike"),
            alert("SendKitDomainBounceSpike", domain=OTHER_DOMAIN),
            alert("SendKitDomainUnhealthy", "critical"),
            alert("SendKitMailboxBounceSpike", "critical"),
            alert("SendKitMailboxBounceSlowBurn"),
        ],
        [
            alert("SendKitDomainBounceSpike", workspace=OTHER_WORKSPACE),
            alert("SendKitSendingStalled"),
            alert("SendKitMailboxNotActive"),
        ],
    ),
    "a domain's spike: its mailboxes": (
        alert("SendKitDomainBounceSpike"),
        [
            alert("SendKitMailboxBounceSpike", "critical"),
            alert("SendKitMailboxBounceSpike", "warning", mailbox=OTHER_MAILBOX),
            alert("SendKitMailboxBounceSlowBurn"),
            alert("SendKitDomainUnhealthy", "critical"),
        ],
        [
            alert("SendKitMailboxBounceSpike", "critical", domain=OTHER_DOMAIN, mailbox=OTHER_MAILBOX),
            alert("SendKitMailboxBounceSpike", "critical", workspace=OTHER_WORKSPACE),
            alert("SendKitMailboxNotActive"),
        ],
    ),
    "many leaving active: each of them": (
        alert("SendKitMailboxesLeavingActive"),
        [alert("SendKitMailboxNotActive"), alert("SendKitDomainUnhealthy", "critical")],
        [alert("SendKitMailboxNotActive", workspace=OTHER_WORKSPACE), alert("SendKitSendingStalled")],
    ),
    "a mailbox's page: its own ticket and its slow burn": (
        alert("SendKitMailboxBounceSpike", "critical"),
        [alert("SendKitMailboxBounceSpike", "warning"), alert("SendKitMailboxBounceSlowBurn")],
        [
            alert("SendKitMailboxBounceSpike", "warning", mailbox=OTHER_MAILBOX),
            alert("SendKitMailboxNotActive"),
            alert("SendKitDomainUnhealthy", "critical"),
        ],
    ),
    "a domain's page: its own ticket": (
        alert("SendKitDomainUnhealthy", "critical"),
        [alert("SendKitDomainUnhealthy", "warning")],
        [alert("SendKitDomainUnhealthy", "warning", domain=OTHER_DOMAIN), alert("SendKitMailboxNotActive")],
    ),
}


def in_order(alerts: list[tuple[Labels, bool]]) -> list[tuple[Labels, bool]]:
    return sorted(alerts, key=lambda alert: sorted(alert[0].items()))


@pytest.mark.parametrize("case", CASES)
def test_what_follows_from_something_worse_is_inhibited(case: str, alertmanager: Alertmanager) -> None:
    source, inhibited, let_through = CASES[case]
    alertmanager.post([source, *inhibited, *let_through])
    expected = in_order(
        [(source, False), *((a, True) for a in inhibited), *((a, False) for a in let_through)]
    )
    seen: list[tuple[Labels, bool]] = []

    def as_expected() -> bool:
        seen[:] = in_order(alertmanager.inhibited())
        return seen == expected

    with contextlib.suppress(AssertionError):  # the comparison says more
        wait_for(as_expected, 10)
    assert seen == expected
