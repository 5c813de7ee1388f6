"""Texts of alerts, in the templates of Prometheus.

A query within a text says `of` where the matchers of the alert's own labels go:
`query("sendkit_mailbox_status{of}", MAILBOX)`, `query('sendkit_mailbox_info{of,email!=""}', MAILBOX)`.
"""

import re

from exporter.nouns import counted
from prometheus.table.actions import ACTIONS
from prometheus.table.levels import LISTING, MAILBOX, Level
from prometheus.table.rule import Alert

LINKS = "sendkit:links:info"
"""The recorded addresses of runbooks and dashboards; see settings.yml."""

EXPORTERS = "topk(1, max by (external_url) (last_over_time(sendkit_exporter_web_info[2h])))"
"""Where an exporter can be reached, by its `--web.external-url`."""

VARIABLES = {"workspace": "workspace", "domain": "domain", "mailbox_id": "mailbox"}
"""The dashboards' variables by the label that sets them."""


def query(expr: str, level: Level, *variables: str) -> str:
    """Return a query of a template, narrowed to what the alert is about.

    Variables of the template take the first places (`%s`, `%q`) of the expression.
    """
    matchers = ",".join(f"{name}=%q" for name in level.labels)
    arguments = " ".join([*variables, *(f"$labels.{name}" for name in level.labels)])
    narrowed = re.sub(r"(?<=[{,])of(?=[,}])", matchers, expr)
    return f"query (printf `{narrowed}` {arguments})"


def number(expr: str, level: Level, *variables: str, noun: str = "") -> str:
    """Return the value of a query, as a whole number, with a noun if there is one: `1 send`, `4 sends`."""
    shown = several(noun, ".Value") if noun else "{{ printf `%.0f` .Value }}"
    return f"{{{{ range {query(expr, level, *variables)} }}}}{shown}{{{{ end }}}}"


def several(noun: str, value: str = "$value") -> str:
    """Return a value of a template, the alert's own or another one, as a whole number with its noun."""
    shown = f"printf `%.0f` {value}"
    return (
        f"{{{{ {shown} }}}} {{{{ if eq ({shown}) `1` }}}}{noun}{{{{ else }}}}{counted(noun, 2)}{{{{ end }}}}"
    )


def tenths(expr: str, level: Level, *variables: str) -> str:
    """Return the value of a query, with one decimal."""
    return f"{{{{ range {query(expr, level, *variables)} }}}}{{{{ printf `%.1f` .Value }}}}{{{{ end }}}}"


def duration(expr: str, level: Level) -> str:
    """Return the value of a query, as a duration."""
    return f"{{{{ range {query(expr, level)} }}}}{{{{ humanizeDuration .Value }}}}{{{{ end }}}}"


def percentage(expr: str, level: Level) -> str:
    """Return the value of a query, a ratio, in percent with one decimal."""
    return f"{tenths(f'100 * {expr}', level)} %"


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
MAILBOX_ADDRESS = 'last_over_time(sendkit_mailbox_info{of,email!=""}[2h])'
MAILBOX_NAME = label("email", MAILBOX_ADDRESS, MAILBOX, "{{ $labels.mailbox_id }}")
"""The address where the privacy mode allows it, else the id."""


def annotations(alert: Alert) -> dict[str, str]:
    """Return the annotations of an alert."""
    return {
        "summary": alert.summary,
        "description": " ".join(alert.description.split()),
        **({"worst": alert.worst} if alert.worst else {}),
        "action": ACTIONS[alert.alert],
        "page_url": _page(alert),
        "runbook_url": _runbook(alert),
        "dashboard_url": _linked("dashboards", _dashboard(alert)),
    }


def _page(alert: Alert) -> str:
    """Return where the exporter shows it to people, if it says where it is."""
    named = "workspace" in alert.level.labels and alert.level is not LISTING
    # A path has no plus for a space; a plus of the name is encoded.
    path = "/workspaces/{{ reReplaceAll `[+]` `%20` (urlquery $labels.workspace) }}" if named else "/"
    return f"{{{{ with query `{EXPORTERS}` }}}}{{{{ . | first | label `external_url` }}}}{path}{{{{ end }}}}"


def _runbook(alert: Alert) -> str:
    """Return where the exporter serves the runbook, if it says where it is; else where settings.yml says."""
    served = "{{ . | first | label `external_url` }}/runbooks/" + alert.alert
    elsewhere = _linked("runbooks", f"{alert.alert}.md")
    return f"{{{{ with query `{EXPORTERS}` }}}}{served}{{{{ else }}}}{elsewhere}{{{{ end }}}}"


def _linked(name: str, path: str) -> str:
    """Return a link below a recorded address; nothing while that is not set."""
    return f"{{{{ range query `{LINKS}` }}}}{{{{ with .Labels.{name} }}}}{{{{ . }}}}/{path}{{{{ end }}}}{{{{ end }}}}"


def _dashboard(alert: Alert) -> str:
    variables = [
        f"var-{VARIABLES[name]}={{{{ urlquery $labels.{name} }}}}"
        for name in alert.level.labels
        if name in VARIABLES
    ]
    return "?".join([alert.dashboard, *(["&".join(variables)] if variables else [])])
