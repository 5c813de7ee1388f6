"""From what goes wrong at SendKit to the page: who gets which message, once, and what causes no message.

The whole way is real and runs 60 times as fast, an hour in a minute (`paging`). The scenarios run side by
side, each in a workspace of its own, on fixed dates.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.stack.days_before import Past
from tests.stack.paging import HOUR, PATIENCE, Fleet, Paging, ahead_of_others, start_paging
from tests.stack.processes import Processes, Simulator
from tests.stack.webhook import Notification, Webhook, webhook
from tests.waiting import wait_for

ATTEMPTS = 3
SPIKED_DOMAIN = "acme-mail.example"

WORKING_DAY = Fleet(
    "working-day",
    Past(datetime(2025, 6, 10, 9, tzinfo=UTC), mailboxes=160, workspaces=5),
    ("bouncing", "deleted", "down", "revoked", "stalled"),
)
SATURDAY = Fleet(
    "saturday", Past(datetime(2025, 6, 14, 9, tzinfo=UTC), mailboxes=24, workspaces=1), ("quiet",)
)

PAGES = {
    "bouncing": "SendKitDomainBounceSpike",
    "down": "SendKitWorkspaceStale",
    "revoked": "SendKitAuthFailed",
    "stalled": "SendKitSendingStalled",
}
"""All that anybody is paged for, by workspace."""
OVER = {"down", "revoked"}
"""Where it ends. A spike lasts until a day is well again, which is longer than the story."""

pytestmark = pytest.mark.timeout(1800)


@dataclass(slots=True)
class Story:
    """What happened: who got which message, and the domain's mails within 24 h when its page came."""

    paging: Paging
    webhook: Webhook
    mails: dict[str, int] = field(default_factory=dict)

    def pages(self, workspace: str, status: str = "firing") -> list[Notification]:
        """Return the pages for a workspace."""
        return self.webhook.received("/page", status, workspace=workspace)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Let the story happen; again when the machine has stood still meanwhile.

    Seconds of that are minutes of the story, and what is to be told then is another one.
    """
    with ExitStack() as stack:
        for _ in range(ATTEMPTS):
            stack.close()
            story = stack.enter_context(told(tmp_path_factory.mktemp("story")))
            if story.paging.kept_pace():
                break
        yield story


@contextmanager
def told(folder: Path) -> Iterator[Story]:
    """Let everything happen that is to happen, if it does: the tests say what did."""
    processes = Processes(folder)
    try:
        with ahead_of_others(), webhook() as hook:
            simulators = {fleet: fleet.start_simulator(processes) for fleet in (WORKING_DAY, SATURDAY)}
            paging = start_paging(processes, hook.url, simulators)
            hook.notifications.clear()
            story = Story(paging, hook)
            with suppress(AssertionError):
                happen(story, simulators[WORKING_DAY])
            yield story
    finally:
        processes.end()


def happen(story: Story, simulator: Simulator) -> None:
    """Let all scenarios begin, and wait for the pages, and for the end of what ends."""
    names = [workspace["name"] for workspace in simulator.workspaces]
    bouncing, deleted, down, revoked, stalled = names
    spike = {"workspace": bouncing, "domain": SPIKED_DOMAIN}
    simulator.begin("bounce_spike", **spike, ratio=0.6, duration=2 * HOUR)
    simulator.begin("campaign_deleted", workspace=deleted, share=0.3)
    simulator.begin("api_down", workspace=down, duration=2.2 * HOUR)
    simulator.begin("key_revoked", workspace=revoked, duration=HOUR)
    simulator.begin("sending_stalled", workspace=stalled)

    wait_for(lambda: story.pages("bouncing"), PATIENCE)
    story.mails = WORKING_DAY.within_a_day(simulator, SPIKED_DOMAIN)
    simulator.begin("bounce_spike", **spike, ratio=0)  # somebody has cleaned the list
    wait_for(lambda: all(story.pages(workspace) for workspace in PAGES), PATIENCE)
    wait_for(lambda: all(story.pages(workspace, "resolved") for workspace in OVER), PATIENCE)


def only_page(story: Story, workspace: str, status: str = "firing") -> dict[str, Any]:
    """Return the one alert of the one page for a workspace."""
    alerts = [page.alerts for page in story.pages(workspace, status)]
    assert [[alert["labels"]["alertname"] for alert in page] for page in alerts] == [[PAGES[workspace]]]
    return alerts[0][0]


def test_a_bounce_spike_pages_once_and_names_the_domain_and_the_numbers(story: Story) -> None:
    alert = only_page(story, "bouncing")
    assert alert["labels"] == {
        "alertname": "SendKitDomainBounceSpike",
        "severity": "critical",
        "workspace": "bouncing",
        "domain": SPIKED_DOMAIN,
    }
    assert alert["annotations"]["summary"] == f"Bounce spike on domain {SPIKED_DOMAIN}"
    numbers = re.fullmatch(
        rf"Domain {SPIKED_DOMAIN} of workspace bouncing has (\d+) bounces of (\d+) sends within [\w ]+"
        r"( \(counted as \d+, for its busiest day\))?\. The bounce rate is at least ([\d.]+) % "
        r"\(99\.\d+ % confidence\), and the threshold is 3\.0 %\.",
        alert["annotations"]["description"],
    )
    assert numbers, alert["annotations"]["description"]
    bounces, sends, percent = int(numbers[1]), int(numbers[2]), float(numbers[4])
    assert 3 < percent < 100 * bounces / sends


def test_the_numbers_of_the_page_are_those_of_the_mails(story: Story) -> None:
    """Up to what is sent, and bounces, while the page is on its way."""
    description = only_page(story, "bouncing")["annotations"]["description"]
    bounces, sends = map(int, re.findall(r"(\d+) (?:bounces|sends)", description))
    assert sends <= 1.05 * story.mails["sent"]  # of an hour, a day or 7 days, whichever is furthest above
    assert 6 <= bounces <= story.mails["bounced"] + 4


def test_a_page_leads_to_its_runbook_and_its_dashboard(story: Story) -> None:
    annotations = only_page(story, "bouncing")["annotations"]
    dashboard = urlsplit(annotations["dashboard_url"])
    assert annotations["runbook_url"].endswith("/SendKitDomainBounceSpike.md")
    assert dashboard.path.endswith("/sendkit-domain")
    assert parse_qs(dashboard.query) == {"var-workspace": ["bouncing"], "var-domain": [SPIKED_DOMAIN]}


def test_while_a_domain_pages_its_mailboxes_make_no_tickets(story: Story) -> None:
    [page] = story.pages("bouncing")
    tickets = story.webhook.received("/ticket", "firing", workspace="bouncing")
    assert [ticket.about for ticket in tickets if page.time < ticket.time] == []


def test_an_api_that_is_down_for_long_pages_once_that_the_figures_are_stale(story: Story) -> None:
    alert = only_page(story, "down")
    assert "No poll of workspace down has succeeded for" in alert["annotations"]["description"]
    assert "the reason server_error" in alert["annotations"]["description"]


def test_a_revoked_key_pages_once(story: Story) -> None:
    alert = only_page(story, "revoked")
    assert alert["annotations"]["summary"] == "SendKit refuses the key of workspace revoked"


def test_a_working_day_without_mails_pages_once(story: Story) -> None:
    """What the quiet weekend is held against: the week before is known, and counts."""
    alert = only_page(story, "stalled")
    assert "Workspace stalled sent 0 mails within 2 h" in alert["annotations"]["description"]


def test_nobody_gets_a_message_on_a_deleted_campaign(story: Story) -> None:
    fallen = 'count(resets(sendkit_mailbox_campaign_sent{workspace="deleted"}[10m]) > 0)'
    assert story.paging.prometheus.value(fallen)
    assert story.webhook.received(workspace="deleted") == []


def test_nobody_gets_a_message_on_a_quiet_weekend(story: Story) -> None:
    """On Friday it sent hundreds; on the Saturday before as little as now."""
    assert story.paging.prometheus.value('workspace:sendkit_emails_sent:increase1d{workspace="quiet"}')
    assert story.webhook.received(workspace="quiet") == []


@pytest.mark.parametrize("workspace", ["down", "revoked", "stalled"])
def test_what_pages_makes_no_ticket_as_well(story: Story, workspace: str) -> None:
    """A mailbox that bounced slowly in the days before gets a ticket of its own."""
    told = [ticket.about for ticket in story.webhook.received("/ticket", workspace=workspace)]
    slow = ("SendKitMailboxBounceSlowBurn", "SendKitDomainBounceSlowBurn", "SendKitWorkspaceBounceLevel")
    assert set().union(*told) <= {(workspace, name) for name in slow}


@pytest.mark.parametrize("workspace", sorted(OVER))
def test_who_was_paged_gets_a_message_that_it_is_over(story: Story, workspace: str) -> None:
    assert only_page(story, workspace, "resolved")["status"] == "resolved"


def test_nobody_is_paged_for_anything_else(story: Story) -> None:
    told = [page.about for page in story.webhook.received("/page", "firing")]
    assert set().union(*told) == set(PAGES.items())


def test_in_the_end_only_what_lasts_pages_on(story: Story) -> None:
    """No incident comes back as another page once the one that inhibited it is over."""
    lasting = {name: PAGES[name] for name in ("bouncing", "stalled")}
    assert story.paging.active("critical") == set(lasting.items())
