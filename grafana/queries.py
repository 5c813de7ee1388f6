"""PromQL that several panels share. Recorded series are not repeated here; see prometheus/rules."""

from prometheus.table.bounce_limits import BounceLimit
from prometheus.table.bounce_nearness import near_beginning

WORKSPACES = 'workspace=~"$workspace"'
WORKSPACES_OR_NONE = 'workspace=~"$workspace|"'
"""Of the workspaces chosen, or of the exporter as a whole."""

DOMAIN = f'{WORKSPACES},domain="$domain"'
MAILBOX = f'{DOMAIN},mailbox_id="$mailbox"'
BY_DOMAIN = "workspace, domain"
BY_MAILBOX = "workspace, domain, mailbox_id"
WEEK_AGO = "offset 7d"


def firing(labels: str) -> str:
    """Return the alerts that fire, without those that are never routed."""
    return _alerts("firing", labels)


def pending(labels: str) -> str:
    """Return the alerts that will fire if nothing changes."""
    return _alerts("pending", labels)


def _alerts(state: str, labels: str) -> str:
    return f'ALERTS{{alertname=~"SendKit.*",alertstate="{state}",severity=~"critical|warning",{labels}}}'


def count(vector: str) -> str:
    """Return how many series there are, 0 when there is none."""
    return f"count({vector}) or vector(0)"


def level(name: str, labels: str = WORKSPACES) -> str:
    """Return a configured threshold, of several workspaces the lowest."""
    return f'min(workspace:sendkit_alert_threshold:last2h{{{labels},threshold="{name}"}})'


def of_page(limit: BounceLimit, labels: str, by: str) -> str:
    """Return how near an alert is to beginning: at 1 it pages, if mails still bounce."""
    return f"max by ({by}) ({near_beginning(limit, labels)})"


def level_of_domain(name: str) -> str:
    """Return a configured threshold of the workspace that the domain belongs to."""
    own = f"domain:sendkit_unhealthy_mailboxes:ratio{{{DOMAIN}}}"
    return (
        f'min(workspace:sendkit_alert_threshold:last2h{{{WORKSPACES},threshold="{name}"}}'
        f" and on (workspace) {own})"
    )


def newest(series: str) -> str:
    """Return a series that is recorded every half hour."""
    return f"last_over_time({series}[1h])"


def week_ago(series: str) -> str:
    """Return a series as it was a week ago."""
    return f"{series} {WEEK_AGO}"


def addressed(vector: str, labels: str = WORKSPACES) -> str:
    """Return a vector of mailboxes with the label `address`: the address where it is shown, else the id."""
    return address_of(with_email(vector, labels))


def in_domain(vector: str) -> str:
    """Return a vector of a domain's mailboxes with the label `address`, less the domain."""
    return f'label_replace({addressed(vector, DOMAIN)}, "address", "$1", "address", "([^@]+)@.*")'


def with_email(vector: str, labels: str = WORKSPACES) -> str:
    """Return those of a vector whose mailbox is known, with the label `email` where it is shown."""
    info = f"max by ({BY_MAILBOX}, email) (sendkit_mailbox_info{{{labels}}})"
    return f"{vector} * on ({BY_MAILBOX}) group_left (email) topk by ({BY_MAILBOX}) (1, {info})"


def address_of(vector: str) -> str:
    """Return a vector with the label `address`: its `email`, else its `mailbox_id`, else none."""
    by_id = f'label_replace({vector}, "address", "$1", "mailbox_id", "(.+)")'
    return f'label_replace({by_id}, "address", "$1", "email", "(.+)")'


def state(metric: str, labels: str, states: tuple[str, ...]) -> str:
    """Return the state that a mailbox is in: its place among the documented states, counted from 1."""
    codes = [
        f'{number} * (max({metric}{{{labels},status="{name}"}}) == 1)'
        for number, name in enumerate(states, start=1)
    ]
    others = f'{metric}{{{labels},status!~"{"|".join(states)}"}}'
    return " or ".join([*codes, f"{len(states) + 1} * (max({others}) == 1)"])
