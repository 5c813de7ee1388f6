"""The alerts as Grafana's own are those of the rules."""

from pathlib import Path
from typing import Any

from grafana_foundation_sdk.models import alerting

from grafana import alert_rules, build
from prometheus.table import ALERTS
from tests.yaml_files import from_yaml

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = from_yaml(build.ALERTS.read_text())
RULES = {rule["title"]: rule for group in DOCUMENT["groups"] for rule in group["rules"]}


def shipped() -> dict[str, dict[str, Any]]:
    """Return the alerts of the files of rules, by their name."""
    return {
        rule["alert"]: rule
        for file in (ROOT / "prometheus/rules").glob("*.yml")
        for group in from_yaml(file.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def test_the_file_is_what_the_table_makes() -> None:
    assert build.ALERTS.read_text() == alert_rules.text()


def test_every_alert_is_there_with_its_query_its_time_and_its_severity() -> None:
    assert RULES.keys() == ALERTS.keys()
    for name, alert in shipped().items():
        rule = RULES[name]
        assert rule["data"][0]["model"]["expr"].replace("$$", "$") == alert["expr"].strip()
        assert rule["for"] == alert.get("for", "0s")
        assert rule["labels"]["severity"] == alert["labels"]["severity"]
        assert rule["noDataState"] == "OK"  # as in Prometheus, where nothing is nothing


def test_each_is_a_rule_by_grafanas_own_model_with_a_uid_that_it_takes() -> None:
    fields = set(alerting.Rule(for_val="").__dict__) | {"for", "keep_firing_for"}
    known = {name.removesuffix("_val").replace("_", "") for name in fields}
    for rule in RULES.values():
        assert {name.lower() for name in rule} <= known
        assert len(rule["uid"]) <= 40
        for query in rule["data"]:
            assert {name.lower() for name in query} <= {
                name.replace("_", "") for name in alerting.Query().__dict__
            }


def test_grafana_puts_nothing_of_its_environment_into_a_text() -> None:
    assert "$" not in build.ALERTS.read_text().replace("$$", "")
