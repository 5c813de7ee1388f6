"""Alertmanager's inhibition rules: one incident is one page."""

from typing import Any

from prometheus.output.yaml_text import as_comment, dump
from prometheus.table import ALERTS
from prometheus.table.incidents import DOWN, REASONS


def inhibit_rules() -> list[tuple[str, dict[str, Any]]]:
    """Return the rules, each with its reason."""
    return [(reason, _rule(source)) for source, reason in REASONS.items()]


def text() -> str:
    """Return the section of Alertmanager's configuration."""
    rules = "".join(f"{as_comment(reason)}{dump([rule])}" for reason, rule in inhibit_rules())
    return f"inhibit_rules:\n{''.join(f'  {line}' for line in rules.splitlines(keepends=True))}"


def _rule(source: str) -> dict[str, Any]:
    if source == DOWN:
        targets = ['alertname=~"SendKit.+"', f'alertname!="{DOWN}"']
        return {"source_matchers": [f'alertname="{DOWN}"'], "target_matchers": targets}
    targets = [name for name, alert in ALERTS.items() if source in alert.inhibited_by]
    return {
        "source_matchers": [f'alertname="{source}"'],
        "target_matchers": [f'alertname=~"{"|".join(targets)}"'],
        "equal": list(ALERTS[source].level.labels),
    }


def replaced(configuration: str) -> str:
    """Return a configuration that ends with the inhibition rules, with those as they are now."""
    before, _, _ = configuration.partition("inhibit_rules:\n")
    return before + text()
