"""Prometheus and Alertmanager as processes, asked over their APIs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.servers import alertmanager_program
from tests.stack.processes import Process, Processes, free_port


@dataclass(slots=True)
class Prometheus:
    """A running Prometheus."""

    process: Process

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query: a list of `metric` and `value`."""
        answer = self.process.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def value(self, expression: str) -> float | None:
        """Return the one value of an instant query; None when there is none."""
        result = self.query(expression)
        assert len(result) < 2, result
        return float(result[0]["value"][1]) if result else None

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or fire."""
        alerts: list[dict[str, Any]] = self.process.get("/api/v1/alerts").json()["data"]["alerts"]
        return alerts

    def targets(self) -> list[dict[str, Any]]:
        """Return the active targets."""
        targets: list[dict[str, Any]] = self.process.get("/api/v1/targets").json()["data"]["activeTargets"]
        return targets


def start_prometheus(processes: Processes, config: Mapping[str, Any], *flags: str) -> Prometheus:
    """Start Prometheus with a configuration, on a free port; its TSDB is the folder `prometheus`."""
    config_file = processes.folder / "prometheus.yml"
    config_file.write_text(json.dumps(config))  # JSON is YAML
    address = f"127.0.0.1:{free_port()}"
    command = (
        "prometheus",
        f"--config.file={config_file}",
        f"--storage.tsdb.path={processes.folder / 'prometheus'}",
        f"--web.listen-address={address}",
        "--web.enable-lifecycle",
        "--log.level=warn",
        *flags,
    )
    return Prometheus(processes.serve("prometheus", command, address))


def scrape_job(name: str, url: str, **settings: object) -> dict[str, Any]:
    """Return a scrape job of one target, once a second."""
    return {
        "job_name": name,
        "scrape_interval": "1s",
        "static_configs": [{"targets": [url.removeprefix("http://")]}],
        **settings,
    }


def start_alertmanager(processes: Processes, config: Mapping[str, Any], *flags: str) -> Process:
    """Start Alertmanager with a configuration, on a free port, alone."""
    config_file = processes.folder / "alertmanager.yml"
    config_file.write_text(json.dumps(config))
    address = f"127.0.0.1:{free_port()}"
    command = (
        alertmanager_program(),
        f"--config.file={config_file}",
        f"--storage.path={processes.folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
        "--log.level=warn",
        *flags,
    )
    return processes.serve("alertmanager", command, address)
