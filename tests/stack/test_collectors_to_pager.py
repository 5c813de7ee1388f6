"""What collectors know, up to the pager: parked mailboxes page nobody, what only collectors see is reported.

The whole way is real and runs 60 times as fast (`paging`). Beside workspaces with parked mailboxes one
stalls, so that what must not page is seen to page where it must. Of another one the key may not read what
says which mailboxes are parked, and in the last one goes wrong what the figures of mails do not show.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.dashboards import dashboards, panels
from tests.servers import on_path
from tests.stack.choices import Choice
from tests.stack.days_before import Past
from tests.stack.paging import HOUR, PATIENCE, Fleet, Paging, ahead_of_others, start_paging
from tests.stack.processes import Process, Processes, Simulator
from tests.stack.prometheus_servers import Prometheus
from tests.stack.queries import Queries
from tests.stack.webhook import Webhook, webhook
from tests.waiting import wait_for

ATTEMPTS = 3
FIFTH, WHOLE, STALLED, REFUSED, UNSEEN = "fifth", "whole", "stalled", "refused", "unseen"
SIZE = 10
"""Mailboxes of a workspace; of so few all are active at first."""
TOLD = {
    "SendKitBlacklisted": "/page",
    "SendKitDomainSpamPlacement": "/ticket",
    "SendKitMailboxError": "/ticket",
    "SendKitSetupBroken": "/ticket",
}
"""The messages about the last workspace, and where each goes."""
FLEET = Fleet(
    "working-day",
    Past(datetime(2025, 6, 10, 9, tzinfo=UTC), mailboxes=5 * SIZE, workspaces=5),
    (FIFTH, WHOLE, STALLED, REFUSED, UNSEEN),
    include=(".*",),
    collectors={
        "mailboxes": {"interval": HOUR / 30},
        "warmup": {"interval": HOUR / 30, "days": 1},
        "overview": {"interval": HOUR / 30},
        "tests": {"interval": HOUR / 30, "enabled": True},
    },
)
ENABLED = "sendkit_mailbox_sending_enabled"

pytestmark = pytest.mark.timeout(1800)


@dataclass(slots=True)
class Story:
    """What happened when a fifth of a workspace was parked, another one whole, and a third one stalled."""

    paging: Paging
    webhook: Webhook
    exporter: Process

    @property
    def prometheus(self) -> Prometheus:
        return self.paging.prometheus

    def paged(self, workspace: str) -> set[str]:
        """Return the alerts of a workspace that anybody was paged for."""
        about = set().union(*(told.about for told in self.webhook.received("/page", workspace=workspace)))
        return {name for of, name in about if of == workspace}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Let it happen; again when the machine has stood still meanwhile: seconds of that are minutes here."""
    with ExitStack() as stack:
        for _ in range(ATTEMPTS):
            stack.close()
            story = stack.enter_context(told(tmp_path_factory.mktemp("story")))
            if story.paging.kept_pace():
                break
        yield story


@contextmanager
def told(folder: Path) -> Iterator[Story]:
    """Let everything happen on today's servers, if it does: the tests say what did."""
    processes = Processes(folder)
    try:
        with on_path("newest"), ahead_of_others(), webhook() as hook:
            simulator = FLEET.start_simulator(processes)
            refused = simulator.workspaces[3]["name"]
            simulator.begin("collector_refused", workspace=refused, endpoint="mailboxes")
            paging = start_paging(processes, hook.url, {FLEET: simulator})
            hook.notifications.clear()
            [exporter] = [process for process in processes.running if process.name == "exporter"]
            story = Story(paging, hook, exporter)
            with suppress(AssertionError):
                happen(story, simulator)
            yield story
    finally:
        processes.end()


def happen(story: Story, simulator: Simulator) -> None:
    """Let the scenarios begin, and wait until two workspaces have sent nothing for two hours."""
    fifth, whole, stalled, _, unseen = (workspace["name"] for workspace in simulator.workspaces)
    for before in ("mailbox:sendkit_setup_health:ratio", "workspace:sendkit_blacklist_listed:newest"):
        known = f'{before}{{workspace="{UNSEEN}"}}'
        wait_for(
            partial(story.prometheus.query, known), PATIENCE, what=f"{before} is known before it changes"
        )
    mailbox = next(iter(simulator.truth()[simulator.workspaces[-1]["id"]]))
    simulator.begin("mailboxes_parked", workspace=fifth, share=0.2)
    simulator.begin("mailboxes_parked", workspace=whole, share=1)
    simulator.begin("sending_stalled", workspace=stalled)
    for scenario in ("placement_collapse", "dns_broken", "blacklisted"):
        simulator.begin(scenario, workspace=unseen)
    simulator.begin("mailbox_error", mailbox=mailbox, text="535 authentication failed")
    wait_for(lambda: story.paged(STALLED), 3 * HOUR + PATIENCE, what="the stalled workspace pages")
    silent = f'workspace:sendkit_emails_sent:increase2h{{workspace="{WHOLE}"}} == 0'
    wait_for(lambda: story.prometheus.query(silent), PATIENCE, what="the parked workspace is silent")
    wait_for(
        lambda: all(
            story.webhook.received(path, workspace=UNSEEN, alertname=name) for name, path in TOLD.items()
        ),
        PATIENCE,
        what="what collectors see is told",
    )


