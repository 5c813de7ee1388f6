"""The processes of the compose stack, with its own files, started by hand: Grafana and containers apart."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stack.processes import EXPORTER, Processes, run_simulator, start_exporter
from tests.stack.prometheus_servers import Prometheus, start_alertmanager, start_prometheus
from tests.waiting import wait_for
from tests.yaml_files import from_yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = from_yaml((ROOT / "deploy/compose.yaml").read_text())


def load(path: str) -> dict[str, Any]:
    loaded: dict[str, Any] = from_yaml((ROOT / path).read_text())
    return loaded


def on_loopback(command: Sequence[str]) -> list[str]:
    """Return a service's command with free ports of loopback instead of its own."""
    return [re.sub(r"^:\d+$", "127.0.0.1:0", argument) for argument in command]


@pytest.fixture(scope="module")
def prometheus(module_processes: Processes) -> Prometheus:
    """The demo's stack, each address replaced by where the process listens here."""
    command = on_loopback(COMPOSE["services"]["simulator"]["command"])
    simulator = run_simulator(module_processes, (*EXPORTER, *command))
    demo = load("deploy/compose/demo.yaml")
    assert demo["api"]["base_url"] == "http://simulator:19588"
    demo["api"]["base_url"] = simulator.url
    demo["poll"]["interval"] = "1s"
    exporter = start_exporter(module_processes, demo)
    alertmanager = start_alertmanager(module_processes, load("prometheus/alertmanager.example.yml"))
    config = load("deploy/compose/prometheus.yml")
    text = yaml.safe_dump(
        config | {"rule_files": [str(ROOT / "prometheus" / path) for path in config["rule_files"]]}
    )
    for name, process in (("exporter:19587", exporter), ("alertmanager:9093", alertmanager)):
        assert name in text
        text = text.replace(name, process.url.removeprefix("http://"))
    faster = from_yaml(text)
    faster["global"]["scrape_interval"] = "1s"
    return start_prometheus(module_processes, faster)


def test_the_figures_of_the_simulated_fleet_arrive(prometheus: Prometheus) -> None:
    wait_for(
        lambda: prometheus.value("sum(sendkit_workspace_mailboxes)") == 200, what="200 mailboxes are stored"
    )
    assert prometheus.value("min(sendkit_up)") == 1


def test_every_rule_is_loaded_and_sound(prometheus: Prometheus) -> None:
    groups = prometheus.process.get("/api/v1/rules").json()["data"]["groups"]
    files = {Path(group["file"]).name for group in groups}
    assert files == {path.name for path in (ROOT / "prometheus/rules").glob("*.yml")}
    assert all(rule["health"] != "err" for group in groups for rule in group["rules"])


def test_the_prometheus_of_compose_knows_its_alertmanager(prometheus: Prometheus) -> None:
    def active() -> list[Any]:
        found: list[Any] = prometheus.process.get("/api/v1/alertmanagers").json()["data"][
            "activeAlertmanagers"
        ]
        return found

    wait_for(active, what="Prometheus finds the Alertmanager")


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize(
    ("service", "program"), [("prometheus", "prometheus"), ("alertmanager", "prometheus-alertmanager")]
)
def test_flags_of_the_servers_are_their_own(service: str, program: str) -> None:
    """A flag that the real program does not know ends it with its usage."""
    known = subprocess.run([program, "--help-long"], capture_output=True, text=True, check=False)
    for flag in COMPOSE["services"][service]["command"]:
        assert flag.partition("=")[0] in known.stdout + known.stderr


def test_every_container_is_hardened_and_has_a_limit_of_memory() -> None:
    for service in COMPOSE["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"]
