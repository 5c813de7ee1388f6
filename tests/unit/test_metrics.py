"""The catalogue: every public name, type and label; its reference; what Prometheus says of a scrape."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.answers.parse import parse
from exporter.catalogue import mailbox, own, workspace
from exporter.catalogue.kinds import Metric, Rows
from exporter.catalogue.workspace import Reason
from exporter.exposition import reference
from exporter.exposition.rendering import Disclosure, render_base, render_join, roster_of
from exporter.exposition.store import Store
from exporter.exposition.telemetry import Telemetry
from exporter.exposition.workspace_samples import render_workspace
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Fleet, Workspace
from exporter.sendkit.feeds import families
from exporter.textformat.lines import END, Format
from tests import answers
from tests.answers import BASE, EVERY_COLLECTOR, WEEK, answer_of, collected
from tests.samples import Samples

ROOT = Path(__file__).parents[2]
EVERY_METRIC = (*families(), *workspace.METRICS, *own.METRICS)

MAILBOX = "workspace domain mailbox_id"
PUBLIC = {
    "sendkit_mailbox_info": ("gauge", f"{MAILBOX} email"),
    "sendkit_mailbox_status": ("gauge", f"{MAILBOX} status"),
    "sendkit_mailbox_sent_today": ("gauge", MAILBOX),
    "sendkit_mailbox_daily_send_limit": ("gauge", MAILBOX),
    "sendkit_mailbox_bounce_ratio": ("gauge", MAILBOX),
    "sendkit_mailbox_lifetime_sent": ("gauge", MAILBOX),
    "sendkit_mailbox_lifetime_received": ("gauge", MAILBOX),
    "sendkit_mailbox_warmup_enabled": ("gauge", MAILBOX),
    "sendkit_mailbox_warmup_status": ("gauge", f"{MAILBOX} status"),
    "sendkit_mailbox_campaign_sent": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_campaign_opened": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_campaign_clicked": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_campaign_bounced": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_campaign_replied": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_campaign_positive_replied": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_campaign_open_ratio": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_campaign_click_ratio": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_campaign_bounce_ratio": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_campaign_reply_ratio": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_campaign_positive_reply_ratio": ("gauge", f"{MAILBOX} window"),
    "sendkit_mailbox_emails_sent_total": ("counter", MAILBOX),
    "sendkit_mailbox_emails_opened_total": ("counter", MAILBOX),
    "sendkit_mailbox_emails_clicked_total": ("counter", MAILBOX),
    "sendkit_mailbox_emails_bounced_total": ("counter", MAILBOX),
    "sendkit_mailbox_emails_replied_total": ("counter", MAILBOX),
    "sendkit_mailbox_emails_positive_replied_total": ("counter", MAILBOX),
    "sendkit_mailbox_sending_enabled": ("gauge", MAILBOX),
    "sendkit_mailbox_provider_info": ("gauge", f"{MAILBOX} provider connection_type"),
    "sendkit_mailbox_tag_info": ("gauge", f"{MAILBOX} tag"),
    "sendkit_mailbox_last_error": ("gauge", MAILBOX),
    "sendkit_mailbox_setup_health_ratio": ("gauge", MAILBOX),
    "sendkit_mailbox_created_timestamp_seconds": ("gauge", MAILBOX),
    "sendkit_mailbox_warmup_day": ("gauge", MAILBOX),
    "sendkit_mailbox_warmup_daily_volume": ("gauge", MAILBOX),
    "sendkit_mailbox_warmup_window_sent": ("gauge", MAILBOX),
    "sendkit_mailbox_warmup_window_inbox": ("gauge", MAILBOX),
    "sendkit_mailbox_warmup_window_spam": ("gauge", MAILBOX),
    "sendkit_mailbox_warmup_window_promotions": ("gauge", MAILBOX),
    "sendkit_mailbox_warmup_window_replied": ("gauge", MAILBOX),
    "sendkit_mailbox_warmup_window_opened": ("gauge", MAILBOX),
    "sendkit_workspace_info": ("gauge", "workspace account workspace_id"),
    "sendkit_workspace_mailboxes": ("gauge", "workspace status"),
    "sendkit_up": ("gauge", "workspace window"),
    "sendkit_last_success_timestamp_seconds": ("gauge", "workspace window"),
    "sendkit_last_poll_timestamp_seconds": ("gauge", "workspace window"),
    "sendkit_poll_interval_seconds": ("gauge", "workspace window"),
    "sendkit_poll_duration_seconds": ("gauge", "workspace window"),
    "sendkit_polls_total": ("counter", "workspace window"),
    "sendkit_polls_skipped_total": ("counter", "workspace window"),
    "sendkit_poll_failures_total": ("counter", "workspace window reason"),
    "sendkit_suspect_values_total": ("counter", "workspace field"),
    "sendkit_duplicate_mailboxes": ("gauge", "workspace"),
    "sendkit_alert_threshold": ("gauge", "workspace threshold"),
    "sendkit_collector_up": ("gauge", "workspace collector"),
    "sendkit_collector_last_success_timestamp_seconds": ("gauge", "workspace collector"),
    "sendkit_collector_interval_seconds": ("gauge", "workspace collector"),
    "sendkit_collector_failures_total": ("counter", "workspace collector reason"),
    "sendkit_workspace_campaigns": ("gauge", "workspace"),
    "sendkit_workspace_active_campaigns": ("gauge", "workspace"),
    "sendkit_workspace_blacklist_checked": ("gauge", "workspace"),
    "sendkit_workspace_blacklist_listed": ("gauge", "workspace"),
    "sendkit_workspace_blacklist_completed_timestamp_seconds": ("gauge", "workspace"),
    "sendkit_workspace_placement_inbox": ("gauge", "workspace"),
    "sendkit_workspace_placement_spam": ("gauge", "workspace"),
    "sendkit_workspace_placement_missing": ("gauge", "workspace"),
    "sendkit_workspace_placement_completed_timestamp_seconds": ("gauge", "workspace"),
    "sendkit_exporter_build_info": ("gauge", "version pythonversion"),
    "sendkit_exporter_web_info": ("gauge", "external_url"),
    "sendkit_exporter_config_last_reload_successful": ("gauge", ""),
    "sendkit_exporter_config_last_reload_success_timestamp_seconds": ("gauge", ""),
    "sendkit_exporter_series": ("gauge", ""),
    "sendkit_exporter_render_duration_seconds": ("gauge", ""),
    "sendkit_api_requests_total": ("counter", "code"),
    "sendkit_api_retries_total": ("counter", ""),
    "sendkit_discovery_up": ("gauge", "account"),
    "sendkit_discovery_last_success_timestamp_seconds": ("gauge", "account"),
}


def everything(format_: Format) -> str:
    """Return a body with a sample of every metric."""
    polls = {feed.name: Poll(feed, 900) for feed in (BASE, WEEK, *EVERY_COLLECTOR)}
    acme = Workspace(Key("w1"), "agency", "Acme", "acme", {"minimum_bounces": 3}, polls)
    disclosure = Disclosure(lambda email: email, display_name=True)
    mailboxes = [
        answers.mailbox(_id="a", bounceRate=2, status="odd"),
        answers.mailbox(_id="b", sentToday=None),
    ]
    base = answer_of(*mailboxes)
    acme.totals = acme.totals.after(base, 0)
    roster = roster_of("acme", base, None)
    for poll in polls.values():
        feed, part = poll.feed, None
        answer = (
            parse(collected(feed, "a", "b"), feed) if feed.is_collector else answer_of(*mailboxes, feed=feed)
        )
        if not feed.joins:
            part = render_base(feed, answer, acme.totals, roster, disclosure, None)
        elif feed.rows is Rows.MAILBOXES:
            part = render_join(feed, answer, roster, disclosure, None)
        poll.succeeded(Reading(answer, part), Instant(1_700_000_000.25, 0), 0.5)
        poll.failed(Reason.TIMEOUT, "no answer", Instant(1_700_000_060, 60), 30)
    acme.own = render_workspace(acme, stale=False)
    fleet, telemetry = Fleet(), Telemetry()
    fleet.add(acme)
    telemetry.api_requests.labels("200").inc()
    telemetry.web_info.labels("https://sendkit.example").set(1)
    telemetry.discovery_up.labels("agency").set(1)
    telemetry.discovery_last_success.labels("agency").set(1_700_000_000)
    body = Store(fleet, families()).body(format_).ended(telemetry.text(format_) + END[format_])
    return b"".join(body.plain).decode()


def test_the_catalogue_is_what_is_public() -> None:
    assert {metric.name: (metric.type, " ".join(metric.labels)) for metric in EVERY_METRIC} == PUBLIC
    assert len(EVERY_METRIC) == len(PUBLIC)


@pytest.mark.parametrize("format_", Format)
def test_a_scrape_has_every_metric_with_its_type_and_labels(format_: Format) -> None:
    samples = Samples(everything(format_))

    names = {name for name in samples.by_name if name.startswith("sendkit_")}
    assert {name: samples.types[name.removesuffix("_total")] for name in names} == {
        name: kind for name, (kind, _) in PUBLIC.items()
    }
    for name in names:
        labels = {*PUBLIC[name][1].split()} | ({"display_name"} if name == "sendkit_mailbox_info" else set())
        assert {frozenset(key for key, _ in own) for own in samples.by_name[name]} == {frozenset(labels)}


@pytest.mark.parametrize("format_", Format)
def test_every_family_has_one_help_and_one_type_before_its_samples_in_one_group(format_: Format) -> None:
    described: list[str] = []
    current = ""
    for line in everything(format_).splitlines():
        if line.startswith("# HELP "):
            current = line.split()[2]
            described.append(current)
        elif line.startswith("# TYPE "):
            assert line.split()[2] == current
        elif line != "# EOF":
            assert re.split(r"[{ ]", line)[0].removesuffix("_total") == current.removesuffix("_total")
    assert len(described) == len({*described}) > len(PUBLIC)


def test_no_sample_carries_a_timestamp() -> None:
    assert not [line for line in everything(Format.TEXT).splitlines() if re.search(r"} \S+ \S+$", line)]


def test_openmetrics_ends_with_its_end() -> None:
    text = everything(Format.OPENMETRICS)

    assert text.endswith("\n# EOF\n")
    assert text.count("# EOF") == 1


def test_promtool_finds_nothing_to_mend() -> None:
    run = subprocess.run(
        ["promtool", "check", "metrics"],
        input=everything(Format.TEXT),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize("metric", EVERY_METRIC, ids=lambda metric: metric.name)
def test_names_of_metrics_follow_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"sendkit_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.type == "counter")
    assert not re.search(r"percent|rate|_ms|milli|minutes|hours|count$", metric.name)
    assert all(re.fullmatch(r"[a-z_]+", label) and not label.startswith("__") for label in metric.labels)
    assert not {"le", "quantile", "job", "instance"} & {*metric.labels}
    assert metric.help.endswith(".")


FROM_THE_API = {
    "sendkit_mailbox_info": "email, displayName",
    "sendkit_mailbox_status": "status",
    "sendkit_mailbox_warmup_status": "warmup.status",
    "sendkit_mailbox_warmup_enabled": "warmup.enabled",
    "sendkit_mailbox_sent_today": "sentToday",
    "sendkit_mailbox_daily_send_limit": "dailySendLimit",
    "sendkit_mailbox_bounce_ratio": "bounceRate",
    "sendkit_mailbox_lifetime_sent": "totalSent",
    "sendkit_mailbox_lifetime_received": "totalReceived",
    "sendkit_mailbox_campaign_positive_replied": "performance.positiveReplied",
    "sendkit_mailbox_campaign_positive_reply_ratio": "rates.positiveReply",
    "sendkit_mailbox_emails_opened_total": "performance.opened",
}


@pytest.mark.parametrize("name", FROM_THE_API)
def test_help_names_the_field_of_the_api(name: str) -> None:
    help_line = re.search(rf"^# HELP {name} (.+)$", everything(Format.TEXT), re.MULTILINE)

    assert help_line
    assert help_line[1].endswith(f"API field: {FROM_THE_API[name]}.")


def test_every_metric_of_a_field_names_it() -> None:
    for field in mailbox.FIELDS:
        for metric in filter(None, (field.metric, field.counter)):
            assert metric.source == field.name


def test_every_metric_of_a_mailbox_names_its_field() -> None:
    assert all("API field: " in metric.help_text for metric in families())


def test_the_reference_is_what_the_catalogue_prints() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "exporter.exposition.reference"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert (ROOT / "docs/metrics.md").read_text() == run.stdout == reference.reference()


def test_the_reference_has_a_row_for_every_metric() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| .+ \|$", reference.reference(), re.MULTILINE)

    assert {name: (kind, " ".join(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows} == PUBLIC
    assert len(rows) == len(PUBLIC)
