"""The catalogue: every metric's name, type, help, labels and source, once.

`docs/metrics.md` is generated from it (`python -m exporter.metrics`). Samples of mailboxes and workspaces are
rendered by `rendering.py`; the exporter's own are kept by the client library in `telemetry.py`.
"""

from dataclasses import dataclass
from typing import Literal

from exporter.model import COUNTS, PERFORMANCE, RATES

ALL_TIME = "all"
"""The value of the label `window` for all-time figures."""

MAILBOX = ("workspace", "domain", "mailbox_id")
WORKSPACE = ("workspace",)
POLL = ("workspace", "window")

STATUSES = ("active", "inactive", "suspended", "error")
WARMUP_STATUSES = ("not_started", "in_progress", "completed", "idle")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric family: one name, one type, one set of labels; `source` is the API's field, if it has one."""

    name: str
    type: Literal["gauge", "counter"]
    help: str
    labels: tuple[str, ...] = ()
    source: str = ""

    @property
    def help_text(self) -> str:
        """Return the help with the API's field, as HELP shows it."""
        return f"{self.help} API field: {self.source}." if self.source else self.help


def _gauge(name: str, text: str, labels: tuple[str, ...] = (), source: str = "") -> Metric:
    return Metric(name, "gauge", text, labels, source)


def _counter(name: str, text: str, labels: tuple[str, ...] = (), source: str = "") -> Metric:
    return Metric(name, "counter", text, labels, source)


MAILBOX_INFO = _gauge(
    "sendkit_mailbox_info",
    "A mailbox, always 1; email by the configured privacy mode, display_name only when asked for.",
    (*MAILBOX, "email"),
    "email, displayName",
)
MAILBOX_STATUS = _gauge(
    "sendkit_mailbox_status",
    "Whether the mailbox is in this status (1) or not (0), as of the last poll.",
    (*MAILBOX, "status"),
    "status",
)
WARMUP_STATUS = _gauge(
    "sendkit_mailbox_warmup_status",
    "Whether the mailbox's warm-up is in this status (1) or not (0), as of the last poll.",
    (*MAILBOX, "status"),
    "warmup.status",
)

_NUMBER_HELP = {
    "lifetime_sent": "E-mails sent from the mailbox in all, warm-up included, as of the last poll.",
    "lifetime_received": "E-mails received by the mailbox in all, as of the last poll.",
    "bounce_ratio": "Bounce ratio (0-1) as the API states it, as of the last poll.",
    "sent_today": "E-mails sent today, as of the last poll; falls to 0 each day.",
    "daily_send_limit": "The most e-mails the mailbox may send in a day, as of the last poll.",
    "warmup_enabled": "Whether warm-up is enabled (1) or not (0), as of the last poll.",
}
_EVENTS = {
    "sent": "Campaign e-mails sent",
    "opened": "Campaign e-mails opened",
    "clicked": "Campaign e-mails clicked",
    "bounced": "Campaign e-mails bounced",
    "replied": "Campaign e-mails replied to",
    "positive_replied": "Campaign e-mails with a reply tagged positive",
}

_SOURCES = {column: field for field, column in COUNTS.items()} | {"warmup_enabled": "warmup.enabled"}
_PERFORMANCE_SOURCES = {column: f"performance.{field}" for field, column in PERFORMANCE.items()}
_RATE_SOURCES = {column: f"rates.{field}" for field, column in RATES.items()}

MAILBOX_NUMBERS = {
    column: _gauge(f"sendkit_mailbox_{column}", text, MAILBOX, _SOURCES[column])
    for column, text in _NUMBER_HELP.items()
}
"""Gauges that no window applies to, by column of `model.Answer.numbers`."""

WINDOW_NUMBERS = {
    **{
        f"campaign_{event}": _gauge(
            f"sendkit_mailbox_campaign_{event}",
            f"{text} in the window (all: since the beginning), as of the last poll; may fall.",
            (*MAILBOX, "window"),
            _PERFORMANCE_SOURCES[f"campaign_{event}"],
        )
        for event, text in _EVENTS.items()
    },
    **{
        column: _gauge(
            f"sendkit_mailbox_{column}",
            f"{column.removeprefix('campaign_').replace('_', ' ').capitalize()} (0-1) of campaign e-mails in "
            "the window (all: since the beginning), as of the last poll; the API's percent / 100.",
            (*MAILBOX, "window"),
            source,
        )
        for column, source in _RATE_SOURCES.items()
    },
}
"""Gauges with the label `window`, by column of `model.Answer.numbers`."""

MAILBOX_COUNTERS = {
    f"campaign_{event}": _counter(
        f"sendkit_mailbox_emails_{event}_total",
        f"{text}: the rises of the all-time total seen by this exporter, from 0 at first sight; "
        "a fall adds nothing.",
        MAILBOX,
        _PERFORMANCE_SOURCES[f"campaign_{event}"],
    )
    for event, text in _EVENTS.items()
}
"""Counters, by the column of `model.Answer.numbers` whose rises they add up."""

MAILBOX_METRICS = (
    MAILBOX_INFO,
    MAILBOX_STATUS,
    WARMUP_STATUS,
    *MAILBOX_NUMBERS.values(),
    *WINDOW_NUMBERS.values(),
    *MAILBOX_COUNTERS.values(),
)

