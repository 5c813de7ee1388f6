"""The status page: the fleet in figures, and the mailboxes nearest trouble."""

import pytest

from exporter.exposition import privacy
from exporter.exposition.rendering import Disclosure
from exporter.fleet.workspace import Fleet
from exporter.page import status as status_page
from exporter.page.wording import MISSING
from tests.pages import answer_of, fresh, page_of


def test_one_send_is_not_called_sends() -> None:
    fleet = Fleet()
    fresh(fleet, "acme", answer_of(1, campaign_sent=[1], campaign_bounced=[0]))
    text = page_of(fleet).section("fleet").text
    assert "Bounces, all-time 0 % 0 of 1 campaign send Warm-up in progress 1 mailbox" in text


def test_the_page_shows_the_fleet_in_figures() -> None:
    fleet = Fleet()
    everything = answer_of(
        4,
        ["active", "active", "suspended", "error"],
        sent_today=[50, 10, 0, None],
        daily_send_limit=[50, 50, 50, 50],
        campaign_sent=[1000, 1000, None, 500],
        campaign_bounced=[10, 10, 99, 5],
    )
    fresh(fleet, "acme", everything)
    week = answer_of(1, campaign_sent=[200], campaign_bounced=[6], sent_today=[0], daily_send_limit=[100])
    fresh(fleet, "beta", week, "7d")
    figures = page_of(fleet).section("fleet").text
    assert "Mailboxes 5 3 active 1 error 1 suspended" in figures
    assert "Sent today 24 % 60 of 250 a day" in figures
    assert "At their daily limit 1 mailbox " in figures
    assert "Bounces, 7d 3 % 6 of 200 campaign sends" in figures
    assert "Bounces, all-time 1.1 % 31 of 2,700 campaign sends" in figures
    assert "Warm-up in progress 5 mailboxes" in figures


def test_figures_that_no_answer_gives_are_dashes() -> None:
    fleet = Fleet()
    fresh(fleet, "acme", answer_of(2))
    figures = page_of(fleet).section("fleet").text
    assert f"Sent today {MISSING} {MISSING}" in figures
    assert f"At their daily limit {MISSING}" in figures
    assert f"Bounces, all-time {MISSING} of campaign sends" in figures


def test_a_mailbox_in_trouble_is_shown_with_its_figures() -> None:
    fleet = Fleet()
    answer = answer_of(
        2,
        ["active", "suspended"],
        campaign_sent=[41, 0],
        campaign_bounced=[7, 0],
        sent_today=[12, 0],
        daily_send_limit=[50, 50],
    )
    fresh(fleet, "acme", answer)
    page = page_of(fleet)
    bounces = "7 of 41 (17 %), at least 5.7 %"
    assert page.section("mailboxes").rows == [
        "anna1@acme.example ▲ status is suspended all-time: 0 of 0 0 of 50 (0 %) acme acme.example",
        f"anna0@acme.example ▲ bounces above 3 % all-time: {bounces} 12 of 50 (24 %) acme acme.example",
    ]
    assert "2 mailboxes in trouble: 1 suspended or in error, 1 bouncing" in page.text


def test_only_the_worst_are_shown_and_all_are_counted() -> None:
    fleet = Fleet()
    fresh(fleet, "acme", answer_of(40, ["error"] * 40))
    section = page_of(fleet).section("mailboxes")
    assert len(section.rows) == status_page.MOST_TROUBLED
    assert "40 mailboxes in trouble" in section.text


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        (lambda address: address, "anna0@acme.example"),
        (privacy.masked, "a***@acme.example"),
        (lambda _: "", "m0"),
    ],
    ids=["plain", "masked", "off"],
)
def test_addresses_are_shown_as_far_as_they_are_disclosed(email: object, expected: str) -> None:
    fleet = Fleet()
    fresh(fleet, "acme", answer_of(1, ["error"]))
    assert callable(email)
    page = page_of(fleet, Disclosure(email))
    assert page.section("mailboxes").rows[0].startswith(f"{expected} ▲ status is error")
    assert ("anna0@" in page.source) == (expected == "anna0@acme.example")
    assert "Anna" not in page.source
