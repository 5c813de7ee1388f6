"""The page and the alert rules, on the same figures: over the real Prometheus, at one speed (`paging`)."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.servers import on_path
from tests.stack.days_before import Past
from tests.stack.paging import PATIENCE, Fleet, Paging, ahead_of_others, start_paging
from tests.stack.processes import Process, Processes
from tests.stack.webhook import webhook
from tests.waiting import wait_for

FLEET = Fleet(
    "working-day",
    Past(datetime(2025, 6, 10, 9, tzinfo=UTC), mailboxes=64, workspaces=2),
    ("bouncing", "quiet"),
)
DOMAIN = "acme-mail.example"

pytestmark = pytest.mark.timeout(900)


@dataclass(slots=True)
class Seen:
    """What was seen together: critical bounce alerts, pending or firing, and the page right after."""

    paging: Paging
    exporter: Process
    together: list[tuple[set[str], dict[str, str], str]] = field(default_factory=list)

    def look(self) -> Mapping[str, Any]:
        """Look at the alerts, and then at the page."""
        alerts = {
            alert["labels"]["workspace"]
            for alert in self.paging.prometheus.alerts()
            if alert["labels"]["severity"] == "critical" and "Bounce" in alert["labels"]["alertname"]
        }
        page: dict[str, Any] = self.exporter.get("/api/v1/status").json()
        states = {workspace["name"]: workspace["mail"] for workspace in page["workspaces"]}
        self.together.append((alerts, states, page["mail"]["summary"]))
        return page

    def is_alerted(self) -> bool:
        """Look, and return whether an alert is pending or firing."""
        self.look()
        return bool(self.together[-1][0])


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Let a domain's bounces spike, and look until an alert of today's Prometheus is pending."""
    processes = Processes(tmp_path_factory.mktemp("story"))
    with ExitStack() as stack:
        stack.callback(processes.end)
        stack.enter_context(on_path("newest"))
        stack.enter_context(ahead_of_others())
        hook = stack.enter_context(webhook())
        simulator = FLEET.start_simulator(processes)
        paging = start_paging(processes, hook.url, {FLEET: simulator})
        [exporter] = [process for process in processes.running if process.name == "exporter"]
        seen = Seen(paging, exporter)
        for _ in range(10):
            seen.look()
        spiked = simulator.workspaces[0]["name"]
        simulator.begin("bounce_spike", workspace=spiked, domain=DOMAIN, ratio=0.4)
        wait_for(seen.is_alerted, PATIENCE, what="an alert is pending")
        wait_for(lambda: seen.look() and hook.received("/page", workspace="bouncing"), PATIENCE)
        yield seen


def test_the_page_is_critical_no_later_than_an_alert_is_pending(seen: Seen) -> None:
    alerted = [(alerts, states) for alerts, states, _ in seen.together if alerts]
    assert alerted
    assert [states for alerts, states in alerted if states["bouncing"] != "critical"] == []


def test_the_page_is_not_critical_where_no_alert_comes(seen: Seen) -> None:
    assert {alerts for found, _, _ in seen.together for alerts in found} == {"bouncing"}
    assert "critical" not in {states["quiet"] for _, states, _ in seen.together}
    assert "critical" not in {states["bouncing"] for _, states, _ in seen.together[:10]}


def test_the_first_line_names_what_the_alert_is_about(seen: Seen) -> None:
    _, _, summary = seen.together[-1]
    assert summary.startswith((f"{DOMAIN} bounces: ", "bouncing bounces: "))
