"""How the mail of a workspace is, with what collectors know of it."""

from collections.abc import Mapping

import pytest

from exporter.answers.answer import Answer, Column
from exporter.catalogue.kinds import Feed
from exporter.fleet.counters import Totals
from exporter.fleet.findings import Kind
from exporter.fleet.poll import Poll
from exporter.fleet.reading import Reading
from exporter.fleet.recent import HOUR_SECONDS, Recent
from exporter.fleet.workspace import Fleet, Workspace
from exporter.polling.watch import Watch
from exporter.sendkit.feeds import overview
from tests.pages import NOW, answer_of, fresh

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
