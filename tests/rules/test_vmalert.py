"""The rules for vmalert: on today's vmalert, and what makes its evaluations see what they read."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from prometheus.output.vmalert import STEP_SECONDS, read_now
from tests.rules.needed import needed
from tests.rules.promtool import PROMETHEUS, groups_of
from tests.servers import NEWEST
from tests.yaml_files import from_yaml

FILES = sorted((PROMETHEUS / "vmalert").glob("*.yml"))
GROUPS: list[dict[str, Any]] = [group for path in FILES for group in from_yaml(path.read_text())["groups"]]


TIMES = ("99m", "240m")
"""When the spike of the unit tests is looked at: before it, and when each window has settled."""


def offset(group: dict[str, Any]) -> int:
    return int(group["eval_offset"].removesuffix("s"))


def interval(group: dict[str, Any]) -> int:
    return 60 * int(group["interval"].removesuffix("m"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_vmalert_takes_the_rules_written_for_it(path: Path) -> None:
    run = subprocess.run(
        [NEWEST / "vmalert", "-dryRun", f"-rule={path}"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_rule_is_evaluated_after_what_it_reads_was_written() -> None:
    """A query does not see the last 30 s."""
    recorded = {rule["record"]: group for group in GROUPS for rule in group["rules"] if "record" in rule}
    seen = 0
    for group in GROUPS:
        assert offset(group) < interval(group), group["name"]
        for rule in group["rules"]:
            for name in read_now(rule["expr"]) & recorded.keys():
                seen += 1
                assert offset(group) - offset(recorded[name]) >= STEP_SECONDS > 30, (group["name"], name)
                assert interval(group) >= interval(recorded[name]), (group["name"], name)
    assert seen > len(GROUPS)


def test_the_rules_are_those_for_prometheus() -> None:
    """But for the function that sees rises as Prometheus does."""

    def expressions(folder: str) -> list[tuple[str, str]]:
        return sorted(
            (rule.get("record") or rule["alert"], rule["expr"].strip())
            for path in (PROMETHEUS / folder).glob("*.yml")
            for group in from_yaml(path.read_text())["groups"]
            for rule in group["rules"]
        )

    theirs = expressions("vmalert")
    assert not [name for name, expr in theirs if "increase(" in expr]
    prometheus = [(name, expr.replace("increase_prometheus(", "increase(")) for name, expr in theirs]
    assert prometheus == expressions("rules")


def test_a_spike_pages_as_on_prometheus(tmp_path: Path) -> None:
    """The same samples, the same page, with the same text, as in the unit tests on promtool."""
    loaded = from_yaml((PROMETHEUS / "tests/bounces.test.yml").read_text())
    spike = next(test for test in loaded["tests"] if test["name"].startswith("a spike on a domain"))
    looked_at = [test for test in spike["alert_rule_test"] if test["eval_time"] in TIMES]
    pages = {alert["exp_labels"]["severity"] for test in looked_at for alert in test["exp_alerts"]}
    assert (len(looked_at), pages) == (3, {"critical"})
    test = {
        "interval": spike["interval"],
        "input_series": spike["input_series"],
        "alert_rule_test": looked_at,
    }
    groups = needed([*sorted(GROUPS, key=offset), *groups_of([PROMETHEUS / "tests/links.yml"])], test)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    (tmp_path / "spike.yml").write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(tmp_path / "rules.yml")],
                "evaluation_interval": "1m",
                "group_eval_order": [group["name"] for group in groups],
                "tests": [test],
            }
        )
    )

    run = subprocess.run(
        [
            *(NEWEST / "vmalert-tool", "unittest", "--disableAlertgroupLabel"),
            f"--files={tmp_path / 'spike.yml'}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
