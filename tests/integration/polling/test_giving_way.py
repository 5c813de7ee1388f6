"""A collector's requests come after the polls of the same key, and share what the API asks of that key."""

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from tests.collectors import OFF
from tests.exporting import FAST, Exporting, exporting
from tests.scripted_api import Behaviour, Request, ScriptedApi, answer, answered, mailbox, once_set
from tests.waiting import until

OVERVIEW = "/v1/analytics/overview"
COLLECTING = {**OFF, "overview": {"interval": FAST}}
LIMITED = answer(429, b'{"message": "slow down"}', retry_after="600")
SLOTS = 2
KEY = "sk_user_agency"
CAMPAIGNS = answer(
    200, json.dumps({"success": True, "data": {"totalCampaigns": 3, "activeCampaigns": 1}}).encode()
)

pytestmark = pytest.mark.anyio


@dataclass
class OverviewApi(ScriptedApi):
    """The scripted API with one more endpoint, which a collector asks; `overviews` treats it by key."""

    overviews: dict[str, Behaviour] = field(default_factory=dict)

    def _behaviour(self, request: Request) -> Behaviour:
        if request.path == OVERVIEW:
            return self.overviews.get(request.key, CAMPAIGNS)
        return super()._behaviour(request)

    def paths(self) -> list[str]:
        """Return what was asked for, without the lists of workspaces."""
        return [request.path for request in self.requests if request.path != "/v1/workspaces"]


def collector(running: Exporting, name: str, workspace: str = "acme", **labels: str) -> float:
    return running.samples().one(f"sendkit_collector_{name}", workspace=workspace, **labels) or 0


async def test_waits_while_polls_hold_every_slot_and_lets_those_that_wait_go_first() -> None:
    """Two of the polls are under way, and all others wait; a collector is due before most of them."""
    names = [f"client-{number}" for number in range(6)]
    api = OverviewApi(workspaces={KEY: {name: name for name in names}})
    account = {"name": "agency", "api_key": KEY, "workspaces": {"refresh": "1d"}}
    async with exporting(
        api,
        account,
        api={"max_concurrent_requests": SLOTS, "timeout": 30},
        poll={"interval": 0.5},
        windows=[{"name": "7d", "days": 7, "interval": 1.5}],
        collectors=COLLECTING,
    ) as running:
        fleet = running.exporter.fleet
        await until(lambda: len(fleet) == len(names))
        await until(lambda: all(poll.up for workspace in fleet for poll in workspace.polls.values()))
        release = asyncio.Event()
        api.default = once_set(release, answered(mailbox("m1")))
        collectors = [workspace.polls["overview"] for workspace in fleet]
        polls = [workspace.polls[name] for workspace in fleet for name in ("all", "7d")]
        await until(lambda: all(poll.running for poll in polls))
        asked, skipped = len(api.paths()), [poll.skipped for poll in collectors]
        await until(lambda: all(poll.skipped > n for poll, n in zip(collectors, skipped, strict=True)))
        assert len(api.paths()) == asked
        release.set()
        await until(lambda: OVERVIEW in api.paths()[asked:])

    assert OVERVIEW not in api.paths()[asked : asked + len(polls) - SLOTS]


async def test_a_request_that_gives_way_is_not_made_while_a_poll_of_its_key_was_asked_to_wait() -> None:
    api = OverviewApi()
    async with exporting(api, {"name": "acme", "api_key": "sk_acme"}, collectors=COLLECTING) as running:
        await until(lambda: running.is_up("acme") and collector(running, "up", collector="overview"))
        api.default = LIMITED
        await until(lambda: limited(running))
        asked = len(api.paths())
        failed = limited(running)
        await until(lambda: limited(running) >= failed + 3)
        [workspace] = running.exporter.fleet

        assert len(api.paths()) == asked
        assert "as the API asked (Retry-After)" in workspace.polls["overview"].error
        assert collector(running, "up", collector="overview") == 0


async def test_a_request_that_was_asked_to_wait_holds_the_polls_of_its_key_and_of_no_other() -> None:
    api = OverviewApi()
    accounts = [{"name": name, "api_key": f"sk_{name}"} for name in ("acme", "other")]
    async with exporting(api, *accounts, collectors=COLLECTING) as running:
        await until(lambda: all(running.is_up(name) for name in ("acme", "other")))

        api.overviews["sk_acme"] = LIMITED
        await until(lambda: running.failures("acme", "rate_limited") >= 2)
        asked = len(api.asked("sk_acme"))
        polls = int(running.one("sendkit_polls_total", "other") or 0)
        await until(lambda: running.failures("acme", "rate_limited") >= 5)
        await until(lambda: running.is_polled("other", polls + 3))

        assert len(api.asked("sk_acme")) == asked
        assert running.is_up("other")
        assert collector(running, "up", "other", collector="overview") == 1


def limited(running: Exporting) -> float:
    """How many polls of the collector failed because the API asked to wait."""
    return collector(running, "failures_total", collector="overview", reason="rate_limited")
