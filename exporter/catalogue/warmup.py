"""The fields of `GET /v1/warmup/stats`: where the warm-up e-mails of the last days landed."""

from exporter.catalogue.kinds import Check, Field, gauge
from exporter.catalogue.mailbox import LABELS


def _count(name: str, event: str, text: str) -> Field:
    return Field(
        f"stats.{name}",
        f"warmup_window_{event}",
        Check.COUNT,
        gauge(
            f"sendkit_mailbox_warmup_window_{event}",
            f"Warm-up e-mails {text}, of the last collectors.warmup.days days.",
            LABELS,
            f"stats.{name}",
        ),
    )


FIELDS = (
    _count("totalSent", "sent", "sent"),
    _count("inbox", "inbox", "that landed in the inbox"),
    _count("spam", "spam", "that landed in spam"),
    _count("promotions", "promotions", "that landed in promotions"),
    _count("replied", "replied", "replied to"),
    _count("opened", "opened", "opened"),
)
"""The counts; the rates beside them are rounded, and are not read."""
