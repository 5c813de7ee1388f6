"""The domains or mailboxes behind an alert: the annotation `worst`, a sentence with their numbers.

An alert on a workspace or a domain inhibits those on its parts, so that no other message names them.
"""

from prometheus.table.annotations import MAILBOX_ADDRESS, query, several
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE, Level

NAMED = 5
"""So many are named at most."""

PART = {WORKSPACE: DOMAIN, DOMAIN: MAILBOX}
"""What an alert's worst parts are."""

SPANS = {"1d": "24 h", "7d": "7 days"}


def bouncing(level: Level, window: str) -> str:
    """Return the sentence on the domains of a workspace, or the mailboxes of a domain, with most bounces."""
    part = PART[level]
    emails = f"{part.name}:sendkit_emails"
    sends = f"{{{{ range {_of_each(f'{emails}_sent:increase{window}{{of}}', part)} }}}}{several('send', '.Value')}{{{{ end }}}}"
    return _listed(
        _most(f"{emails}_bounced:increase{window}{{of}} >= 0.5", level),
        f"Most bounces within {SPANS[window]} are of ",
        f"{_name(part)} ({{{{ printf `%.0f` $each.Value }}}} of {sends})",
    )


def unhealthy() -> str:
    """Return the sentence on the mailboxes of a domain that are unhealthy, with their status."""
    status = f"{{{{ with {_of_each('sendkit_mailbox_status{of} == 1', MAILBOX)} }}}}{{{{ $status := . | first | label `status` }}}}{{{{ if eq $status `active` }}}} (bounces){{{{ else }}}} ({{{{ $status }}}}){{{{ end }}}}{{{{ end }}}}"
    expr = "mailbox:sendkit_unhealthy:bool{of} == 1"
    found = f"sortByLabel `mailbox_id` ({query(f'topk({NAMED}, {expr})', DOMAIN)})"
    return _listed(found, "Unhealthy are ", f"{_name(MAILBOX)}{status}")


def left_active() -> str:
    """Return the sentence on the domains whose mailboxes left `active` within an hour."""
    expr = "count by (workspace, domain) (mailbox:sendkit_active:bool{of} == 0 and max_over_time(mailbox:sendkit_active:bool[1h]) == 1 unless on (workspace, domain, mailbox_id) mailbox:sendkit_sending_enabled:bool == 0)"
    return _listed(
        _most(expr, WORKSPACE), "Most are of ", f"{_name(DOMAIN)} ({{{{ printf `%.0f` $each.Value }}}})"
    )


def _most(expr: str, level: Level) -> str:
    """Return a query for what has most of something, that first."""
    return query(f"sort_desc(topk({NAMED}, {expr}))", level)


def _listed(found: str, head: str, each: str) -> str:
    """Return a sentence that names what a query has found; nothing where that is nothing."""
    return f"{{{{ range $place, $each := {found} }}}}{{{{ if $place }}}}, {{{{ else }}}}{head}{{{{ end }}}}{each}{{{{ end }}}}"


def _name(part: Level) -> str:
    if part is DOMAIN:
        return "{{ $each.Labels.domain }}"
    found = _of_each(MAILBOX_ADDRESS, MAILBOX)
    return f"{{{{ with {found} }}}}{{{{ . | first | label `email` }}}}{{{{ else }}}}{{{{ $each.Labels.mailbox_id }}}}{{{{ end }}}}"


def _of_each(expr: str, part: Level) -> str:
    """Return a query narrowed to one of those that are listed."""
    return query(expr, part).replace("$labels.", "$each.Labels.")
