"""The rules that a unit test looks at, and all that these read: promtool evaluates every rule it is given."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

Rule = dict[str, Any]
Group = dict[str, Any]
Test = dict[str, Any]

_ALERTS = re.compile(r"\bALERTS(?:_FOR_STATE)?\b(?:\{(?P<matchers>(?:[^}\"]|\"[^\"]*\")*)\})?")
_ALERT_NAME = re.compile(r"\balertname\s*(=~|!~|!=|=)\s*\"([^\"]*)\"")


def needed(groups: Iterable[Group], test: Test) -> list[Group]:
    """Return the groups without the rules that no query and no expectation of the test depends on.

    An alert keeps its annotations, which ask queries of their own, where the test expects it.
    """
    alone = [group | {"rules": [_shown(rule, test) for rule in group["rules"]]} for group in groups]
    rules = [rule for group in alone for rule in group["rules"]]
    reached = _reached(rules, test)
    return [
        group | {"rules": kept}
        for group in alone
        if (kept := [rule for rule in group["rules"] if _name(rule) in reached])
    ]


def _shown(rule: Rule, test: Test) -> Rule:
    """Return a rule, without annotations unless the test expects this alert."""
    expected = any(
        asked["exp_alerts"]
        for asked in test.get("alert_rule_test", [])
        if asked["alertname"] == rule.get("alert")
    )
    return rule if expected else {key: value for key, value in rule.items() if key != "annotations"}


def _reached(rules: list[Rule], test: Test) -> set[str]:
    """Return the names of the rules that the test asks for, and of those that they read, and so on."""
    texts: dict[str, list[str]] = {}
    for rule in rules:
        texts.setdefault(_name(rule), []).extend((rule["expr"], *rule.get("annotations", {}).values()))
    reached: set[str] = {asked["alertname"] for asked in test.get("alert_rule_test", [])}
    waiting = [text for name in reached for text in texts.get(name, [])]
    waiting += [asked["expr"] for asked in test.get("promql_expr_test", [])]
    while waiting:
        for name in {*read_by(waiting.pop(), rules)} - reached:
            reached.add(name)
            waiting += texts[name]
    return reached


def read_by(text: str, rules: Iterable[Rule]) -> Iterator[str]:
    """Yield the names of the rules whose series or alerts an expression or a template may read.

    A template may fill in the end of a name: `increase%s` reads each name that begins so.
    """
    beginnings = tuple(re.findall(r"([\w:]+:\w*)%", text))
    patterns = [_alert_names(found["matchers"] or "") for found in _ALERTS.finditer(text)]
    for rule in rules:
        if "record" in rule:
            if rule["record"] in text or rule["record"].startswith(beginnings):
                yield rule["record"]
        elif any(all(_matches(rule["alert"], *each) for each in pattern) for pattern in patterns):
            yield rule["alert"]


def _alert_names(matchers: str) -> list[tuple[str, str]]:
    return _ALERT_NAME.findall(matchers)


def _matches(name: str, operator: str, value: str) -> bool:
    matches = re.fullmatch(value, name) is not None if "~" in operator else name == value
    return matches is not operator.startswith("!")


def _name(rule: Rule) -> str:
    return str(rule.get("record") or rule["alert"])
