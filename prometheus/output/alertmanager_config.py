"""Alertmanager's example configuration as a resource of the Prometheus operator."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from prometheus.output.rule_files import HEADER
from prometheus.output.yaml_text import as_comment, dump

COMMENT = """
    The routes and inhibition rules of prometheus/alertmanager.example.yml for a cluster's Alertmanager. Put
    your own receivers in the place of the two that it has.

    The operator adds a matcher for the namespace to each route and inhibition rule, and no alert of the
    exporter has that label: set `alertmanagerConfigMatcherStrategy: {type: None}` on the Alertmanager. The
    first matcher of the route leaves the other alerts of the cluster alone.
"""
OURS = {"name": "alertname", "matchType": "=~", "value": "SendKit.+"}


def manifest(configuration: str) -> str:
    """Return the resource for a configuration of Alertmanager."""
    loaded = yaml.safe_load(configuration)
    return f"{HEADER}#\n{as_comment(COMMENT)}" + dump(
        {
            "apiVersion": "monitoring.coreos.com/v1alpha1",
            "kind": "AlertmanagerConfig",
            "metadata": {"name": "sendkit", "labels": {"app.kubernetes.io/name": "sendkit-exporter"}},
            "spec": {
                "route": {"matchers": [OURS], **_converted(loaded["route"])},
                "receivers": _converted(loaded["receivers"]),
                "inhibitRules": [_inhibition(rule) for rule in loaded["inhibit_rules"]],
            },
        }
    )


def _inhibition(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sourceMatch": [_matcher(text) for text in rule["source_matchers"]],
        "targetMatch": [_matcher(text) for text in rule["target_matchers"]],
        **({"equal": rule["equal"]} if "equal" in rule else {}),
    }


def _converted(value: Any) -> Any:  # noqa: ANN401 - any part of a configuration
    """Return a part of a configuration with the operator's names."""
    if isinstance(value, list):
        return [_converted(one) for one in value]
    if isinstance(value, dict):
        return {
            _camel(key): [_matcher(text) for text in one] if key == "matchers" else _converted(one)
            for key, one in value.items()
        }
    return value


def _matcher(text: str) -> dict[str, str]:
    found = re.fullmatch(r'(\w+)(=~|!~|!=|=)"(.*)"', text)
    if not found:
        raise ValueError(f'{text} is no matcher of the form name="value"')
    return {"name": found[1], "matchType": found[2], "value": found[3]}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
