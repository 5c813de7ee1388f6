"""Collectors as a user meets them: an exporter over the simulated API, with the traps of each endpoint."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.catalogue.workspace import Reason
from exporter.simulator import Simulation
from tests.collectors import EVERY, OFF
from tests.exporting import Exporting, exporting
from tests.simulated_api import SimulatedApi
from tests.waiting import until
from tests.world import NOON

SOON = 1.0
PATIENT: dict[str, Any] = {"api": {"timeout": 30}, "poll": {"interval": SOON}}
"""The simulation is in the same process, and takes its time."""
OF_DETAILS = "sendkit_mailbox_sending_enabled"
OF_WARMUP = "sendkit_mailbox_warmup_window_sent"

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def collecting(
    mailboxes: int = 120,
    *scenarios: tuple[str, Mapping[str, object]],
    **sections: Any,  # noqa: ANN401 - as in YAML
) -> AsyncIterator[tuple[Exporting, SimulatedApi]]:
    """Run an exporter with every collector over a simulated workspace, on which scenarios have begun."""
    simulation = Simulation(mailboxes, workspaces=1, start=NOON, clock=lambda: 0.0)
    api = SimulatedApi(simulation)
    for name, parameters in scenarios:
        api.start(name, **parameters)
    account = {"name": "acme", "api_key": simulation.workspaces[0].key}
    collectors = {name: {"enabled": True, "interval": SOON} for name in EVERY}
    async with exporting(api, account, **{**PATIENT, "collectors": collectors, **sections}) as running:
        yield running, api


def is_up(running: Exporting, collector: str) -> bool:
    """Whether a collector's last poll succeeded; reading a scrape of 2,000 mailboxes takes seconds."""
    return any(workspace.polls[collector].up for workspace in running.exporter.fleet)


def failures(running: Exporting, collector: str, reason: str) -> int:
    return sum(workspace.polls[collector].failures[Reason(reason)] for workspace in running.exporter.fleet)


async def all_up(running: Exporting) -> None:
    await until(lambda: all(is_up(running, collector) for collector in EVERY) and running.is_up("acme"))


async def test_every_mailbox_has_the_samples_of_each_collector_with_the_labels_of_its_figures() -> None:
    async with collecting(130) as (running, api):
        await all_up(running)
        samples = running.samples()

    figures = {own for own, _ in samples.by_name["sendkit_mailbox_sent_today"].items()}
    assert len(figures) == 130
    for name in (OF_DETAILS, OF_WARMUP, "sendkit_mailbox_last_error", "sendkit_mailbox_warmup_day"):
        assert samples.by_name[name].keys() == figures
    assert api.simulation.now() == NOON
    providers = samples.values_of("provider", "sendkit_mailbox_provider_info")
    assert providers <= {"gmail", "outlook", "azure", "custom"}
    health = samples.by_name["sendkit_mailbox_setup_health_ratio"].values()
    assert {*health} <= {0.85, 1}
    suspects = samples.by_name["sendkit_suspect_values_total"]
    assert {*suspects.values()} == {0}
    assert {"sendingEnabled", "stats.inbox", "activeCampaigns", "summary.spam"} <= samples.values_of(
        "field", "sendkit_suspect_values_total"
    )


async def test_counts_of_warm_up_are_whole_and_never_the_rounded_rates() -> None:
    async with collecting() as (running, _):
        await all_up(running)
        samples = running.samples()

    parts = ("inbox", "spam", "promotions")
    sums = {
        own: sum(samples.by_name[f"sendkit_mailbox_warmup_window_{part}"][own] for part in parts[:2])
        for own in samples.by_name[OF_WARMUP]
    }
    assert any(sums.values())
    assert all(landed <= samples.by_name[OF_WARMUP][own] for own, landed in sums.items())
    assert not [
        name for name in samples.by_name if name.startswith("sendkit_mailbox_warmup_") and "rate" in name
    ]


async def test_a_log_line_says_how_many_mailboxes_a_list_of_them_has() -> None:
    with capture_logs() as log:
        async with collecting(20) as (running, _):
            await all_up(running)

    told = {
        line.get("collector", "all"): line.get("mailboxes")
        for line in log
        if line["event"] == "polls succeed"
    }
    assert told == {"all": 20, "mailboxes": 20, "warmup": 20, "overview": None, "tests": None}


async def test_the_newest_finished_tests_are_shown_and_one_that_runs_is_not() -> None:
    """At noon today's tests are over; at 6:00 today's still run, with summaries that are null."""
    dawn = NOON.replace(hour=6)
    simulation = Simulation(50, workspaces=1, start=dawn, clock=lambda: 0.0)
    account = {"name": "acme", "api_key": simulation.workspaces[0].key}
    collectors = {"tests": {"enabled": True, "interval": SOON}}
    async with exporting(SimulatedApi(simulation), account, collectors=collectors, **PATIENT) as running:
        await until(lambda: is_up(running, "tests"))
        samples = running.samples()

    yesterday = dawn.timestamp() - 22 * 3600  # tests end at 8:00
    for kind in ("blacklist", "placement"):
        assert samples.one(f"sendkit_workspace_{kind}_completed_timestamp_seconds") == yesterday
    assert samples.one("sendkit_workspace_blacklist_checked") == 50
    assert samples.one("sendkit_workspace_blacklist_listed") == 0
    placed = [
        samples.one(f"sendkit_workspace_placement_{where}") or 0 for where in ("inbox", "spam", "missing")
    ]
    assert sum(placed) == 40


