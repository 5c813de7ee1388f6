"""A healthy fleet as promtool's input series, minute by minute, for tests that disturb it."""

import json
from typing import NamedTuple

from exporter.catalogue.mailbox import STATUSES

MINUTES_A_DAY = 1_440
MINUTES = 5 * 60
MIDNIGHT = 2 * 60
THRESHOLDS = {
    "mailbox_bounce_ratio_warning": 0.03,
    "mailbox_bounce_ratio_critical": 0.05,
    "domain_bounce_ratio_critical": 0.03,
    "workspace_bounce_ratio_critical": 0.03,
    "minimum_bounces": 3,
    "domain_minimum_bounces": 5,
    "daily_limit_usage": 0.9,
    "reply_ratio_drop": 0.4,
    "unhealthy_mailboxes_warning": 0.3,
    "unhealthy_mailboxes_critical": 0.5,
    "spam_ratio_warning": 0.15,
}
REASONS = (
    "auth",
    "rate_limited",
    "timeout",
    "network",
    "server_error",
    "client_error",
    "malformed",
    "too_large",
)

Value = float | None
Series = dict[tuple[str, str], list[Value]]


class Mailbox(NamedTuple):
    """A mailbox that sends around the clock, 12 mails an hour."""

    mailbox_id: str
    domain: str

    @property
    def labels(self) -> dict[str, str]:
        return {"workspace": "acme", "domain": self.domain, "mailbox_id": self.mailbox_id}


MAILBOXES = [Mailbox(f"m{number}", f"{'ab'[number % 2]}.example") for number in range(8)]


def selector(**labels: str) -> str:
    return ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())


class Fleet:
    """The samples of one exporter: a list of a value (or None, a missed one) for each minute."""

    def __init__(self, instance: str = "x") -> None:
        self.target = {"instance": instance, "job": "sendkit-exporter"}
        self.series: Series = {}
        always = [1.0] * MINUTES
        self.add("up", always)
        self.add("sendkit_exporter_build_info", always, version="1.0")
        self.add("sendkit_discovery_up", always, account="agency")
        self.add("sendkit_workspace_info", always, workspace="acme", account="agency", workspace_id="1")
        self.add("sendkit_exporter_config_last_reload_successful", always)
        for name, threshold in THRESHOLDS.items():
            self.add("sendkit_alert_threshold", [threshold] * MINUTES, workspace="acme", threshold=name)
        for status in STATUSES:
            count = float(len(MAILBOXES)) if status == "active" else 0.0
            self.add("sendkit_workspace_mailboxes", [count] * MINUTES, workspace="acme", status=status)
        for metric, value in (("checked", 8.0), ("listed", 1.0), ("completed_timestamp_seconds", 60.0)):
            self.add(f"sendkit_workspace_blacklist_{metric}", [value] * MINUTES, workspace="acme")
        self.add("sendkit_workspace_active_campaigns", [2.0] * MINUTES, workspace="acme")
        poll = {"workspace": "acme", "window": "all"}
        self.add("sendkit_up", always, **poll)
        self.add("sendkit_poll_interval_seconds", [60.0] * MINUTES, **poll)
        self.add("sendkit_last_success_timestamp_seconds", [60.0 * m for m in range(MINUTES)], **poll)
        self.add("sendkit_polls_total", [float(m + 1) for m in range(MINUTES)], **poll)
        self.add("sendkit_polls_skipped_total", [0.0] * MINUTES, **poll)
        self.add("sendkit_suspect_values_total", [0.0] * MINUTES, **poll, field="bounceRate")
        for reason in REASONS:
            self.add("sendkit_poll_failures_total", [0.0] * MINUTES, **poll, reason=reason)
        for mailbox in MAILBOXES:
            self.add_mailbox(mailbox)

    def add(self, name: str, values: list[Value] | list[float], **labels: str) -> None:
        self.series[name, selector(**labels, **self.target)] = list(values)

    def add_mailbox(self, mailbox: Mailbox) -> None:
        """Add a mailbox, with one bounce of its sends and a few replies to them."""
        labels = mailbox.labels
        offset = int(mailbox.mailbox_id[1:]) * 97
        for counter, every in (("sent", 5), ("bounced", 300), ("replied", 90), ("positive_replied", 300)):
            values = [float((m + offset) // every - offset // every) for m in range(MINUTES)]
            self.add(f"sendkit_mailbox_emails_{counter}_total", values, **labels)
            self.add(
                f"sendkit_mailbox_campaign_{counter}", [4_500 + v for v in values], **labels, window="all"
            )
        self.add(
            "sendkit_mailbox_info", [1.0] * MINUTES, **labels, email=f"{mailbox.mailbox_id}@{mailbox.domain}"
        )
        for status in STATUSES:
            self.add("sendkit_mailbox_status", [float(status == "active")] * MINUTES, **labels, status=status)
        today = [float((m - MIDNIGHT) % MINUTES_A_DAY // 5) for m in range(MINUTES)]
        self.add("sendkit_mailbox_sent_today", today, **labels)
        self.add("sendkit_mailbox_daily_send_limit", [400.0] * MINUTES, **labels)
        self.add("sendkit_mailbox_warmup_enabled", [1.0] * MINUTES, **labels)
        self.add("sendkit_mailbox_sending_enabled", [1.0] * MINUTES, **labels)
        self.add("sendkit_mailbox_last_error", [0.0] * MINUTES, **labels)
        self.add("sendkit_mailbox_setup_health_ratio", [1.0] * MINUTES, **labels)
        for place, mails in (("inbox", 40.0), ("spam", 3.0), ("promotions", 2.0)):
            self.add(f"sendkit_mailbox_warmup_window_{place}", [mails] * MINUTES, **labels)
        for status in ("not_started", "in_progress", "completed", "idle"):
            values = [float(status == "in_progress")] * MINUTES
            self.add("sendkit_mailbox_warmup_status", values, **labels, status=status)

    def of(self, prefix: str, part: str = "") -> list[list[Value]]:
        """Return the series whose name starts with prefix and whose labels contain part."""
        found = [
            values
            for (name, labels), values in self.series.items()
            if name.startswith(prefix) and part in labels
        ]
        assert found, (prefix, part)
        return found

    def miss(self, start: int, end: int, prefix: str = "sendkit_", part: str = "") -> None:
        for values in self.of(prefix, part):
            values[start:end] = [None] * (end - start)

    def start_counters_again(self, minute: int) -> None:
        """Let every counter start from 0, as an exporter without state does."""
        for (name, _), values in self.series.items():
            if name.endswith("_total"):
                base = values[minute] or 0
                values[minute:] = [None if value is None else value - base for value in values[minute:]]

    def input_series(self) -> list[dict[str, str]]:
        return [
            {"series": f"{name}{{{labels}}}", "values": notation(values)}
            for (name, labels), values in self.series.items()
        ]


def notation(values: list[Value]) -> str:
    """Return the values as promtool reads them; the first missing one in a row is a stale marker."""
    words: list[str] = []
    before: Value = None
    for value in values:
        if value is None:
            words.append("stale" if before is not None else "_")
        else:
            words.append(f"{value:g}")
        before = value
    return " ".join(words)
