"""What the choice of a provider and of a tag leaves of mailboxes, of domains, and of sums.

A variable is `.*` for All. The metrics that a choice is tried on do not have the label `provider`, `tag` or
`chosen`, so that a matcher sees an empty text: `chosen=~"$provider$tag"` selects every series for All and none
otherwise, `chosen!~"$provider$tag"` the other way round. For All nothing is joined, and nothing is missing
where no provider and no tag is known.
"""

from collections.abc import Callable

from grafana.queries import BY_DOMAIN, BY_MAILBOX, DOMAIN, WORKSPACES

EVERY = 'chosen=~"$provider$tag"'
SOME = 'chosen!~"$provider$tag"'


def of_mailboxes(vector: str, labels: str = WORKSPACES) -> str:
    """Return those of a vector of mailboxes that have the chosen provider and one of the chosen tags."""
    unless = f" unless on ({BY_MAILBOX}) "

    def others(name: str) -> str:
        every = _lately("info", f'{labels},{name}!~"${name}"')
        chosen = _lately(f"{name}_info", f'{labels},{SOME},{name}=~"${name}"')
        return f"({every}{unless}{chosen})"

    return f"({vector}{unless}{others('provider')}{unless}{others('tag')})"


def of_domains(vector: str) -> str:
    """Return those of a vector of domains that have a mailbox of the chosen provider and tag."""
    known = _lately("info", f"{WORKSPACES},{SOME}")
    chosen = of_mailboxes(known)
    return f"({vector} unless on ({BY_DOMAIN}) ({known} unless on ({BY_DOMAIN}) {chosen}))"


def of_domain(series: str, read: Callable[[str], str] = str) -> str:
    """Return the sum of what is recorded for the domain, or for its mailboxes chosen.

    `read` makes an expression of a selector.
    """
    some = of_mailboxes(read(f"mailbox:{series}{{{DOMAIN},{SOME}}}"), DOMAIN)
    return f"(sum({read(f'domain:{series}{{{DOMAIN},{EVERY}}}')}) or sum({some}))"


def of_fleet(series: str, read: Callable[[str], str] = str) -> str:
    """Return the sum of what is recorded for workspaces, or for the domains that have a mailbox chosen."""
    some = of_domains(read(f"domain:{series}{{{WORKSPACES},{SOME}}}"))
    return f"(sum({read(f'workspace:{series}{{{WORKSPACES},{EVERY}}}')}) or sum({some}))"


def _lately(info: str, labels: str) -> str:
    """Return an info metric of mailboxes as of the end of the time range, a restart of the exporter or not.

    A plot looks it up once, and not at every step.
    """
    return f"last_over_time(sendkit_mailbox_{info}{{{labels}}}[15m] @ end())"
