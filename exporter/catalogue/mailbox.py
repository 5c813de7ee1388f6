"""The fields of `GET /v1/analytics/mailboxes`, and the metrics that show them."""

from exporter.catalogue.kinds import Check, Field, counter, gauge

LABELS = ("workspace", "domain", "mailbox_id")

STATUSES = ("active", "inactive", "suspended", "error")
"""Those that the API documents; the rules look at all of them."""
WARMUP_STATUSES = ("not_started", "in_progress", "completed", "idle")

INFO = gauge(
    "sendkit_mailbox_info",
    "A mailbox, always 1; email by the configured privacy mode, display_name only when asked for.",
    (*LABELS, "email"),
    "email, displayName",
)


def _number(wire: str, column: str, check: Check, text: str) -> Field:
    source = wire.replace("?", "")
    return Field(wire, column, check, gauge(f"sendkit_mailbox_{column}", text, LABELS, source))


def _state(wire: str, column: str, states: tuple[str, ...], text: str) -> Field:
    source = wire.replace("?", "")
    metric = gauge(f"sendkit_mailbox_{column}", text, (*LABELS, "status"), source)
    return Field(wire, column, Check.STATE, metric, states=states)


def _event(name: str, event: str, text: str, note: str = "") -> Field:
    source = f"performance.{name}"
    behind = (
        ""
        if event == "sent"
        else f" A window holds what became of the e-mails sent in it: its newest days show too few.{note}"
    )
    return Field(
        f"performance?.{name}",
        f"campaign_{event}",
        Check.COUNT,
        gauge(
            f"sendkit_mailbox_campaign_{event}",
            f"{text} in the window (all: since the beginning), as of the last poll; may fall.{behind}",
            (*LABELS, "window"),
            source,
        ),
        counter(
            f"sendkit_mailbox_emails_{event}_total",
            f"{text}: the rises of the all-time total seen by this exporter, from 0 at first sight; "
            f"a fall adds nothing.{note}",
            LABELS,
            source,
        ),
    )


_TAGS = " It may jump when tags of the workspace change their meaning."


def _rate(name: str, event: str) -> Field:
    return Field(
        f"rates?.{name}",
        f"campaign_{event}_ratio",
        Check.PERCENT,
        gauge(
            f"sendkit_mailbox_campaign_{event}_ratio",
            f"{event.replace('_', ' ').capitalize()} ratio (0-1) of campaign e-mails in the window "
            "(all: since the beginning), as of the last poll; the API's percent / 100. A window holds what "
            "became of the e-mails sent in it.",
            (*LABELS, "window"),
            f"rates.{name}",
        ),
    )


IDENTITY = (
    Field("email", "email", Check.TEXT),
    Field("displayName?", "display_name", Check.OPTIONAL_TEXT),
    _state(
        "status",
        "status",
        STATUSES,
        "Whether the mailbox is in this status (1) or not (0), as of the last poll.",
    ),
    _state(
        "warmup?.status",
        "warmup_status",
        WARMUP_STATUSES,
        "Whether the mailbox's warm-up is in this status (1) or not (0), as of the last poll.",
    ),
)
"""What identifies a mailbox, and its state; only the all-time feed asks for it."""

NUMBERS = (
    _number(
        "totalSent",
        "lifetime_sent",
        Check.COUNT,
        "Campaign e-mails sent from the mailbox in all, those of warm-up not counted, as of the last poll.",
    ),
    _number(
        "totalReceived",
        "lifetime_received",
        Check.COUNT,
        "E-mails received by the mailbox in all, as of the last poll.",
    ),
    _number(
        "bounceRate",
        "bounce_ratio",
        Check.RATIO,
        "Bounces of all campaign e-mails sent (0-1), as of the last poll; the unit of the API's figure is "
        "decided by api.bounce_rate_unit.",
    ),
    _number(
        "sentToday",
        "sent_today",
        Check.COUNT,
        "Campaign e-mails sent today, those of warm-up not counted, as of the last poll; 0 again each day.",
    ),
    _number(
        "dailySendLimit",
        "daily_send_limit",
        Check.COUNT,
        "The most campaign e-mails the mailbox may send in a day, those of warm-up not counted, as of the "
        "last poll.",
    ),
    _number(
        "warmup?.enabled",
        "warmup_enabled",
        Check.FLAG,
        "Whether warm-up is enabled (1) or not (0), as of the last poll.",
    ),
)
"""Numbers that no window applies to; only the all-time feed asks for them."""

EVENTS = (
    _event("sent", "sent", "Campaign e-mails sent"),
    _event("opened", "opened", "Campaign e-mails opened"),
    _event("clicked", "clicked", "Campaign e-mails clicked"),
    _event("bounced", "bounced", "Campaign e-mails bounced"),
    _event("replied", "replied", "Campaign e-mails replied to"),
    _event("positiveReplied", "positive_replied", "Campaign e-mails with a reply tagged positive", _TAGS),
)
"""Counts of campaign e-mails, all-time or in a window of days."""

RATES = (
    _rate("open", "open"),
    _rate("click", "click"),
    _rate("bounce", "bounce"),
    _rate("reply", "reply"),
    _rate("positiveReply", "positive_reply"),
)
"""Ratios of campaign e-mails, all-time or in a window of days."""

FIELDS = (*IDENTITY, *NUMBERS, *EVENTS, *RATES)
"""Every field of the endpoint."""

COUNTERS = {field.column: field.counter for field in EVENTS if field.counter}
"""The counters, by the column whose rises they add up."""

METRICS = (
    INFO,
    *(field.metric for field in FIELDS if field.metric),
    *COUNTERS.values(),
)
