"""The status page: how the workspaces and their polls are doing."""

import pytest

from exporter.catalogue.workspace import Reason
from exporter.fleet.poll import Instant
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Fleet
from exporter.page.wording import MISSING
from tests.pages import NOW, answer_of, before, fresh, page_of, track


def test_a_healthy_fleet_is_described_in_one_sentence() -> None:
    fleet = Fleet()
    for label in ("acme", "beta", "gamma"):
        fresh(fleet, label)
    page = page_of(fleet)
    assert page.data == "✓ Data: All 3 workspaces fresh"
    assert "<title>○ Too few mails to judge yet: 0 seen in 24 h · SendKit exporter</title>" in page.source
    assert page.section("workspaces").rows == [
        f"{label} ✓ Fresh 2 23 s ago succeeded, 23 s ago 0.42 s of 1 min 0 of 1"
        for label in ("acme", "beta", "gamma")
    ]
    assert "No mailbox is known to be in trouble or near it" in page.text


def test_a_single_workspace_has_its_own_sentence() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    assert page_of(fleet).data == "✓ Data: 1 workspace, fresh"


def test_a_refused_key_is_listed_first_with_its_error() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    refused = fresh(fleet, "zeta")
    refused.all_time.failed(Reason.AUTH, "401 Unauthorized", before(7), 1.5)
    page = page_of(fleet)
    assert page.data == "✕ Data: 1 of 2 workspaces failing"
    assert "the key is refused (auth): zeta" in page.text
    first, _ = page.section("workspaces").rows
    assert first == (
        "zeta ✕ Key refused 2 23 s ago the key is refused (auth), 7 s ago 401 Unauthorized "
        "1.5 s of 1 min 1 of 2 1 auth"
    )


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_of_failure_has_words(reason: Reason) -> None:
    fleet = Fleet()
    fresh(fleet, "acme").all_time.failed(reason, "", NOW, 1.0)
    assert f"({reason}): acme" in page_of(fleet).text


def test_one_failed_poll_is_a_warning_as_its_last_answer_still_counts() -> None:
    fleet = Fleet()
    fresh(fleet, "acme").all_time.failed(Reason.TIMEOUT, "no answer within 30 s", NOW, 30.0)
    page = page_of(fleet)
    assert page.data == "▲ Data: 1 of 1 workspace failing"
    assert "acme ▲ Failing 2 23 s ago" in page.text
    assert "Mailboxes 2" in page.section("fleet").text


def test_stale_answers_no_longer_count() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    fresh(fleet, "beta").all_time.succeeded(Reading(answer_of(5), None), before(900), 1.0)
    page = page_of(fleet)
    assert page.data == "✕ Data: 1 of 2 workspaces failing"
    assert "no poll ends: beta" in page.text
    assert f"beta ✕ Stale {MISSING} 15 min ago" in page.text
    assert "of the 1 of 2 workspaces whose data counts Mailboxes 2" in page.section("fleet").text


def test_a_workspace_that_never_had_an_answer_has_no_data() -> None:
    fleet = Fleet()
    track(fleet, "acme").all_time.failed(Reason.NETWORK, "connection refused", before(3), 0.01)
    assert (
        f"acme ✕ No data {MISSING} {MISSING} the API cannot be reached (network), 3 s ago"
        in page_of(fleet).text
    )


def test_before_the_first_poll_nothing_is_a_zero() -> None:
    fleet = Fleet()
    track(fleet, "acme", "7d")
    track(fleet, "beta", "7d")
    page = page_of(fleet)
    assert page.data == "○ Data: Waiting for the first poll of 2 workspaces"
    assert page.section("workspaces").rows[0] == (
        f"acme ○ Waiting {MISSING} {MISSING} not polled yet {MISSING} of 1 min {MISSING}"
    )
    assert "0" not in page.section("fleet").text
    assert "Not known: no workspace has data that counts." in page.text


