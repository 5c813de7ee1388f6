"""The real Prometheus finds the parts of one large exporter by `/sd` and scrapes each apart."""

from typing import Any

import pytest

from tests.stack.processes import (
    Process,
    Processes,
    Simulator,
    scrape,
    start_exporter,
    start_simulator,
    write_config,
)
from tests.stack.prometheus_servers import Prometheus, start_prometheus
from tests.waiting import wait_for

WORKSPACES = 200
MAILBOXES = 800
SECONDS = 90.0


@pytest.fixture
def simulator(processes: Processes) -> Simulator:
    return start_simulator(processes, "--workspaces", str(WORKSPACES), "--mailboxes", str(MAILBOXES))


@pytest.fixture
def exporter(processes: Processes, simulator: Simulator) -> Process:
    return start_exporter(processes, config(simulator), "--web.enable-lifecycle")


def config(simulator: Simulator, exclude: tuple[str, ...] = ()) -> dict[str, Any]:
    account = {
        "name": "agency",
        "api_key": simulator.platform_key,
        "workspaces": {"refresh": "1s", "exclude": list(exclude)},
    }
    api = {"base_url": simulator.url, "max_concurrent_requests": 16}
    return {"api": api, "poll": {"interval": "30s"}, "windows": [], "accounts": [account]}


def prometheus_of(processes: Processes, exporter: Process) -> Prometheus:
    discovery = {"url": f"{exporter.url}/sd", "refresh_interval": "1s"}
    job = {"job_name": "sendkit-exporter", "scrape_interval": "2s", "http_sd_configs": [discovery]}
    return start_prometheus(processes, {"scrape_configs": [job]})


@pytest.mark.usefixtures("servers")
def test_each_workspace_is_a_target_and_nothing_is_lost_or_twice(
    processes: Processes, simulator: Simulator, exporter: Process
) -> None:
    wait_for(
        lambda: len(scrape(exporter).all_of("sendkit_mailbox_info")) == MAILBOXES,
        SECONDS,
        what="all is polled",
    )
    prometheus = prometheus_of(processes, exporter)
    wait_for(
        lambda: prometheus.value('count(up{job="sendkit-exporter"} == 1)') == WORKSPACES + 1,
        SECONDS,
        what="every target is scraped, and the exporter's own metrics",
    )
    wait_for(
        lambda: prometheus.value("count(sendkit_mailbox_info)") == MAILBOXES,
        SECONDS,
        what="every mailbox is there",
    )

    assert prometheus.value("max(count by (workspace, mailbox_id) (sendkit_mailbox_info))") == 1
    assert prometheus.value("count(count by (workspace) (sendkit_up))") == WORKSPACES
    assert prometheus.value("count(sendkit_exporter_build_info)") == 1
    instances = {target["labels"]["instance"] for target in prometheus.targets()}
    host = exporter.url.removeprefix("http://")
    names = {workspace["name"] for workspace in simulator.workspaces}
    assert instances == {host} | {f"{host}/{name}" for name in names}

    gone = simulator.workspaces[7]["name"]
    write_config(processes, config(simulator, (gone,)))
    assert exporter.post("/-/reload").is_success
    wait_for(
        lambda: prometheus.value("count(count by (workspace) (sendkit_up))") == WORKSPACES - 1,
        SECONDS,
        what="the series of a workspace that is gone end",
    )
    wait_for(lambda: len(prometheus.targets()) == WORKSPACES, SECONDS, what="its target is gone")
    assert f"{host}/{gone}" not in {target["labels"]["instance"] for target in prometheus.targets()}

    write_config(processes, config(simulator))
    assert exporter.post("/-/reload").is_success
    wait_for(
        lambda: prometheus.value("count(sendkit_mailbox_info)") == MAILBOXES,
        SECONDS,
        what="it is followed back",
    )
