"""Texts of alerts, in the templates of Prometheus.

A query within a text says `of` where the matchers of the alert's own labels go:
`query("sendkit_mailbox_status{of}", MAILBOX)`, `query('sendkit_mailbox_info{of,email!=""}', MAILBOX)`.
"""

from prometheus.table.levels import MAILBOX, Level
from prometheus.table.rule import Alert

LINKS = "sendkit:links:info"
"""The recorded addresses of runbooks and dashboards; see settings.yml."""

VARIABLES = {"workspace": "workspace", "domain": "domain", "mailbox_id": "mailbox"}
"""The dashboards' variables by the label that sets them."""


def query(expr: str, level: Level) -> str:
    """Return a query of a template, narrowed to what the alert is about."""
    matchers = ",".join(f"{name}=%q" for name in level.labels)
    labels = " ".join(f"$labels.{name}" for name in level.labels)
    return f"query (printf `{expr.replace('{of', f'{{{matchers}')}` {labels})"


def number(expr: str, level: Level) -> str:
    """Return the value of a query, as a whole number."""
    return f"{{{{ range {query(expr, level)} }}}}{{{{ printf `%.0f` .Value }}}}{{{{ end }}}}"


def duration(expr: str, level: Level) -> str:
    """Return the value of a query, as a duration."""
    return f"{{{{ range {query(expr, level)} }}}}{{{{ humanizeDuration .Value }}}}{{{{ end }}}}"


def percentage(expr: str, level: Level) -> str:
    """Return the value of a query, a ratio, in percent with one decimal."""
    return f"{{{{ range {query(f'100 * {expr}', level)} }}}}{{{{ printf `%.1f` .Value }}}}{{{{ end }}}} %"


def label(name: str, expr: str, level: Level, otherwise: str) -> str:
    """Return a label of the first series of a query, or another text where there is none."""
    return f"{{{{ with {query(expr, level)} }}}}{{{{ . | first | label `{name}` }}}}{{{{ else }}}}{otherwise}{{{{ end }}}}"


VALUE = "{{ printf `%.0f` $value }}"
"""The alert's own value, as a whole number."""

VALUE_PERCENTAGE = "{{ range query (printf `100 * vector(%f)` $value) }}{{ printf `%.1f` .Value }}{{ end }} %"
"""The alert's own value, a ratio, in percent with one decimal: templates cannot multiply, but PromQL can."""

WORKSPACE_NAME = "{{ reReplaceAll `:(\\s|$)` ` -$1` $labels.workspace }}"
"""The name, without a colon that would make a mapping of the text where it is read as YAML."""

DOMAIN_NAME = "{{ $labels.domain }}"
MAILBOX_NAME = label(
    "email", 'last_over_time(sendkit_mailbox_info{of,email!=""}[2h])', MAILBOX, "{{ $labels.mailbox_id }}"
)
"""The address where the privacy mode allows it, else the id."""


def bounces_of_sends(level: Level) -> str:
    """Return the bounces of the sends of a day."""
    bounced = number(f"{level.name}:sendkit_emails_bounced:increase1d{{of}}", level)
    sent = number(f"{level.name}:sendkit_emails_sent:increase1d{{of}}", level)
    return f"{bounced} bounces of {sent} sends within 24 h"


def at_least(confidence: str) -> str:
    """Return the sentence on the alert's value, a lower bound of the bounce rate."""
    return f"The bounce rate is at least {VALUE_PERCENTAGE} ({confidence} % confidence)."


def annotations(alert: Alert) -> dict[str, str]:
    """Return the annotations of an alert."""
    return {
        "summary": alert.summary,
        "description": " ".join(alert.description.split()),
        "runbook_url": f"{_address('runbooks')}/{alert.alert}.md",
        "dashboard_url": f"{_address('dashboards')}/{_dashboard(alert)}",
    }


def _address(name: str) -> str:
    return f"{{{{ range query `{LINKS}` }}}}{{{{ .Labels.{name} }}}}{{{{ end }}}}"


def _dashboard(alert: Alert) -> str:
    variables = [
        f"var-{VARIABLES[name]}={{{{ urlquery $labels.{name} }}}}"
        for name in alert.level.labels
        if name in VARIABLES
    ]
    return "?".join([alert.dashboard, *(["&".join(variables)] if variables else [])])
