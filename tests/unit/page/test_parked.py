"""Mailboxes whose sending is switched off, on the page: shown as parked, and no trouble."""

from exporter.answers.answer import Answer
from exporter.catalogue.kinds import Feed
from exporter.fleet.poll import Poll
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Fleet
from exporter.page import report
from exporter.page import status as status_page
from exporter.sendkit.feeds import details
from tests.pages import NOW, PLAIN, answer_of, before, fresh, page_of

FEED = Feed(details.NAME, "/v1/mailboxes", (), 900)


def fleet(*sending: int, age_seconds: float = 60) -> Fleet:
    """Return a fleet of four mailboxes, the last of which is inactive, and what a collector says of them."""
    tracked = Fleet()
    answer = answer_of(
        4, ["active"] * 3 + ["inactive"], sent_today=[1, 1, 1, 0], daily_send_limit=[10, 10, 10, 10]
    )
    workspace = fresh(tracked, "acme", answer)
    if sending:
        known = Answer([f"m{row}" for row in range(4)], numbers={"sending_enabled": [*sending]})
        seen = before(age_seconds)
        workspace.polls[FEED.name] = Poll(FEED, 1800.0, Reading(known, None), seen.unix, seen.steady)
    return tracked


def test_parked_mailboxes_are_counted_and_are_neither_capacity_nor_trouble() -> None:
    parked = fleet(1, 1, 0, 0)
    page = page_of(parked)

    assert "2 parked: sending is off" in page.section("fleet").text
    assert "3 of 20 a day" in page.section("fleet").text
    assert "status is inactive" not in page.text
    assert report.document(status_page.look(parked, NOW, PLAIN))["mailboxes"] == []


def test_where_no_collector_knows_of_them_everything_is_as_without() -> None:
    for unknown in (fleet(), fleet(1, 1, 0, 0, age_seconds=3600)):
        page = page_of(unknown)

        assert "parked" not in page.text
        assert "3 of 40 a day" in page.section("fleet").text
        assert "status is inactive" in page.text
        [box] = report.document(status_page.look(unknown, NOW, PLAIN))["mailboxes"]
        assert box["reasons"] == ["status is inactive"]
