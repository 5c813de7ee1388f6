"""The mixin is the rules and dashboards that are shipped, as jsonnet reads them."""

import json
from pathlib import Path
from typing import Any

import rjsonnet

from tests.dashboards import dashboards
from tests.yaml_files import from_yaml

ROOT = Path(__file__).parents[2]
MIXIN = ROOT / "deploy/mixin/mixin.libsonnet"


def made(field: str) -> Any:  # noqa: ANN401 - as in JSON
    """Return a hidden field of the mixin, as an installation takes it."""
    return json.loads(rjsonnet.evaluate_snippet("main", f"(import '{MIXIN}').{field}"))


def shipped() -> list[dict[str, Any]]:
    """Return the groups of every file of rules."""
    files = sorted((ROOT / "prometheus/rules").glob("*.yml"))
    return [group for file in files for group in from_yaml(file.read_text())["groups"]]


def test_every_group_of_rules_is_in_it_once() -> None:
    groups = made("prometheusAlerts.groups") + made("prometheusRules.groups")
    assert sorted(groups, key=lambda group: group["name"]) == sorted(
        shipped(), key=lambda group: group["name"]
    )
    assert not any("alert" in rule for group in made("prometheusRules.groups") for rule in group["rules"])


def test_every_dashboard_is_in_it() -> None:
    assert {each["uid"]: each for each in made("grafanaDashboards").values()} == dashboards()
