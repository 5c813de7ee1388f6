"""The rules that a unit test is run on are all that it depends on."""

import json
import re
from pathlib import Path

import pytest

from prometheus.table import ALERTS
from tests.rules.needed import needed, read_by
from tests.rules.promtool import ENTRIES, PROMETHEUS, RULE_FILES, groups_of, promtool, run_test
from tests.yaml_files import from_yaml

GROUPS = groups_of([*RULE_FILES, PROMETHEUS / "tests/links.yml"])
RECORDED = {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}


def expected(name: str) -> dict[str, object]:
    """Return a unit test that expects an alert."""
    return {"alert_rule_test": [{"alertname": name, "eval_time": "1m", "exp_alerts": [{}]}]}


@pytest.mark.parametrize("name", ALERTS)
def test_what_an_alert_needs_holds_all_that_it_reads(name: str) -> None:
    rules = [rule for group in needed(GROUPS, expected(name)) for rule in group["rules"]]
    names = {rule.get("record") or rule["alert"] for rule in rules}
    texts = [text for rule in rules for text in (rule["expr"], *rule.get("annotations", {}).values())]
    words = {word for text in texts for word in re.findall(r"[\w:]+:\w+", text)}

    assert names & ALERTS.keys() == {name}
    assert words & RECORDED <= names
    # A template asks for `increase%s`, with a window: all of them are there.
    begun = {word for text in texts for word in re.findall(r"([\w:]+:\w+)%", text)}
    assert {record for record in RECORDED if any(record.startswith(word) for word in begun)} <= names
    assert len(rules) < sum(len(group["rules"]) for group in GROUPS)


def test_an_alert_that_is_expected_to_be_silent_needs_no_annotations() -> None:
    [(path, place)] = [entry for name, entry in ENTRIES.items() if "a spike on a domain" in name]
    test = from_yaml(path.read_text())["tests"][place]
    silent = [asked for asked in test["alert_rule_test"] if not asked["exp_alerts"]]

    rules = [rule for group in needed(GROUPS, {"alert_rule_test": silent}) for rule in group["rules"]]

    assert {rule["alert"] for rule in rules if "alert" in rule} == {
        "SendKitDomainBounceSpike",
        "SendKitWorkspaceBounceSpike",
    }
    assert not [rule for rule in rules if "annotations" in rule]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('ALERTS{alertname="SendKitMailboxError"}', {"SendKitMailboxError"}),
        ('ALERTS{alertname=~"SendKitMailbox.+", alertname!~".+(Active|Spike|Burn|Dropped)"}', None),
        ('count(ALERTS{alertstate="firing"})', {*ALERTS}),
        ('ALERTS{alertname!="SendKitMailboxError"}', {*ALERTS} - {"SendKitMailboxError"}),
        ('ALERTS_FOR_STATE{domain="}",alertname="SendKitBlacklisted"}', {"SendKitBlacklisted"}),
        ("up == 0", set()),
    ],
)
def test_alerts_are_read_by_what_selects_them(expression: str, names: set[str] | None) -> None:
    rules = [rule for group in GROUPS for rule in group["rules"]]
    several = {"SendKitMailboxError", "SendKitMailboxBouncing"}
    assert {*read_by(expression, rules)} == (several if names is None else names)


def test_promtool_gives_the_same_answers_on_the_needed_rules(tmp_path: Path) -> None:
    """Of an alert, its text included, and of a series: what it says of a wrong expectation shows them."""
    [(path, place)] = [entry for name, entry in ENTRIES.items() if "a spike on a domain" in name]
    file = from_yaml(path.read_text())
    groups = groups_of(path.parent / name for name in file.pop("rule_files"))
    wrong = {"exp_labels": {"severity": "none"}}
    test = file.pop("tests")[place] | {
        "alert_rule_test": [
            {"alertname": "SendKitDomainBounceSpike", "eval_time": "110m", "exp_alerts": [wrong]}
        ],
        "promql_expr_test": [{"expr": "domain:sendkit_bounce_spike:bool", "eval_time": "110m"}],
    }
    on_needed = run_test(test, groups, tmp_path, **file)

    every = tmp_path / "every.test.yml"
    rules = [str(path.parent / name) for name in from_yaml(path.read_text())["rule_files"]]
    every.write_text(json.dumps(file | {"rule_files": rules, "tests": [test]}))
    on_all = promtool("test", "rules", every)

    assert "Domain a.example of workspace acme - inc has 20 bounces of 200 sends" in on_needed
    assert "__name__" in on_needed
    without_path = on_needed.splitlines()[1:]
    assert without_path == (on_all.stdout + on_all.stderr).splitlines()[1:]
