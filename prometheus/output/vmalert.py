"""The rules for vmalert, which differs from Prometheus in two ways.

vmalert writes what it records to VictoriaMetrics, and a query does not see the last 30 s: a rule that reads
what another one of its group recorded gets the value of the evaluation before. So each link of a chain is a
group of its own, evaluated some time after the one that it reads. And increase() of MetricsQL takes the first
value of a series for a rise: increase_prometheus() does not.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from prometheus.table import FILES
from prometheus.table.rule import Alert, Group, Record, RuleFile

STEP_SECONDS = 38
"""Between the links of a chain: the 30 s that are not seen, and the time to evaluate and to write."""

COMMENT = """
    For vmalert. Each link of a chain is a group of its own, evaluated 38 s after the one that it reads.
"""


def files() -> Iterator[RuleFile]:
    """Yield the files of rules for vmalert."""
    links = _links()
    for file in FILES:
        groups: dict[tuple[str, int, int], list[Record | Alert]] = {}
        for group in file.groups:
            for rule in group.rules:
                minutes, link = links[id(rule)]
                groups.setdefault((group.name, minutes, link), []).append(_metricsql(rule, minutes))
        yield replace(
            file,
            comment=f"{COMMENT}\n{file.comment}",
            groups=[
                Group(
                    name=f"{name}-{minutes}m-{link}",
                    interval=f"{minutes}m",
                    offset=f"{link * STEP_SECONDS}s",
                    rules=rules,
                )
                for (name, minutes, link), rules in sorted(groups.items(), key=lambda item: item[0][1:])
            ],
        )


def _metricsql(rule: Record | Alert, minutes: int) -> Record | Alert:
    expr = _increase(rule.expr)
    if isinstance(rule, Record):
        return replace(rule, expr=expr)
    return replace(rule, expr=expr, wait=_wait(rule.wait, minutes), description=_increase(rule.description))


def _wait(wait: str | None, minutes: int) -> str | None:
    """Return a rule's `for` in whole intervals, no shorter: 5 minutes at an interval of 4 last 8."""
    return wait and f"{-(-int(wait.removesuffix('m')) // minutes) * minutes}m"


def _increase(text: str) -> str:
    return re.sub(r"\bincrease\(", "increase_prometheus(", text)


def _links() -> Mapping[int, tuple[int, int]]:
    """Return each rule's interval in minutes, no shorter than what it reads, and its place in its chain."""
    rules = [
        (rule, int(group.interval.removesuffix("m")))
        for file in FILES
        for group in file.groups
        for rule in group.rules
    ]
    recorded: dict[str, tuple[int, int]] = {}
    links: dict[int, tuple[int, int]] = {}
    names = {rule.record for rule, _ in rules if isinstance(rule, Record)}
    while len(links) < len(rules):
        before = len(links)
        for rule, own in rules:
            read = read_now(rule.expr) & names
            if id(rule) in links or not read <= recorded.keys():
                continue
            minutes = max([own, *(recorded[name][0] for name in read)])
            link = max((recorded[name][1] + 1 for name in read), default=0)
            links[id(rule)] = (max(minutes, link * STEP_SECONDS // 60 + 1), link)
            if isinstance(rule, Record):
                recorded[rule.record] = links[id(rule)]
        if len(links) == before:
            raise ValueError("rules read each other in a circle")
    return links


def read_now(expr: str) -> set[str]:
    """Return the recorded series that an expression reads as they are now, not over a range of time."""
    return {
        found[1]
        for found in re.finditer(r"\b([a-z_]+:\w+(?::\w+)?)\b(?:\{[^}]*\})?(\[)?", expr)
        if not found[2]
    }
