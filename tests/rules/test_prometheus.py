"""The example Prometheus configuration, plain and discovered, and the rules on the real Prometheus."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stack.processes import Processes
from tests.stack.prometheus_servers import Prometheus, start_prometheus
from tests.waiting import wait_for
from tests.yaml_files import from_yaml

pytestmark = pytest.mark.usefixtures("servers")

PROMETHEUS = Path(__file__).parents[2] / "prometheus"
EXAMPLE = (PROMETHEUS / "prometheus.example.yml").read_text()


def discovered() -> str:
    """Return the example with its commented job in the place of the plain one."""
    before, plain = EXAMPLE.split("scrape_configs:\n")
    commented = plain[plain.index("  # - job_name") :]
    return f"{before}scrape_configs:\n{re.sub(r'^  # ', '  ', commented, flags=re.MULTILINE)}"


@pytest.fixture(params=[EXAMPLE, discovered()], ids=["plain", "discovered"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    shutil.copytree(PROMETHEUS / "rules", tmp_path / "rules")
    path = tmp_path / "prometheus.yml"
    path.write_text(request.param)
    return path


def test_promtool_takes_the_examples_of_a_configuration(config: Path) -> None:
    run = subprocess.run(
        ["promtool", "check", "config", "--lint=all", "--lint-fatal", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_rule_depends_on_the_name_of_the_scrape_job() -> None:
    for path in (PROMETHEUS / "rules").glob("*.yml"):
        assert not re.search(r"\bjob=", path.read_text()), path.name


def test_the_scrape_job_has_the_name_that_the_dashboards_know(config: Path) -> None:
    jobs = [job["job_name"] for job in from_yaml(config.read_text())["scrape_configs"]]
    assert jobs == ["sendkit-exporter"]


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    """Run Prometheus on the shipped rules, evaluated every second."""
    (tmp_path / "rules").mkdir()
    for path in (PROMETHEUS / "rules").glob("*.yml"):
        rules = from_yaml(path.read_text())
        for group in rules["groups"]:
            group["interval"] = "1s"
        (tmp_path / "rules" / path.name).write_text(yaml.safe_dump(rules))
    processes = Processes(tmp_path)
    try:
        yield start_prometheus(processes, {"rule_files": [str(tmp_path / "rules/*.yml")]})
    finally:
        processes.end()


def test_every_rule_evaluates_where_nothing_is_known_yet(prometheus: Prometheus) -> None:
    def evaluated() -> list[dict[str, Any]]:
        groups = prometheus.process.get("/api/v1/rules").json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return [] if any(rule["health"] == "unknown" for rule in rules) else rules

    rules = wait_for(evaluated, 60)
    assert [rule["lastError"] for rule in rules if rule["health"] != "ok"] == []
    assert {rule["name"] for rule in rules if rule.get("state") in {"pending", "firing"}} == {
        "SendKitExporterDown"
    }
