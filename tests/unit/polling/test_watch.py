"""How the mail of a workspace is, with what collectors know of it."""

from collections.abc import Mapping

import pytest

from exporter.answers.answer import Answer, Column
from exporter.catalogue.kinds import Feed, Rows
from exporter.fleet.counters import Totals
from exporter.fleet.findings import Kind
from exporter.fleet.listed import Checkups
from exporter.fleet.poll import Poll
from exporter.fleet.reading import Reading
from exporter.fleet.recent import HOUR_SECONDS, Recent
from exporter.fleet.workspace import Fleet, Workspace
from exporter.polling.watch import Watch
from exporter.sendkit.feeds import checkups, overview
from tests.pages import NOW, answer_of, fresh

TESTS = Feed(checkups.NAME, "", (), 3600, rows=Rows.NEWEST)
OVERVIEW = Feed(overview.NAME, "/v1/analytics/overview", (), 300)


def stalled(workspace: Workspace) -> bool:
    found = Watch(Fleet(), None).lately(workspace, answer_of(2), Totals(), NOW.unix)
    return any(finding.kind is Kind.STALLED for finding in found.judged.findings)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"active_campaigns": [0]}, False),
        ({"active_campaigns": [2]}, True),
        ({"active_campaigns": [None]}, True),
        ({}, True),
        (None, True),
    ],
)
def test_a_workspace_without_an_active_campaign_has_not_stalled(
    numbers: Mapping[str, Column] | None, *, expected: bool
) -> None:
    """A week ago it sent mails at this hour, and now none; whether there is any to send may be unknown."""
    workspace = fresh(Fleet(), "acme", answer_of(2))
    hour = int(NOW.unix // HOUR_SECONDS) - 7 * 24
    sent = dict.fromkeys(range(hour - 3, hour + 1), 30)
    workspace.recent = Recent(sent=sent, last_sent=NOW.unix - 6 * HOUR_SECONDS, now=NOW.unix)
    if numbers is not None:
        workspace.polls[OVERVIEW.name] = Poll(OVERVIEW, 900, Reading(Answer([""], numbers=numbers), None))

    assert stalled(workspace) is expected


def newest_is(watch: Watch, workspace: Workspace, completed: float, listed: int, now: float) -> bool:
    """Return whether the page calls for somebody when the newest test is this one."""
    numbers: dict[str, list[float | None]] = {
        "blacklist_completed_timestamp_seconds": [completed],
        "blacklist_listed": [listed],
        "blacklist_checked": [10],
    }
    answer = Answer([""], numbers=numbers)
    workspace.polls[TESTS.name] = Poll(TESTS, 900, Reading(answer, None))
    watch.answered(workspace, TESTS, answer, now)
    return any(finding.kind is Kind.LISTED for finding in workspace.judged.critical.values())


def test_a_newer_test_that_lists_more_is_critical_for_a_day_as_the_alert_is() -> None:
    fleet = Fleet()
    watch, workspace = Watch(fleet, None), fresh(fleet, "acme", answer_of(2))
    assert not newest_is(watch, workspace, 100, 3, NOW.unix)
    assert not newest_is(watch, workspace, 200, 3, NOW.unix + 3600)
    assert newest_is(watch, workspace, 300, 4, NOW.unix + 7200)
    assert newest_is(watch, workspace, 300, 4, NOW.unix + 24 * 3600)
    assert watch.lately(workspace, answer_of(2), Totals(), NOW.unix + 25 * 3600).judged.critical
    assert not newest_is(watch, workspace, 300, 4, NOW.unix + 32 * 3600)
    assert not newest_is(watch, workspace, 400, 2, NOW.unix + 33 * 3600)
    assert [incident.until is None for incident in fleet.incidents] == [False]


def test_a_listing_lasts_over_a_restart_for_a_day() -> None:
    fleet = Fleet()
    workspace = fresh(fleet, "acme", answer_of(2))
    watch = Watch(fleet, None)
    newest_is(watch, workspace, 100, 3, NOW.unix)
    assert newest_is(watch, workspace, 200, 5, NOW.unix + 60)
    workspace.checkups = Checkups()
    assert newest_is(watch, workspace, 200, 5, NOW.unix + 120)
    assert not newest_is(watch, workspace, 200, 5, NOW.unix + 120 + 25 * 3600)
