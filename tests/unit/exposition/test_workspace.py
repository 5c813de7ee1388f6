"""The samples of a workspace itself, and of its polls."""

import pytest

from exporter.answers.answer import Answer
from exporter.answers.parse import parse
from exporter.catalogue import workspace as catalogue
from exporter.catalogue.kinds import Feed, Metric, Rows
from exporter.catalogue.workspace import Reason
from exporter.exposition.rendering import render_join
from exporter.exposition.workspace_samples import render_workspace
from exporter.fleet.counters import Totals
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Workspace
from exporter.sendkit.feeds import families
from tests.answers import BASE, EVERY_COLLECTOR, ID, WEEK, answer_of, collected, mailbox
from tests.rendering import PLAIN, rendered, samples_of
from tests.samples import Samples

COLLECTOR = Feed("collector", "/v1/collected", (), 3600)
REASONS = [
    "auth",
    "rate_limited",
    "timeout",
    "network",
    "server_error",
    "client_error",
    "malformed",
    "too_large",
]


def workspace_of(key: Key, account: str, label: str, *feeds: Feed) -> Workspace:
    polls = {feed.name: Poll(feed, 900) for feed in feeds}
    return Workspace(key, account, label.capitalize(), label, polls=polls)


@pytest.fixture
def tracked() -> Workspace:
    workspace = workspace_of(Key("w1"), "agency", "acme", BASE, WEEK)
    workspace.thresholds = {"minimum_bounces": 3, "mailbox_bounce_ratio_warning": 0.03}
    return workspace


def succeeded(poll: Poll, answer: Answer, unix: float = 0, steady: float = 0, duration: float = 1) -> None:
    """Take a good answer in, as the board does."""
    poll.succeeded(Reading(answer, None), Instant(unix, steady), duration)


def of_workspace(tracked: Workspace, *, stale: bool = False) -> Samples:
    return samples_of(render_workspace(tracked, stale=stale))


def test_before_the_first_poll_a_workspace_shows_what_is_configured_and_counters_from_0(
    tracked: Workspace,
) -> None:
    samples = of_workspace(tracked)

    assert {*samples.by_name} == {
        "sendkit_workspace_info",
        "sendkit_alert_threshold",
        "sendkit_suspect_values_total",
        "sendkit_poll_interval_seconds",
        "sendkit_polls_total",
        "sendkit_polls_skipped_total",
        "sendkit_poll_failures_total",
    }
    assert samples.one("sendkit_workspace_info", workspace="acme", account="agency", workspace_id="w1") == 1
    assert samples.one("sendkit_alert_threshold", workspace="acme", threshold="minimum_bounces") == 3
    assert samples.one("sendkit_poll_interval_seconds", workspace="acme", window="all") == 60
    assert samples.one("sendkit_poll_interval_seconds", workspace="acme", window="7d") == 900
    for window in ("all", "7d"):
        assert samples.one("sendkit_polls_total", workspace="acme", window=window) == 0
        assert samples.one("sendkit_polls_skipped_total", workspace="acme", window=window) == 0
        failures = samples.all_of("sendkit_poll_failures_total", workspace="acme", window=window)
        assert {dict(labels)["reason"]: count for labels, count in failures.items()} == dict.fromkeys(
            REASONS, 0
        )


def test_the_id_of_a_workspace_is_empty_while_it_is_unknown() -> None:
    unknown = workspace_of(Key(account="acme"), "acme", "acme", BASE)

    assert of_workspace(unknown).by_name["sendkit_workspace_info"].keys() == {
        frozenset({("workspace", "acme"), ("account", "acme"), ("workspace_id", "")})
    }


def test_polls_tell_how_they_went_by_window(tracked: Workspace) -> None:
    succeeded(tracked.all_time, answer_of(mailbox()), 1_700_000_000.5, 0, 1.25)
    succeeded(tracked.polls["7d"], answer_of(mailbox(), feed=WEEK), 1_700_000_010, 10, 2)
    tracked.polls["7d"].failed(Reason.TIMEOUT, "no answer", Instant(1_700_000_070, 70), 30)
    tracked.polls["7d"].skipped += 2

    samples = of_workspace(tracked)

    def by_window(name: str, **labels: str) -> tuple[float | None, float | None]:
        return samples.one(name, window="all", **labels), samples.one(name, window="7d", **labels)

    assert by_window("sendkit_up") == (1, 0)
    assert by_window("sendkit_last_success_timestamp_seconds") == (1_700_000_000.5, 1_700_000_010)
    assert by_window("sendkit_last_poll_timestamp_seconds") == (1_700_000_000.5, 1_700_000_070)
    assert by_window("sendkit_poll_duration_seconds") == (1.25, 30)
    assert by_window("sendkit_polls_total") == (1, 2)
    assert by_window("sendkit_polls_skipped_total") == (0, 2)
    assert by_window("sendkit_poll_failures_total", reason="timeout") == (0, 1)


def test_a_poll_that_never_succeeded_has_no_time_of_success(tracked: Workspace) -> None:
    tracked.all_time.failed(Reason.AUTH, "the key is refused", Instant(1_700_000_000, 0), 0.5)

    samples = of_workspace(tracked)

    assert "sendkit_last_success_timestamp_seconds" not in samples.by_name
    assert samples.one("sendkit_up", window="all") == 0
    assert samples.one("sendkit_up", window="7d") is None


