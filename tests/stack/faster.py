"""Faster time: rules and configurations with every duration divided by one factor, and nothing else changed.

A duration stands in one of three places:

- as the value of a key that names one (`for`, `interval`, `group_wait`, `scrape_interval`, ...)
- in an expression, or a query in an annotation: as a range, a subquery's range and step, or after `offset`
- in an expression as a bare number of seconds beside a recorded number of seconds:
  `clamp_min(3 * workspace:sendkit_poll_interval:seconds, 300)`, or one that it is compared with

Thresholds, quantiles, counts, labels and the words of annotations stay as they are.
"""

import re
from functools import partial
from typing import Any

KEYS = frozenset({
    *("for", "keep_firing_for", "interval", "eval_offset"),
    *("group_wait", "group_interval", "repeat_interval"),
    *("scrape_interval", "scrape_timeout", "evaluation_interval", "refresh_interval"),
})  # fmt: skip
"""The keys of rules, of Prometheus, vmalert and Alertmanager whose values are durations."""

MILLISECONDS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "y": 31_536_000_000,
}
SPAN = r"(?:\d+(?:ms|[smhdwy]))+"
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_IN_EXPRESSION = re.compile(rf"(?<=[\[:]){SPAN}(?=[\]:])|(?<=\boffset ){SPAN}\b")
_BARE_SECONDS = re.compile(r"(?<=\)\), )\d+(?=\))|(?<=:seconds, )\d+(?=\))|(?<=:seconds > )\d+\b")


def span(duration: str, factor: int) -> str:
    """Return a duration, as Prometheus writes it, divided by a factor; raise ValueError for another text."""
    if not re.fullmatch(SPAN, duration):
        raise ValueError(f"found {duration!r}, expected a duration such as 5m or 167h59m")
    whole = sum(int(number) * MILLISECONDS[unit] for number, unit in _PART.findall(duration))
    return f"{round(whole / factor)}ms"


def expression(text: str, factor: int) -> str:
    """Return an expression, or a template with queries, with its durations divided by a factor."""
    shorter = _IN_EXPRESSION.sub(lambda found: span(found[0], factor), text)
    return _BARE_SECONDS.sub(lambda found: f"{int(found[0]) / factor:g}", shorter)


def faster(tree: Any, factor: int) -> Any:  # noqa: ANN401 - as YAML gives it
    """Return rules or a configuration, as read from YAML, with every duration divided by a factor."""
    again = partial(faster, factor=factor)
    if isinstance(tree, dict):
        return {key: span(part, factor) if key in KEYS else again(part) for key, part in tree.items()}
    if isinstance(tree, list):
        return [again(part) for part in tree]
    return expression(tree, factor) if isinstance(tree, str) else tree
