"""The metrics of workspaces, of their polls, and of what collectors add."""

from enum import StrEnum

from exporter.catalogue.kinds import Check, Field, counter, gauge

LABELS = ("workspace",)
_POLL = (*LABELS, "window")
_COLLECTOR = (*LABELS, "collector")


class Reason(StrEnum):
    """Why a poll failed: the values of the label `reason`."""

    AUTH = "auth"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER_ERROR = "server_error"
    CLIENT_ERROR = "client_error"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"


INFO = gauge(
    "sendkit_workspace_info",
    "A workspace, always 1, with its account in the configuration and its id (empty when unknown).",
    (*LABELS, "account", "workspace_id"),
)
MAILBOXES = gauge(
    "sendkit_workspace_mailboxes",
    "Mailboxes of the workspace in this status, as of the last poll.",
    (*LABELS, "status"),
    "status",
)
UP = gauge("sendkit_up", "Whether the last poll of the API succeeded (1) or not (0).", _POLL)
LAST_SUCCESS = gauge(
    "sendkit_last_success_timestamp_seconds", "When a poll last succeeded; absent until one did.", _POLL
)
LAST_POLL = gauge("sendkit_last_poll_timestamp_seconds", "When the last poll ended, well or not.", _POLL)
POLL_INTERVAL = gauge("sendkit_poll_interval_seconds", "The configured time between two polls.", _POLL)
POLL_DURATION = gauge(
    "sendkit_poll_duration_seconds", "How long the last poll took, retries and rendering included.", _POLL
)
POLLS = counter("sendkit_polls_total", "Polls that ended, well or not.", _POLL)
POLLS_SKIPPED = counter(
    "sendkit_polls_skipped_total", "Polls left out because the one before was still running.", _POLL
)
POLL_FAILURES = counter("sendkit_poll_failures_total", "Polls that failed, by reason.", (*_POLL, "reason"))
SUSPECT_VALUES = counter(
    "sendkit_suspect_values_total",
    "Values out of their documented range or form, by API field: left out, or passed on if a ratio above 1.",
    (*LABELS, "field"),
)
DUPLICATE_MAILBOXES = gauge(
    "sendkit_duplicate_mailboxes",
    "Mailboxes of the last answer that repeat an id; the first one counts.",
    LABELS,
    "_id",
)
ALERT_THRESHOLD = gauge(
    "sendkit_alert_threshold",
    "The configured thresholds, by name; the alert rules read them.",
    (*LABELS, "threshold"),
)
COLLECTOR_UP = gauge(
    "sendkit_collector_up", "Whether the collector's last poll succeeded (1) or not (0).", _COLLECTOR
)
COLLECTOR_LAST_SUCCESS = gauge(
    "sendkit_collector_last_success_timestamp_seconds",
    "When the collector's poll last succeeded; absent until one did.",
    _COLLECTOR,
)
COLLECTOR_INTERVAL = gauge(
    "sendkit_collector_interval_seconds",
    "The configured time between two polls of the collector.",
    _COLLECTOR,
)
COLLECTOR_FAILURES = counter(
    "sendkit_collector_failures_total",
    "Polls of the collector that failed, by reason.",
    (*_COLLECTOR, "reason"),
)


def _fact(wire: str, column: str, check: Check, text: str) -> Field:
    return Field(wire, column, check, gauge(f"sendkit_workspace_{column}", text, LABELS, wire))


OVERVIEW = (
    _fact("totalCampaigns", "campaigns", Check.COUNT, "Campaigns of the workspace."),
    _fact("activeCampaigns", "active_campaigns", Check.COUNT, "Campaigns of the workspace under way."),
)
"""The fields of `GET /v1/analytics/overview`."""

_TEST = "the newest finished test"
BLACKLIST = (
    _fact("overallSummary.totalChecked", "blacklist_checked", Check.COUNT, f"Checked by {_TEST}."),
    _fact("overallSummary.blacklisted", "blacklist_listed", Check.COUNT, f"Found listed by {_TEST}."),
    _fact(
        "completedAt",
        "blacklist_completed_timestamp_seconds",
        Check.TIME,
        "When the newest finished blacklist test ended.",
    ),
)
"""The fields of `GET /v1/blacklist-tests`."""
PLACEMENT = (
    _fact("summary.inbox", "placement_inbox", Check.COUNT, f"E-mails of {_TEST} that landed in the inbox."),
    _fact("summary.spam", "placement_spam", Check.COUNT, f"E-mails of {_TEST} that landed in spam."),
    _fact("summary.missing", "placement_missing", Check.COUNT, f"E-mails of {_TEST} that did not arrive."),
    _fact(
        "completedAt",
        "placement_completed_timestamp_seconds",
        Check.TIME,
        "When the newest finished inbox placement test ended.",
    ),
)
"""The fields of `GET /v1/inbox-placement`."""

METRICS = (
    INFO,
    MAILBOXES,
    UP,
    LAST_SUCCESS,
    LAST_POLL,
    POLL_INTERVAL,
    POLL_DURATION,
    POLLS,
    POLLS_SKIPPED,
    POLL_FAILURES,
    SUSPECT_VALUES,
    DUPLICATE_MAILBOXES,
    ALERT_THRESHOLD,
    COLLECTOR_UP,
    COLLECTOR_LAST_SUCCESS,
    COLLECTOR_INTERVAL,
    COLLECTOR_FAILURES,
    *(field.metric for field in (*OVERVIEW, *BLACKLIST, *PLACEMENT) if field.metric),
)
