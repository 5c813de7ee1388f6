"""What inhibits what on the real Alertmanager."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from prometheus.table import ALERTS
from prometheus.table.levels import EXPORTER, MAILBOX
from tests.rules.alertmanager import CONFIG, Alertmanager, Labels, started
from tests.waiting import wait_for
from tests.yaml_files import from_yaml

pytestmark = pytest.mark.usefixtures("servers")


def alert(name: str, workspace: str = "acme", domain: str = "a.example", mailbox: str = "m1") -> Labels:
    """Return the labels of an alert as the rules give them."""
    values = dict(zip(MAILBOX.labels, (workspace, domain, mailbox), strict=True))
    values |= {"account": "agency", "window": "", "collector": ""}
    row = ALERTS[name]
    return {
        "alertname": name,
        "severity": row.severity,
        **{label: values[label] for label in row.level.labels if values[label]},  # an empty one is none
    }


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    with started(tmp_path, CONFIG) as server:
        yield server


COMPUTED = [
    name
    for name in ALERTS
    if name.startswith(("SendKitMailbox", "SendKitDomain", "SendKitDaily"))
    or name
    in {
        "SendKitWorkspaceBounceSpike",
        "SendKitWorkspaceBounceLevel",
        "SendKitSendingStalled",
        "SendKitReplyRateCollapse",
        "SendKitWarmupStopped",
        "SendKitSetupBroken",
        "SendKitBlacklisted",
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
            alert("SendKitDomainDegraded"),
            alert("SendKitDomainUnhealthy"),
            alert("SendKitMailboxBouncing"),
            alert("SendKitMailboxBounceSpike"),
            alert("SendKitMailboxBounceSlowBurn"),
            alert("SendKitDomainBounceSlowBurn"),
            alert("SendKitWorkspaceBounceLevel"),
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
            alert("SendKitMailboxBounceSpike"),
            alert("SendKitMailboxBouncing", mailbox=OTHER_MAILBOX),
            alert("SendKitMailboxBounceSlowBurn"),
            alert("SendKitDomainBounceSlowBurn"),
            alert("SendKitDomainDegraded"),
            alert("SendKitDomainUnhealthy"),
        ],
        [
            alert("SendKitWorkspaceBounceLevel"),
            alert("SendKitMailboxBounceSpike", domain=OTHER_DOMAIN, mailbox=OTHER_MAILBOX),
            alert("SendKitMailboxBounceSpike", workspace=OTHER_WORKSPACE),
            alert("SendKitMailboxNotActive"),
        ],
    ),
    "many leaving active: each of them": (
        alert("SendKitMailboxesLeavingActive"),
        [
            alert("SendKitMailboxNotActive"),
            alert("SendKitDomainDegraded"),
            alert("SendKitDomainUnhealthy"),
        ],
        [alert("SendKitMailboxNotActive", workspace=OTHER_WORKSPACE), alert("SendKitSendingStalled")],
    ),
    "a mailbox's page: its tickets": (
        alert("SendKitMailboxBounceSpike"),
        [alert("SendKitMailboxBouncing"), alert("SendKitMailboxBounceSlowBurn")],
        [
            alert("SendKitMailboxBouncing", mailbox=OTHER_MAILBOX),
            alert("SendKitMailboxNotActive"),
            alert("SendKitDomainUnhealthy"),
        ],
    ),
    "a workspace's level: what burns slowly in it": (
        alert("SendKitWorkspaceBounceLevel"),
        [alert("SendKitDomainBounceSlowBurn"), alert("SendKitMailboxBounceSlowBurn")],
        [
            alert("SendKitSendingStalled"),
            alert("SendKitMailboxNotActive"),
            alert("SendKitDomainBounceSlowBurn", workspace=OTHER_WORKSPACE),
        ],
    ),
    "a domain's slow burn: those of its mailboxes": (
        alert("SendKitDomainBounceSlowBurn"),
        [alert("SendKitMailboxBounceSlowBurn")],
        [
            alert("SendKitSendingStalled"),
            alert("SendKitMailboxNotActive"),
            alert("SendKitMailboxBounceSlowBurn", domain=OTHER_DOMAIN, mailbox=OTHER_MAILBOX),
        ],
    ),
    "a mailbox that bounces today: its slow burn": (
        alert("SendKitMailboxBouncing"),
        [alert("SendKitMailboxBounceSlowBurn")],
        [alert("SendKitMailboxBounceSlowBurn", mailbox=OTHER_MAILBOX), alert("SendKitMailboxNotActive")],
    ),
    "a domain's page: its own ticket": (
        alert("SendKitDomainUnhealthy"),
        [alert("SendKitDomainDegraded")],
        [alert("SendKitDomainDegraded", domain=OTHER_DOMAIN), alert("SendKitMailboxNotActive")],
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


OF_THE_CHART: list[dict[str, Any]] = [
    {
        "source_matchers": ["severity = critical"],
        "target_matchers": ["severity =~ warning|info"],
        "equal": ["namespace", "alertname"],
    },
    {
        "source_matchers": ["severity = warning"],
        "target_matchers": ["severity = info"],
        "equal": ["namespace", "alertname"],
    },
    {
        "source_matchers": ["alertname = InfoInhibitor"],
        "target_matchers": ["severity = info"],
        "equal": ["namespace"],
    },
    {"target_matchers": ["alertname = InfoInhibitor"]},
]
"""What kube-prometheus-stack inhibits by default. Our alerts have no namespace, which counts as equal."""


def test_one_workspace_never_mutes_another_beside_the_defaults_of_kube_prometheus_stack(
    tmp_path: Path,
) -> None:
    config = from_yaml(CONFIG.read_text())
    config["inhibit_rules"] += OF_THE_CHART
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(config))
    of_a_workspace = {name: row for name, row in ALERTS.items() if row.level is not EXPORTER}
    everything = [alert(name) for name, row in of_a_workspace.items() if row.severity != "info"]
    warnings = {name for name, row in of_a_workspace.items() if row.severity == "warning"}
    tickets = [
        alert(name, workspace=OTHER_WORKSPACE)
        for name in of_a_workspace
        if name in warnings and not warnings & set(ALERTS[name].inhibited_by)
    ]
    with started(tmp_path, tmp_path / "alertmanager.yml") as server:
        server.post([*everything, *tickets])

        def of_the_other() -> list[tuple[Labels, bool]]:
            return [
                (labels, inhibited)
                for labels, inhibited in server.inhibited()
                if labels.get("workspace") == OTHER_WORKSPACE
            ]

        wait_for(lambda: len(of_the_other()) == len(tickets))
        assert any(inhibited for _, inhibited in server.inhibited())  # those of the first, by their pages
        assert in_order(of_the_other()) == in_order([(labels, False) for labels in tickets])