def test_without_a_workspace_it_tells_where_to_look() -> None:
    page = page_of(Fleet())
    assert page.data == "○ Data: No workspace yet"
    assert "sendkit_discovery_up" in page.section("workspaces").text


def test_the_page_says_how_many_workspaces_wait_for_the_first_poll() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    track(fleet, "beta")
    assert page_of(fleet).data == "○ Data: 1 of 2 workspaces fresh, 1 waiting for the first poll"


def test_an_answer_from_before_the_start_counts_and_says_so() -> None:
    fleet = Fleet()
    poll = track(fleet, "acme").all_time
    poll.reading = Reading(answer_of(3), None)
    poll.last_success, poll.fresh_since = before(300).unix, before(300).steady
    assert (
        f"acme ✓ Fresh 3 5 min ago not polled since the start {MISSING} of 1 min {MISSING}"
        in page_of(fleet).text
    )


def test_a_clock_that_is_set_changes_no_age_of_the_data() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    page = page_of(fleet, now=Instant(NOW.unix + 86_400, NOW.steady))
    assert "✓ Fresh 2 23 s ago" in page.text


def test_no_mailboxes_is_no_failure() -> None:
    fleet = Fleet()
    fresh(fleet, "acme", answer_of(0))
    page = page_of(fleet)
    assert page.data == "✓ Data: 1 workspace, fresh"
    assert "Mailboxes 0" in page.section("fleet").text
    assert "The API gives no mailboxes" in page.text


def test_a_window_has_a_row_only_where_its_state_is_another() -> None:
    fleet = Fleet()
    tracked = fresh(fleet, "acme", None, "7d", "30d")
    tracked.polls["30d"].failed(Reason.TIMEOUT, "no answer within 30 s", NOW, 30.0)
    page = page_of(fleet)
    assert "no answer in time (timeout): acme (30d)" in page.text
    assert [row.split(" ✓")[0].split(" ▲")[0] for row in page.section("workspaces").rows] == [
        "acme",
        "↳ window 30d",
    ]


def test_windows_that_fail_like_their_workspace_are_not_listed_again() -> None:
    fleet = Fleet()
    for poll in track(fleet, "acme", "7d").polls.values():
        poll.failed(Reason.AUTH, "401", NOW, 0.1)
    page = page_of(fleet)
    assert "the key is refused (auth): acme" in page.text
    assert "7d" not in page.text


def test_many_failures_are_listed_by_cause() -> None:
    fleet = Fleet()
    for number in range(7):
        reason = Reason.NETWORK if number < 6 else Reason.AUTH
        track(fleet, f"w{number}").all_time.failed(reason, "", NOW, 0.1)
    page = page_of(fleet)
    assert (
        "the key is refused (auth): w6 the API cannot be reached (network): w0, w1, w2 and 3 more"
        in page.text
    )


def test_slow_and_skipped_polls_are_flagged() -> None:
    fleet = Fleet()
    poll = fresh(fleet, "acme").all_time
    poll.duration, poll.skipped = 75.0, 2
    assert "1 min 15 s of 1 min ▲ longer than its interval 2 skipped" in page_of(fleet).text


def test_a_notice_makes_a_healthy_fleet_a_warning() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    page = page_of(fleet, notices=["account agency: its workspaces cannot be found"])
    assert page.data == "▲ Data: 1 workspace, fresh"
    assert "account agency: its workspaces cannot be found" in page.text


def test_data_is_stale_as_soon_as_the_alert_says_so() -> None:
    """Three poll intervals, and five minutes at least: long before the answer no longer counts."""
    fleet = Fleet()
    workspace = fresh(fleet, "acme")
    workspace.all_time.fresh_since = before(299).steady
    workspace.all_time.failed(Reason.TIMEOUT, "", NOW, 1.0)
    assert "acme ▲ Failing" in page_of(fleet).text
    workspace.all_time.fresh_since = before(301).steady
    assert "acme ✕ Stale" in page_of(fleet).text