@pytest.mark.parametrize("status", ["403", "404"])
async def test_a_refused_collector_is_one_log_line_and_everything_else_is_as_before(status: str) -> None:
    refusal = ("collector_refused", {"endpoint": "mailboxes", "status": status})
    with capture_logs() as log:
        async with collecting(120, refusal) as (running, api):
            await until(lambda: all(is_up(running, other) for other in EVERY[1:]))
            polls = int(running.one("sendkit_polls_total", "acme") or 0)
            await until(lambda: running.is_polled("acme", polls + 3))
            samples = running.samples()
            assert api.asked("/v1/mailboxes") == 1  # asked again in an hour
            assert running.unready_reason() == ""

    assert samples.one("sendkit_collector_up", collector="mailboxes") == 0
    assert samples.one("sendkit_up", window="all") == 1
    reason = "auth" if status == "403" else "client_error"
    assert samples.one("sendkit_collector_failures_total", collector="mailboxes", reason=reason) == 1
    assert OF_DETAILS not in samples.by_name
    assert len(samples.by_name[OF_WARMUP]) == 120
    told = [line for line in log if line.get("collector") == "mailboxes" and line["log_level"] != "debug"]
    assert [line["event"] for line in told] == ["poll failed"]


async def test_a_part_of_the_tests_that_is_refused_leaves_the_other() -> None:
    async with collecting(20, ("collector_refused", {"endpoint": "blacklist"})) as (running, api):
        await until(lambda: failures(running, "tests", "auth"))
        samples = running.samples()
        assert api.asked("/v1/blacklist-tests") == 1

    assert samples.one("sendkit_collector_up", collector="tests") == 0
    assert samples.one("sendkit_workspace_placement_inbox") is not None
    assert "sendkit_workspace_blacklist_checked" not in samples.by_name


@pytest.mark.parametrize("scenario", ["page_missing", "cursor_loop", "list_changes"])
async def test_a_list_that_is_not_whole_is_not_taken_and_what_was_there_stays(scenario: str) -> None:
    async with collecting(130) as (running, api):
        await all_up(running)
        api.start(scenario)
        await until(lambda: failures(running, "mailboxes", "malformed"))
        samples = running.samples()

    assert samples.one("sendkit_collector_up", collector="mailboxes") == 0
    assert len(samples.by_name[OF_DETAILS]) == 130


async def test_an_empty_page_with_more_to_come_is_followed() -> None:
    async with collecting(130, ("empty_page", {"page": 2})) as (running, api):
        await all_up(running)
        assert len(running.samples().by_name[OF_DETAILS]) == 130
        assert api.asked("/v1/mailboxes") >= 3


async def test_a_refresh_of_2000_mailboxes_is_20_requests() -> None:
    sections = {"collectors": {**OFF, "mailboxes": {"interval": 3600}}, "poll": {"interval": 3600}}
    async with collecting(2000, **sections) as (running, api):
        await until(lambda: is_up(running, "mailboxes"), 120)
        assert api.asked("/v1/mailboxes") == 20
        assert len(running.samples().by_name[OF_DETAILS]) == 2000


async def test_what_a_collector_brought_is_shown_at_once_after_a_restart(tmp_path: Any) -> None:  # noqa: ANN401
    state = {"state": {"directory": tmp_path / "state"}}
    async with collecting(30, **state) as (running, _):
        await all_up(running)
        before = running.samples()
    async with collecting(30, ("api_down", {}), **state) as (running, _):
        after = running.samples()

    for name in (OF_DETAILS, OF_WARMUP, "sendkit_mailbox_tag_info", "sendkit_workspace_active_campaigns"):
        assert after.by_name[name] == before.by_name[name]


async def test_stale_data_of_a_collector_is_dropped_and_the_figures_stay() -> None:
    async with collecting(30, poll={"interval": SOON, "stale_after": 6}) as (running, api):
        await all_up(running)
        api.start("collector_refused")
        await until(lambda: OF_DETAILS not in running.samples().by_name)
        samples = running.samples()

    assert len(samples.by_name["sendkit_mailbox_sent_today"]) == 30


@pytest.mark.parametrize(
    ("mode", "shown"), [("plain", "owner bob@acme.example"), ("masked", "o***@acme.example"), ("off", "")]
)
async def test_a_tag_that_holds_an_address_is_shown_as_addresses_are(mode: str, shown: str) -> None:
    renamed = ("tag_renamed", {"tag": "good", "to": "owner bob@acme.example"})
    async with collecting(20, renamed, privacy={"email": mode}) as (running, _):
        await all_up(running)
        tags = running.samples().values_of("tag", "sendkit_mailbox_tag_info")

    assert shown in tags
    assert [tag for tag in tags if "bob" in tag] == ([shown] if mode == "plain" else [])
