"""Examples of receivers, put into Alertmanager's configuration."""

from collections.abc import Mapping
from typing import Any

import yaml

from prometheus.output.rule_files import HEADER
from prometheus.output.yaml_text import as_comment, dump

SLACK_COMMENT = """
    prometheus/alertmanager.example.yml with the receivers of prometheus/receivers/slack.yml, for the compose
    stack with SLACK_WEBHOOK_URL.
"""


def merged(configuration: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the receivers of an example in the place of those of the same names."""
    named = {receiver["name"]: receiver for receiver in example["receivers"]}
    receivers = [named.get(receiver["name"], receiver) for receiver in configuration["receivers"]]
    return {**configuration, **example, "receivers": receivers}


def with_slack(configuration: str, example: str) -> str:
    """Return the configuration of the compose stack that sends to Slack.

    The address is kept in memory, where deploy/compose/alertmanager.sh writes it.
    """
    in_memory = "/tmp/slack_webhook_url"  # noqa: S108 - the container's own tmpfs
    example = example.replace("/etc/alertmanager/slack_webhook_url", in_memory)
    return f"{HEADER}#\n{as_comment(SLACK_COMMENT)}" + dump(
        merged(yaml.safe_load(configuration), yaml.safe_load(example))
    )
