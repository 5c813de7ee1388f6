"""Whether people answer, and how far warm-up is."""

from grafana import choice
from grafana import queries as q
from grafana.colours import BLUE, GREEN, GREY, WARMUP_COLOURS
from grafana.layout import Place, Row
from grafana.panels import Line, Query, bars, lines

W = q.WORKSPACES
SENT = f"workspace:sendkit_emails_sent:increase7d{{{W}}}"
REPLIED = f"workspace:sendkit_emails_replied:increase7d{{{W}}}"
POSITIVE = f"workspace:sendkit_emails_positive_replied:increase7d{{{W}}}"


def answers() -> Row:
    """Return the row of replies and warm-up."""
    replies = _share(
        "Replies / sends, 7 d",
        "Far below the week before: mails land in spam or the copy no longer works. Send a test to your own "
        "inboxes first.",
        REPLIED,
        SENT,
        BLUE,
    )
    positives = _share(
        "Positive / sends, 7 d",
        "Replies tagged positive, of sends. It falls while all replies do not: the list is wrong rather than the delivery. "
        "It may jump when tags of the workspace change their meaning.",
        POSITIVE,
        SENT,
        GREEN,
    )
    positives_of_replies = _share(
        "Positive / replies, 7 d",
        "The share of replies that are tagged positive, whatever is sent. It may jump when tags of the workspace change their meaning: "
        "the replies themselves do not move then.",
        POSITIVE,
        REPLIED,
        GREEN,
    )
    warmup = bars(
        "Warm-up",
        "Mailboxes by the status of their warm-up. `idle` and `not_started` ones are not getting ready to send; "
        "start them, or leave them out of campaigns.",
        [(Query(_warming(status), status), colour) for status, colour in WARMUP_COLOURS.items()],
        "locale",
    )
    return Row(
        "Do people answer, and do mailboxes warm up?",
        (replies, positives, positives_of_replies, (6, 8, warmup)),
    )


def _warming(status: str) -> str:
    """Return how many mailboxes are in a state of warm-up."""
    every = f'workspace_status:sendkit_mailboxes_warmup:count{{{W},{choice.EVERY},status="{status}"}}'
    some = f'sendkit_mailbox_warmup_status{{{W},{choice.SOME},status="{status}"}}'
    return f"sum({every}) or sum(max by ({q.BY_MAILBOX}) ({choice.of_mailboxes(some)}))"


def _share(title: str, description: str, part: str, whole: str, colour: str) -> Place:
    """Return a plot of a share in the last 7 days, and in the 7 days before them."""
    ratio = f"sum({q.newest(part)}) / (sum({q.newest(whole)}) > 0)"
    part_before, whole_before = (
        f"sum(last_over_time({series}[1h] {q.WEEK_AGO}))" for series in (part, whole)
    )
    return (
        6,
        8,
        lines(
            title,
            description,
            [
                Line(ratio, "of 7 days", colour, "area"),
                Line(f"{part_before} / ({whole_before} > 0)", "of the 7 days before", GREY, "dashed"),
            ],
            "percentunit",
        ),
    )
