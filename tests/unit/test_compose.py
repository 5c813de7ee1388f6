"""The compose stack and what it mounts agree with each other and with the project."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from exporter.config import Config
from exporter.simulator import Simulation
from tests.yaml_files import from_yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/compose.yaml"
COMPOSE: dict[str, Any] = from_yaml(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXPORTERS = ("exporter-demo", "exporter-live")


def load(path: str) -> Any:  # noqa: ANN401 - as in YAML
    return from_yaml((ROOT / path).read_text())


def mounts(service: str) -> dict[str, str]:
    """What a service mounts: the target in the container, and the source."""
    pairs = (
        re.sub(r"\$\{\w+:-(.*?)\}", r"\1", text).split(":") for text in SERVICES[service].get("volumes", ())
    )
    return {pair[1]: pair[0] for pair in pairs}


def test_the_file_is_as_the_published_schema_says() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_is_there_and_cannot_be_changed(service: str) -> None:
    """But for the volumes that keep data, and the key that the user puts there."""
    for text, source in zip(SERVICES[service].get("volumes", ()), mounts(service).values(), strict=True):
        if source in COMPOSE["volumes"]:
            continue
        assert text.endswith(":ro")
        assert (FILE.parent / source).exists() or source == "../secrets/sendkit.key"


def test_volumes_are_those_that_are_used() -> None:
    used = {source for service in SERVICES for source in mounts(service).values()}
    assert set(COMPOSE["volumes"]) <= used


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_published_on_loopback_alone(service: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service].get("ports", ()))


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned_by_version(service: str) -> None:
    assert re.search(r":v?\d+\.\d+\.\d+$", SERVICES[service]["image"])


def test_image_of_the_exporter_is_built_here_and_of_this_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    for service in ("simulator", *EXPORTERS):
        assert SERVICES[service]["image"] == f"sendkit-exporter:{version[1]}"
        assert (FILE.parent / SERVICES[service]["build"] / "Dockerfile").exists()


@pytest.mark.parametrize("service", SERVICES)
def test_health_is_asked_for_at_the_port_where_the_service_listens(service: str) -> None:
    asked = re.search(
        r"http://127\.0\.0\.1:(\d+)(/[\w/-]+)", " ".join(SERVICES[service]["healthcheck"]["test"])
    )
    assert asked
    published = [port.rpartition(":")[2] for port in SERVICES[service].get("ports", ())]
    assert asked[1] in (published or ["19588"])
    paths = {
        "exporter-demo": "/-/healthy",
        "exporter-live": "/-/healthy",
        "simulator": "/simulator",
        "grafana": "/api/health",
    }
    assert asked[2] == paths.get(service, "/-/ready")


@pytest.mark.parametrize("service", SERVICES)
def test_who_is_waited_for_has_a_health_check_and_the_same_profile(service: str) -> None:
    for name in SERVICES[service].get("depends_on", ()):
        assert "healthcheck" in SERVICES[name]
        assert SERVICES[name].get("profiles", SERVICES[service].get("profiles")) == SERVICES[service].get(
            "profiles"
        )


def test_either_profile_has_one_exporter_by_the_name_that_prometheus_scrapes() -> None:
    for service in EXPORTERS:
        assert SERVICES[service]["networks"]["default"]["aliases"] == ["exporter"]
    assert [SERVICES[service]["profiles"] for service in EXPORTERS] == [["demo"], ["live"]]


def test_prometheus_is_configured_as_the_example_is() -> None:
    """The names of the stack apart."""
    expected = (ROOT / "prometheus/prometheus.example.yml").read_text()
    expected = expected.replace("127.0.0.1:9093", "alertmanager:9093").replace(
        "127.0.0.1:19587", "exporter:19587"
    )
    own = load("deploy/compose/prometheus.yml")
    own["rule_files"].remove("links.yml")  # where its dashboards are
    assert own == from_yaml(expected)
    assert mounts("prometheus")["/etc/prometheus/rules"] == "../prometheus/rules"


def test_demo_has_the_key_of_the_simulator() -> None:
    demo = Config.model_validate(load("deploy/compose/demo.yaml"))
    key = demo.accounts[0].api_key
    assert key
    assert key.get_secret_value() == Simulation(1).platform_key


def test_live_reads_the_key_that_is_mounted() -> None:
    live = Config.model_validate(load("deploy/compose/live.yaml"))
    assert str(live.accounts[0].api_key_file) in mounts("exporter-live")


def test_grafana_finds_its_data_source_and_dashboards() -> None:
    (source,) = load("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    (provider,) = load("grafana/provisioning/dashboards/sendkit.yaml")["providers"]
    scraped = load("prometheus/prometheus.example.yml")["global"]["scrape_interval"]
    grafana = SERVICES["grafana"]

    assert source["url"] == "$PROMETHEUS_URL"
    assert grafana["environment"]["PROMETHEUS_URL"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == scraped
    assert mounts("grafana")[provider["options"]["path"]] == "../grafana/dashboards"
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (ROOT / "grafana/dashboards" / home.name).exists()


def test_grafana_takes_workspaces_with_quotes_in_their_names() -> None:
    """Without the toggle, it makes no valid query of such a choice."""
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_FEATURE_TOGGLES_ENABLE"] == "prometheusSpecialCharsInLabelValues"


def test_alerts_lead_to_the_grafana_of_the_stack() -> None:
    (group,) = load("deploy/compose/links.yml")["groups"]
    (rule,) = group["rules"]
    assert rule["record"] == "sendkit:links:info"
    links = rule["labels"]
    assert "links.yml" in load("deploy/compose/prometheus.yml")["rule_files"]
    assert "./compose/links.yml" in mounts("prometheus").values()
    port = SERVICES["grafana"]["ports"][0].rpartition(":")[2]
    assert links["dashboards"] == f"http://localhost:{port}/d"


def test_a_webhook_of_slack_is_taken_from_the_environment_alone() -> None:
    """The examples and the script name no other place for it, and it is never committed."""
    assert SERVICES["alertmanager"]["environment"] == {"SLACK_WEBHOOK_URL": "${SLACK_WEBHOOK_URL:-}"}
    assert "/deploy/.env" in (ROOT / ".gitignore").read_text().splitlines()