WORKSPACE_INFO = _gauge(
    "sendkit_workspace_info",
    "A workspace, always 1, with its account in the configuration and its id (empty when unknown).",
    (*WORKSPACE, "account", "workspace_id"),
)
WORKSPACE_MAILBOXES = _gauge(
    "sendkit_workspace_mailboxes",
    "Mailboxes of the workspace in this status, as of the last poll.",
    (*WORKSPACE, "status"),
    "status",
)
UP = _gauge("sendkit_up", "Whether the last poll of the API succeeded (1) or not (0).", POLL)
LAST_SUCCESS = _gauge(
    "sendkit_last_success_timestamp_seconds", "When a poll last succeeded; absent until one did.", POLL
)
LAST_POLL = _gauge("sendkit_last_poll_timestamp_seconds", "When the last poll ended, well or not.", POLL)
POLL_INTERVAL = _gauge("sendkit_poll_interval_seconds", "The configured time between two polls.", POLL)
POLL_DURATION = _gauge(
    "sendkit_poll_duration_seconds", "How long the last poll took, retries and rendering included.", POLL
)
POLLS = _counter("sendkit_polls_total", "Polls that ended, well or not.", POLL)
POLLS_SKIPPED = _counter(
    "sendkit_polls_skipped_total", "Polls left out because the one before was still running.", POLL
)
POLL_FAILURES = _counter("sendkit_poll_failures_total", "Polls that failed, by reason.", (*POLL, "reason"))
SUSPECT_VALUES = _counter(
    "sendkit_suspect_values_total",
    "Values out of their documented range or form, by API field: left out, or passed on if a ratio above 1.",
    (*WORKSPACE, "field"),
)
DUPLICATE_MAILBOXES = _gauge(
    "sendkit_duplicate_mailboxes",
    "Mailboxes of the last answer that repeat an id; the first one counts.",
    WORKSPACE,
    "_id",
)
ALERT_THRESHOLD = _gauge(
    "sendkit_alert_threshold",
    "The configured thresholds, by name; the alert rules read them.",
    (*WORKSPACE, "threshold"),
)

WORKSPACE_METRICS = (
    WORKSPACE_INFO,
    WORKSPACE_MAILBOXES,
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
)

BUILD_INFO = _gauge(
    "sendkit_exporter_build_info",
    "The exporter, always 1, by version and Python.",
    ("version", "pythonversion"),
)
RELOAD_SUCCESSFUL = _gauge(
    "sendkit_exporter_config_last_reload_successful", "Whether the last load of the configuration succeeded."
)
RELOAD_TIMESTAMP = _gauge(
    "sendkit_exporter_config_last_reload_success_timestamp_seconds",
    "When the configuration was last loaded successfully.",
)
SERIES = _gauge("sendkit_exporter_series", "Series of mailboxes and workspaces exposed now.")
RENDER_DURATION = _gauge(
    "sendkit_exporter_render_duration_seconds",
    "How long the last answer took to be read, checked and rendered.",
)
API_REQUESTS = _counter(
    "sendkit_api_requests_total", "Requests to the SendKit API by status code (error: no answer).", ("code",)
)
API_RETRIES = _counter(
    "sendkit_api_retries_total", "Requests to the SendKit API that were tries after the first."
)
DISCOVERY_UP = _gauge(
    "sendkit_discovery_up",
    "Whether the last look for an account's workspaces succeeded (1) or not (0).",
    ("account",),
)
DISCOVERY_LAST_SUCCESS = _gauge(
    "sendkit_discovery_last_success_timestamp_seconds",
    "When an account's workspaces were last found; absent until then.",
    ("account",),
)

EXPORTER_METRICS = (
    BUILD_INFO,
    RELOAD_SUCCESSFUL,
    RELOAD_TIMESTAMP,
    SERIES,
    RENDER_DURATION,
    API_REQUESTS,
    API_RETRIES,
    DISCOVERY_UP,
    DISCOVERY_LAST_SUCCESS,
)


def reference() -> str:
    """Return the catalogue as the Markdown of `docs/metrics.md`."""
    sections = (
        (
            "Mailboxes",
            "One series a mailbox, dropped when the workspace had no successful poll for `poll.stale_after`.",
            MAILBOX_METRICS,
        ),
        ("Workspaces", "One series a workspace; poll metrics one a window, too.", WORKSPACE_METRICS),
        (
            "The exporter",
            "Besides the `process_*` and `python_*` metrics of the Prometheus client library.",
            EXPORTER_METRICS,
        ),
    )
    lines = [
        "# Metrics",
        "",
        "Generated from `exporter/metrics.py` by `make docs`; do not edit.",
        "",
        "Ratios are 0-1, times are Unix seconds; values are as of the last poll, without a timestamp.",
        "Missing data is absent, never 0.",
    ]
    for title, introduction, catalogue in sections:
        lines += [
            "",
            f"## {title}",
            "",
            introduction,
            "",
            "| metric | type | labels | what |",
            "|---|---|---|---|",
        ]
        for metric in catalogue:
            labels = ", ".join(f"`{label}`" for label in metric.labels)
            lines.append(f"| `{metric.name}` | {metric.type} | {labels} | {metric.help_text} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201 - the reference is this command's output
