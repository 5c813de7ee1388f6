"""Mailboxes by provider and by tag, and where warm-up mail lands: what the collectors of the exporter add.

Where a collector is off, or the key may not use it, its panels say so and show nothing.
"""

from collections.abc import Callable

from grafana import choice
from grafana import queries as q
from grafana.colours import BLUE, GREEN, RED
from grafana.layout import Builder, Place, Row
from grafana.panels import Line, lines
from grafana.tables import Cell, rows
from prometheus.table.promql import wilson_bounds

_BY = q.BY_MAILBOX
_OFF = "Nothing: the collector {} is off, or the key may not use it"


def of_fleet() -> Row:
    """Return the row of providers and tags of the workspaces chosen."""
    providers = _table(
        "Providers",
        "One row a provider. Spam is of warm-up mail. A provider whose bound or spam stands out: look at the domains there, and move "
        "campaigns to the others.",
        "provider",
        "sendkit_mailbox_provider_info",
    )
    tags = _table(
        "Tags",
        "One row a tag; a mailbox counts in the row of each of its tags. Spam is of warm-up mail. A batch that stands out was set up or "
        "bought together: look at what its mailboxes share.",
        "tag",
        "sendkit_mailbox_tag_info",
    )
    return Row("Which providers and tags do well?", ((12, 8, providers), (12, 8, tags)))


def placement(labels: str, whose: str, chosen: Callable[[str], str] = str) -> Place:
    """Return where the warm-up mail of a domain or a mailbox landed, over time.

    `chosen` leaves those of a vector of mailboxes that are to be shown.
    """

    def landed(place: str) -> str:
        return f"sum(max by ({_BY}) ({chosen(f'sendkit_mailbox_warmup_window_{place}{{{labels}}}')}))"

    return (
        24,
        7,
        lines(
            "Where warm-up mail lands",
            f"Warm-up mails of {whose} in the last days (collectors.warmup.days), by where they landed. Spam that "
            "grows at the cost of the inbox: send fewer campaign mails until it falls.",
            [
                Line(landed("inbox"), "inbox", GREEN),
                Line(landed("promotions"), "promotions", BLUE),
                Line(landed("spam"), "spam", RED),
            ],
            "locale",
            stacked=True,
            no_value=_OFF.format("warmup"),
        ),
    )


def _table(title: str, description: str, label: str, info: str) -> Builder:
    """Return a table with a row for each value of a label of an info metric."""
    groups = f"max by ({_BY}, {label}) ({choice.of_mailboxes(f'{info}{{{q.WORKSPACES}}}')})"

    def summed(series: str) -> str:
        return summed_up(f"{series}{{{q.WORKSPACES}}}")

    def summed_up(vector: str) -> str:
        own = f"max by ({_BY}) ({vector})"
        return f"sum by ({label}) ({groups} * on ({_BY}) group_left () {own})"

    bounced = summed("mailbox:sendkit_emails_bounced:increase1d")
    sent = summed("mailbox:sendkit_emails_sent:increase1d")
    _, lower, _ = wilson_bounds(bounced, sent)
    replied = summed_up(f"increase(sendkit_mailbox_emails_replied_total{{{q.WORKSPACES}}}[1d])")
    spam = summed("sendkit_mailbox_warmup_window_spam")
    others = " + ".join(summed(f"sendkit_mailbox_warmup_window_{place}") for place in ("inbox", "promotions"))
    return rows(
        title,
        description,
        [
            f"count by ({label}) ({groups})",
            f"count by ({label}) ({groups}) - {summed('sendkit_mailbox_sending_enabled')}",
            sent,
            bounced,
            lower,
            f"round({replied})",
            f"{spam} / ({spam} + {others} > 0)",
        ],
        [
            Cell(label, label.capitalize()),
            Cell("A", "Mailboxes", width=85),
            Cell("B", "Parked", width=65),
            Cell("C", "Sends 24 h", width=90),
            Cell("D", "Bounces", width=75),
            Cell("E", "Bound", "percentunit", 75, (("decimals", 1),)),
            Cell("F", "Replies", width=65),
            Cell("G", "Spam", "percentunit", 60, (("decimals", 0),)),
        ],
        sort="Bound",
        no_value=_OFF.format("mailboxes"),
    )