def test_a_workspace_that_stalls_pages_beside_them(story: Story) -> None:
    assert story.paged(STALLED) == {"SendKitSendingStalled"}


@pytest.mark.parametrize("workspace", [FIFTH, WHOLE, REFUSED])
def test_nobody_is_paged_for_parked_mailboxes(story: Story, workspace: str) -> None:
    silent = f'workspace:sendkit_emails_sent:increase2h{{workspace="{WHOLE}"}} == 0'
    assert story.prometheus.query(silent)
    assert story.paged(workspace) == set()
    critical = 'ALERTS{alertname=~"SendKit.*",severity="critical"}'
    assert {found["metric"]["workspace"] for found in story.prometheus.query(critical)} == {STALLED, UNSEEN}


def test_a_key_that_may_not_read_it_is_one_log_line_and_everything_else_is_as_before(story: Story) -> None:
    labels = f'workspace="{REFUSED}"'
    assert len(story.exporter.lines("warning", REFUSED, "collector=mailboxes")) == 1
    assert story.webhook.received(workspace=REFUSED, alertname="SendKitDiscoveryFailed") == []
    assert story.prometheus.value(f'sendkit_collector_up{{{labels},collector="mailboxes"}}') == 0
    assert story.prometheus.value(f'min(sendkit_collector_up{{{labels},collector!="mailboxes"}})') == 1
    assert story.prometheus.value(f"sendkit_up{{{labels}}}") == 1
    assert story.prometheus.query(f"{ENABLED}{{{labels}}}") == []
    for metric in ("sendkit_mailbox_sent_today", "sendkit_mailbox_warmup_window_sent"):
        assert story.prometheus.value(f"count({metric}{{{labels}}})") == SIZE
    known = {each["name"]: each for each in story.exporter.get("/api/v1/status").json()["workspaces"]}
    assert known[REFUSED]["data"] == "ok"


@pytest.mark.parametrize(("alert", "path"), TOLD.items())
def test_what_only_collectors_see_is_shown(story: Story, alert: str, path: str) -> None:
    assert story.webhook.received(path, "firing", workspace=UNSEEN, alertname=alert)


def test_the_page_is_critical_where_more_mailboxes_are_on_blacklists(story: Story) -> None:
    status = story.exporter.get("/api/v1/status").json()
    assert {each["name"]: each["mail"] for each in status["workspaces"]}[UNSEEN] == "critical"
    began = f"More mailboxes of {UNSEEN} are on blacklists: "
    assert any(incident["summary"].startswith(began) for incident in status["incidents"])


def test_the_page_shows_the_text_of_a_last_error(story: Story) -> None:
    assert "last error: 535 authentication failed" in story.exporter.get(f"/workspaces/{UNSEEN}").text


def parked(story: Story, workspace: str) -> tuple[int, int]:
    """Return how many mailboxes are parked, by the metric, and how many there are."""
    found = story.prometheus.query(f'{ENABLED}{{workspace="{workspace}"}}')
    return sum(float(each["value"][1]) == 0 for each in found), len(found)


def test_the_metric_says_which_mailboxes_are_parked(story: Story) -> None:
    number, mailboxes = parked(story, FIFTH)
    assert number == pytest.approx(mailboxes / 5, abs=1)
    assert number >= 1
    number, mailboxes = parked(story, WHOLE)
    assert number == mailboxes


@pytest.mark.parametrize("workspace", [FIFTH, WHOLE, STALLED])
def test_the_dashboard_shows_as_many_as_parked(story: Story, workspace: str) -> None:
    [table] = (panel for panel in panels(dashboards()["sendkit-fleet"]) if panel["title"] == "Providers")
    query = Choice("one", workspace, {}).fill(table["targets"][1]["expr"])
    found = Queries(story.prometheus.process.url).instant(query, time.time())
    assert sum(value for _, value in found) == parked(story, workspace)[0]


def test_the_page_shows_as_many_as_parked(story: Story) -> None:
    for workspace in (FIFTH, WHOLE):
        page = story.exporter.get(f"/workspaces/{workspace}").raise_for_status().text
        assert f"{parked(story, workspace)[0]} parked: sending is off" in page
    assert "parked: sending is off" not in story.exporter.get(f"/workspaces/{STALLED}").text


def test_parked_mailboxes_are_no_capacity(story: Story) -> None:
    capacity = 'workspace:sendkit_mailbox_daily_send_limit:sum{workspace="fifth"}'
    limits = f'sum(sendkit_mailbox_daily_send_limit{{workspace="fifth"}} and on (mailbox_id) {ENABLED} == 1)'
    assert story.prometheus.value(f"{capacity} <= on () {limits}")
    assert story.prometheus.value('workspace:sendkit_mailbox_daily_send_limit:sum{workspace="whole"}') is None
