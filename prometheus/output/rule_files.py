"""The files of rules as Prometheus reads them."""

import textwrap
from typing import Any

from prometheus.output.yaml_text import as_comment, dump
from prometheus.table.annotations import annotations
from prometheus.table.rule import Alert, Group, Record, RuleFile

HEADER = "# Written by `make rules` from prometheus/table, where changes of the project belong.\n"
LONGEST_LINE = 100


def text(file: RuleFile) -> str:
    """Return the text of a file of rules, with its comments."""
    groups = "\n".join(textwrap.indent(_group_text(group), "  ") for group in file.groups)
    return f"{HEADER}#\n{as_comment(file.comment)}groups:\n{groups}"


def content(file: RuleFile) -> dict[str, Any]:
    """Return a file of rules as data."""
    return {
        "groups": [{**_head(group), "rules": [rule(one) for one in group.rules]} for group in file.groups]
    }


def rule(one: Record | Alert) -> dict[str, Any]:
    """Return a rule as data."""
    if isinstance(one, Record):
        labels = {"labels": dict(one.labels)} if one.labels else {}
        return {"record": one.record, **labels, "expr": _expr(one.expr)}
    return {
        "alert": one.alert,
        "expr": _expr(one.expr),
        **({"for": one.wait} if one.wait else {}),
        **({"keep_firing_for": one.keep} if one.keep else {}),
        "labels": {"severity": one.severity},
        "annotations": annotations(one),
    }


def _head(group: Group) -> dict[str, str]:
    offset = {"eval_offset": group.offset} if group.offset else {}
    return {"name": group.name, "interval": group.interval, **offset}


def _group_text(group: Group) -> str:
    rules = "".join(f"{as_comment(one.comment)}{dump([rule(one)])}" for one in group.rules)
    head = textwrap.indent(dump(_head(group)), "  ")[2:]
    return f"{as_comment(group.comment)}- {head}  rules:\n{textwrap.indent(rules, '    ')}"


def _expr(expr: str) -> str:
    """Return an expression, with a line's end where YAML would fold it."""
    return f"{expr.strip()}\n" if "\n" in expr or len(expr) > LONGEST_LINE else expr
