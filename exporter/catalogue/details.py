"""The fields of `GET /v1/mailboxes`: what the operator has set, and how a mailbox is set up."""

from exporter.catalogue.kinds import Check, Field, gauge
from exporter.catalogue.mailbox import LABELS

PROVIDER_INFO = gauge(
    "sendkit_mailbox_provider_info",
    "A mailbox, always 1, with its provider and how it is connected.",
    (*LABELS, "provider", "connection_type"),
    "provider, connectionType",
)

FIELDS = (
    Field(
        "sendingEnabled",
        "sending_enabled",
        Check.FLAG,
        gauge(
            "sendkit_mailbox_sending_enabled",
            "Whether the mailbox may send campaign e-mails (1) or is parked by its operator (0).",
            LABELS,
            "sendingEnabled",
        ),
    ),
    Field("provider", "provider", Check.TEXT, PROVIDER_INFO),
    Field("connectionType", "connection_type", Check.TEXT),
    Field(
        "tags?",
        "tags",
        Check.TAGS,
        gauge(
            "sendkit_mailbox_tag_info",
            "A tag of a mailbox, always 1; the first 10 tags, the first 64 characters of each. "
            "A tag that holds an @ is shown as privacy.email shows an address.",
            (*LABELS, "tag"),
            "tags",
        ),
    ),
    Field(
        "lastError?",
        "last_error",
        Check.NOTE,
        gauge(
            "sendkit_mailbox_last_error",
            "Whether the mailbox has a last error (1) or not (0); the status page shows its text.",
            LABELS,
            "lastError",
        ),
    ),
    Field(
        "setupStatus?.healthScore",
        "setup_health_ratio",
        Check.SCORE,
        gauge(
            "sendkit_mailbox_setup_health_ratio",
            "Health of the mailbox's DNS records (0-1).",
            LABELS,
            "setupStatus.healthScore",
        ),
    ),
    Field(
        "createdAt",
        "created_timestamp_seconds",
        Check.TIME,
        gauge(
            "sendkit_mailbox_created_timestamp_seconds", "When the mailbox was created.", LABELS, "createdAt"
        ),
    ),
    Field(
        "warmup?.currentDay",
        "warmup_day",
        Check.COUNT,
        gauge("sendkit_mailbox_warmup_day", "The day of the mailbox's warm-up.", LABELS, "warmup.currentDay"),
    ),
    Field(
        "warmup?.currentVolume",
        "warmup_daily_volume",
        Check.COUNT,
        gauge(
            "sendkit_mailbox_warmup_daily_volume",
            "Warm-up e-mails a day that the mailbox may send now.",
            LABELS,
            "warmup.currentVolume",
        ),
    ),
)
"""Every field of the endpoint that the analytics do not have.

A mailbox without a last error, tags or a check of its DNS records may be without their fields.
"""
