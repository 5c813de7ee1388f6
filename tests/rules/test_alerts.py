"""The alerts' unit tests on promtool, and what holds for each alert: labels, texts, runbook, dashboard."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from prometheus.table import ALERTS
from prometheus.table.annotations import WORKSPACE_NAME
from prometheus.table.levels import LISTING, MAILBOX
from tests.rules.promtool import ENTRIES, PROMETHEUS, RULE_FILES, TEST_FILES, Entry, promtool, run_entry
from tests.yaml_files import from_yaml

BASE = {
    "runbooks": "https://example.com/sendkit-exporter/prometheus/runbooks",
    "dashboards": "http://localhost:3000/d",
}


def rules() -> Iterator[dict[str, Any]]:
    for path in RULE_FILES:
        for group in from_yaml(path.read_text())["groups"]:
            yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def expectations() -> Iterator[dict[str, Any]]:
    """What the unit tests expect of alerts, all but those that try other addresses for their links."""
    for path in TEST_FILES:
        if path.name == "links.test.yml":
            continue
        for test in from_yaml(path.read_text())["tests"]:
            yield from test.get("alert_rule_test", [])


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_the_unit_tests_of_the_rules_pass(entry: Entry, tmp_path: Path) -> None:
    assert run_entry(entry, tmp_path) == ""


@pytest.mark.usefixtures("servers")
def test_promtool_finds_nothing_to_mend() -> None:
    run = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_alert_has_two_severities() -> None:
    """The default inhibition of kube-prometheus-stack would mute the warnings of all by the page of one."""
    named = [alert["alert"] for alert in alerts()]
    assert sorted(named) == sorted(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_seen_firing_and_silent(name: str) -> None:
    tests = [test for test in expectations() if test["alertname"] == name]
    fired = [alert for test in tests for alert in test["exp_alerts"]]
    row = ALERTS[name]
    for alert in fired:
        assert alert["exp_labels"]["severity"] == row.severity
        labels = set(alert["exp_labels"]) - {"severity"}
        assert labels < set(row.level.labels) if row.level is LISTING else labels == set(row.level.labels)
        annotations = alert["exp_annotations"]
        texts = {"summary", "description", "action"} | ({"worst"} if row.worst else set())
        assert set(annotations) == texts | {"page_url", "runbook_url", "dashboard_url"}
        assert all(annotations[text] for text in texts)
        assert annotations["runbook_url"] == f"{BASE['runbooks']}/{name}.md"
        assert re.match(
            rf"{re.escape(BASE['dashboards'])}/{row.dashboard}(\?|$)", annotations["dashboard_url"]
        )
    fires = [number for number, test in enumerate(tests) if test["exp_alerts"]]
    silent = [number for number, test in enumerate(tests) if not test["exp_alerts"]]
    assert min(silent) < min(fires)
    if name != "SendKitWorkspaceStale":  # there another one still fires at the end
        assert max(silent) > max(fires)


@pytest.mark.parametrize("name", ALERTS)
def test_no_annotation_is_a_mapping_where_it_is_read_as_yaml(name: str) -> None:
    """Alertmanager 0.33 reads the details of a message to PagerDuty as YAML."""
    texts = [
        text
        for test in expectations()
        if test["alertname"] == name
        for alert in test["exp_alerts"]
        for text in alert["exp_annotations"].values()
        if text
    ]
    assert texts
    for text in texts:
        assert from_yaml(text) == text
    # What a workspace is called, with colons too, reaches a text in one way alone.
    row = ALERTS[name]
    assert "$labels.workspace }}" not in f"{row.summary} {row.description}".replace(WORKSPACE_NAME, "")


@pytest.mark.parametrize("name", ALERTS)
def test_a_percentage_has_one_decimal(name: str) -> None:
    texts = [
        alert["exp_annotations"]["description"]
        for test in expectations()
        if test["alertname"] == name
        for alert in test["exp_alerts"]
    ]
    for number in re.findall(r"([\d.]+) ?%(?! (?:confidence|bound))", " ".join(texts)):
        assert re.fullmatch(r"\d+\.\d", number), texts


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert {path.stem for path in (PROMETHEUS / "runbooks").glob("*.md")} == set(ALERTS)
    for alert in alerts():
        runbook = alert["annotations"]["runbook_url"]
        assert f"/runbooks/{alert['alert']}{{{{" in runbook
        assert f"/{alert['alert']}.md{{{{" in runbook


@pytest.mark.parametrize("name", ALERTS)
def test_a_runbook_says_what_to_do(name: str) -> None:
    text = (PROMETHEUS / f"runbooks/{name}.md").read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert text.startswith(f"# {name}\n\nSeverity: {ALERTS[name].severity}")
    assert headings == ["What it means", "First three checks", "What to do", "How to silence"]
    assert len(re.findall(r"^\d\. ", text, re.MULTILINE)) == 3
    (command,) = re.findall(r"^amtool .+$", text, re.MULTILINE)
    matchers = re.findall(r"""'(\w+)="(\w+)"'""", command)
    assert matchers[0] == ("alertname", name)
    level = ALERTS[name].level
    named = {label for label, _ in matchers[1:]}
    # A mailbox's id is enough, its domain says nothing more; what is listed has few of its labels at a time.
    enough = {MAILBOX: {"workspace", "mailbox_id"}, LISTING: set()}
    assert named == enough.get(level, set(level.labels))


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("name", ALERTS)
def test_a_runbooks_queries_can_be_parsed(name: str, tmp_path: Path) -> None:
    text = (PROMETHEUS / f"runbooks/{name}.md").read_text()
    queries = [
        line.strip()
        for block in re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
        for line in block.strip().splitlines()
    ]
    assert queries
    (tmp_path / "queries.yml").write_text(
        yaml.safe_dump(
            {
                "groups": [
                    {
                        "name": "q",
                        "rules": [{"record": f"q{n}", "expr": query} for n, query in enumerate(queries)],
                    }
                ]
            }
        )
    )
    run = promtool("check", "rules", tmp_path / "queries.yml")
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_rule_holds_an_address() -> None:
    """Nothing leads to an address that nobody has set."""
    for path in RULE_FILES:
        expressions = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
        assert [line for line in expressions if "://" in line] == []


def test_recorded_names_say_level_metric_and_operation() -> None:
    for rule in rules():
        if "record" in rule:
            assert re.fullmatch(r"[a-z]+(_[a-z]+)?:\w+:\w+", rule["record"])


def test_configured_thresholds_are_never_numbers_in_a_rule() -> None:
    """Each is read from sendkit_alert_threshold, and none of the default ratios is written in an alert."""
    read = {name for rule in rules() for name in re.findall(r'threshold="(\w+)"', rule["expr"])}
    assert read == {
        "mailbox_bounce_ratio_warning",
        "mailbox_bounce_ratio_critical",
        "domain_bounce_ratio_critical",
        "workspace_bounce_ratio_critical",
        "minimum_bounces",
        "domain_minimum_bounces",
        "daily_limit_usage",
        "reply_ratio_drop",
        "unhealthy_mailboxes_warning",
        "unhealthy_mailboxes_critical",
        "spam_ratio_warning",
    }
    for alert in alerts():
        assert not re.search(r"\b0\.0[35]\b|\b0\.[39]\b", alert["expr"]), alert["alert"]