def test_mailboxes_are_counted_by_status_the_documented_ones_from_0(tracked: Workspace) -> None:
    statuses = ["active", "active", "suspended", "warming_up", None]
    answer = answer_of(*(mailbox(_id=str(i), status=status) for i, status in enumerate(statuses)))
    succeeded(tracked.all_time, answer)

    found = of_workspace(tracked).all_of("sendkit_workspace_mailboxes", workspace="acme")

    assert {dict(labels)["status"]: count for labels, count in found.items()} == {
        "active": 2,
        "inactive": 0,
        "suspended": 1,
        "error": 0,
        "warming_up": 1,
    }


def test_suspect_values_and_duplicates_are_counted(tracked: Workspace) -> None:
    answer = answer_of(mailbox(_id="a", bounceRate=3, sentToday=-1), mailbox(_id="a"), {})
    for second in range(2):
        succeeded(tracked.all_time, answer, second, second)

    samples = of_workspace(tracked)

    suspects = samples.all_of("sendkit_suspect_values_total", workspace="acme")
    assert {dict(labels)["field"]: count for labels, count in suspects.items() if count} == {
        "bounceRate": 2,
        "sentToday": 2,
        "_id": 2,
    }
    assert samples.one("sendkit_duplicate_mailboxes", workspace="acme") == 1


def test_suspect_values_are_at_0_for_every_field_from_the_start(tracked: Workspace) -> None:
    suspects = of_workspace(tracked).all_of("sendkit_suspect_values_total", workspace="acme")

    counts = {dict(labels)["field"]: count for labels, count in suspects.items()}
    names = [field.name for field in BASE.fields]
    parts = [name.partition(".")[0] for name in names if "." in name]
    assert counts == dict.fromkeys(["_id", *names, *parts], 0)
    assert {"email", "performance.sent", "warmup", "performance", "rates"} <= counts.keys()


def test_suspect_values_of_all_feeds_are_added_up_by_field(tracked: Workspace) -> None:
    bad = mailbox(_id="a", performance={**mailbox()["performance"], "sent": -1})
    succeeded(tracked.all_time, answer_of(bad))
    succeeded(tracked.polls["7d"], answer_of(bad, bad | {"_id": "b"}, feed=WEEK))

    suspects = of_workspace(tracked).all_of("sendkit_suspect_values_total", field="performance.sent")

    assert list(suspects.values()) == [3]


# Collectors


def test_a_collector_goes_by_its_name_and_has_metrics_of_its_own() -> None:
    polled, collecting = (
        workspace_of(Key("w1"), "agency", "acme", *feeds) for feeds in ((BASE,), (BASE, COLLECTOR))
    )
    poll = collecting.polls["collector"]
    succeeded(poll, answer_of(), 1_700_000_000)
    poll.failed(Reason.AUTH, "refused", Instant(1_700_000_060, 60), 1)

    before, samples = of_workspace(polled), of_workspace(collecting)

    own = {name: series for name, series in samples.by_name.items() if name not in before.by_name}
    labels = {("workspace", "acme"), ("collector", "collector")}
    assert own == {
        "sendkit_collector_up": {frozenset(labels): 0},
        "sendkit_collector_last_success_timestamp_seconds": {frozenset(labels): 1_700_000_000},
        "sendkit_collector_interval_seconds": {frozenset(labels): 3600},
        "sendkit_collector_failures_total": {
            frozenset({*labels, ("reason", reason)}): int(reason == "auth") for reason in REASONS
        },
    }
    assert {*before} <= {*samples}
    assert samples.values_of("window", "sendkit_polls_total") == {"all"}


def test_before_its_first_poll_a_collector_shows_its_interval_and_counters_from_0() -> None:
    samples = of_workspace(workspace_of(Key("w1"), "agency", "acme", BASE, COLLECTOR))

    assert {name for name in samples.by_name if "collector" in name} == {
        "sendkit_collector_interval_seconds",
        "sendkit_collector_failures_total",
    }


# Stale data, and all of it


def test_stale_data_leaves_what_is_shown_of_the_polls_as_it_is(tracked: Workspace) -> None:
    succeeded(tracked.all_time, answer_of(mailbox()))

    fresh, stale = of_workspace(tracked), of_workspace(tracked, stale=True)

    assert {*fresh.by_name} - {*stale.by_name} == {
        "sendkit_workspace_mailboxes",
        "sendkit_duplicate_mailboxes",
    }
    assert stale.one("sendkit_last_success_timestamp_seconds", window="all") == 0


def every_metric(tracked: Workspace) -> Samples:
    """Return a sample of every metric, each feed having succeeded."""
    answer = answer_of(mailbox(bounceRate=2))
    tracked.totals = Totals().after(answer, 0)
    part = rendered(answer, tracked.totals)
    for poll in tracked.polls.values():
        succeeded(poll, answer)
    joined = []
    for feed in EVERY_COLLECTOR:
        poll = tracked.polls[feed.name] = Poll(feed, 900)
        own = parse(collected(feed, ID), feed)
        succeeded(poll, own)
        if feed.rows is Rows.MAILBOXES:
            joined.append(render_join(feed, own, part.roster, PLAIN, None).pieces)
    return samples_of(render_workspace(tracked, stale=False), part.pieces, *joined)


METRICS: tuple[Metric, ...] = (*catalogue.METRICS, *families())


def test_every_metric_of_the_catalogue_is_rendered(tracked: Workspace) -> None:
    assert {*every_metric(tracked).by_name} == {metric.name for metric in METRICS}


def test_every_sample_has_the_labels_of_the_catalogue(tracked: Workspace) -> None:
    labels = {metric.name: {*metric.labels} for metric in METRICS}

    for name, own, _ in every_metric(tracked):
        assert {key for key, _ in own} == labels[name]
